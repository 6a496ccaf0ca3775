"""Rollback, resume and kill: what a person orders stands in the heads, and every run of it may be killed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from data.formats.head import Frozen, Head, parse
from data.formats.kill import parse as parse_kill
from data.formats.tree import HEAD, FormatError, commit_key, epoch_of, files_key, kill_key
from data.log.read import open_columns
from publisher.names import Names, names_of
from publisher.operations.orders import NOTHING, Order
from publisher.refusals import PublishError, PublishRefused
from publisher.run import publish
from publisher.store import Store
from publisher.stores.memory import MemoryStore
from publisher.sync.published import files_of, load
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site
from tests.publisher.test_run import Killed, MortalStore, assert_whole, crowd, two_ticks

BACK = Order(reason="bad release", rollback_to=1)
ON = Order(reason="mended", resume=True)
HIDE = Order(reason="court order", kill=frozenset({"video1", "dQw4w9WgXcQ"}))
TICK_3_MS = START_MS + 3 * HOUR_MS
NEXT_DAY_MS = START_MS + DAY_MS


def head_in(store: Store) -> Head:
    """The head of a store."""
    return parse(store.read(HEAD) or b"")[0]


def ordered(site: Site, order: Order, at_ms: int) -> Head:
    """Publishes an order; what the head says then."""
    publish(site.home, site.store, site.signer, site.settings, now_ms=at_ms, order=order)
    return head_in(site.store)


def names(site: Site) -> Names:
    """What the keys of a site's log stand for."""
    with open_columns(site.home.votes_log) as log:
        return names_of(log)


def commit(site: Site, seq: int) -> Head:
    """The head of an earlier tick."""
    return parse(site.store.read(commit_key(seq)) or b"")[0]


@pytest.mark.parametrize("at_ms", [TICK_3_MS, NEXT_DAY_MS], ids=["same day", "next day"])
def test_rows_go_back_and_stay(tmp_path: Path, at_ms: int) -> None:
    """A rollback is a new tick with old rows; heartbeats keep them, votes wait; resume brings what votes say."""
    site, untouched = two_ticks(tmp_path / "a"), two_ticks(tmp_path / "b")
    first, second = commit(site, 1), commit(site, 2)
    back = ordered(site, BACK, at_ms)
    crowd(site, at_ms, seed=4)
    site.publish(at_ms + HOUR_MS)
    beat = head_in(site.store)
    on = ordered(site, ON, at_ms + 2 * HOUR_MS)

    assert (back.seq, back.state, back.n, back.frozen) == (3, first.state, first.n, Frozen(1, "bad release"))
    assert first.state != second.state
    assert back.through_position == second.through_position == beat.through_position
    assert (beat.seq, beat.state, beat.frozen, beat.note) == (4, first.state, back.frozen, None)
    assert (on.frozen, on.note) == (None, "mended")
    assert on.through_position > back.through_position
    assert files_of(site.store, on).round_ms == on.ts
    crowd(untouched, at_ms, seed=4)
    untouched.publish(at_ms + HOUR_MS)
    fresh = ordered(untouched, Order(reason="x", resume=True), at_ms + 2 * HOUR_MS)
    assert fresh.frozen is None


def test_resume_says_what_all_votes_say(tmp_path: Path) -> None:
    """After resume the scores are those of a site that was never rolled back and learned at the same time."""
    site, other = two_ticks(tmp_path / "a"), two_ticks(tmp_path / "b")
    ordered(site, BACK, TICK_3_MS)
    on = ordered(site, ON, NEXT_DAY_MS)
    other.publish(NEXT_DAY_MS)
    tables = [load(one.store, one.head(), names(one)).table for one in (site, other)]

    assert on.through_position == head_in(other.store).through_position
    assert np.array_equal(tables[0].score, tables[1].score)
    assert np.array_equal(tables[0].votes, tables[1].votes)


def test_rollback_to_an_earlier_epoch_over_days(tmp_path: Path) -> None:
    """The old rows may be of a day before; frozen days roll over midnight and can be rolled back again."""
    site = two_ticks(tmp_path)
    for day in range(1, 4):
        crowd(site, START_MS + day * DAY_MS, seed=day + 10)
        site.publish(START_MS + day * DAY_MS)
    back = ordered(site, BACK, START_MS + 4 * DAY_MS)
    site.publish(START_MS + 5 * DAY_MS)
    midnight = head_in(site.store)
    again = ordered(site, Order(reason="better", rollback_to=4), START_MS + 5 * DAY_MS + HOUR_MS)

    assert back.state == midnight.state == midnight.base.state == commit(site, 1).state
    assert midnight.epoch == epoch_of(START_MS + 5 * DAY_MS)
    assert (again.state, again.frozen) == (commit(site, 4).state, Frozen(4, "better"))


def test_any_machine_with_the_home_goes_on(tmp_path: Path) -> None:
    """All state stands in the heads: without any cache the frozen tree stays frozen."""
    site = two_ticks(tmp_path)
    ordered(site, BACK, TICK_3_MS)
    site.home.standing.unlink()
    site.publish(NEXT_DAY_MS)

    assert head_in(site.store).frozen == Frozen(1, "bad release")


def test_killed_ids_stay_hidden(tmp_path: Path) -> None:
    """A kill is published at once, changes no row, is carried over, works while frozen, and can be undone."""
    site = two_ticks(tmp_path)
    rows = head_in(site.store).state
    hidden = ordered(site, HIDE, TICK_3_MS)
    assert hidden.kill
    listed = parse_kill(site.store.read(kill_key(hidden.kill.sha256)) or b"")
    assert (listed, hidden.state, hidden.note) == (HIDE.kill, rows, "court order")
    assert kill_key(hidden.kill.sha256) in files_of(site.store, hidden).files
    site.publish(TICK_3_MS + HOUR_MS)
    ordered(site, Order(reason="r", rollback_to=1), TICK_3_MS + 2 * HOUR_MS)
    assert head_in(site.store).kill == hidden.kill
    more = ordered(site, Order(reason="one more", kill=frozenset({"video2"})), TICK_3_MS + 3 * HOUR_MS)
    assert more.kill
    assert more.frozen
    assert parse_kill(site.store.read(kill_key(more.kill.sha256)) or b"") == HIDE.kill | {"video2"}
    ordered(site, ON, NEXT_DAY_MS)
    undone = ordered(site, Order(reason="over", unkill=HIDE.kill | {"video2"}), NEXT_DAY_MS + HOUR_MS)

    assert (undone.kill, head_in(site.store).kill) == (None, None)


def test_first_tick_of_the_day_after_a_kill_learns(tmp_path: Path) -> None:
    """A kill may be a day's first tick; the round that the day owes is made by the next tick."""
    site, plain = two_ticks(tmp_path / "a"), two_ticks(tmp_path / "b")
    killed = ordered(site, HIDE, NEXT_DAY_MS)
    site.publish(NEXT_DAY_MS + HOUR_MS)
    plain.publish(NEXT_DAY_MS + HOUR_MS)
    after = head_in(site.store)

    assert files_of(site.store, killed).round_ms < killed.ts
    assert files_of(site.store, after).round_ms == after.ts
    assert after.state == head_in(plain.store).state


@pytest.mark.parametrize("order", [BACK, HIDE], ids=["rollback", "kill"])
def test_said_again_does_nothing(tmp_path: Path, order: Order) -> None:
    """The same order again publishes nothing."""
    site = two_ticks(tmp_path)
    ordered(site, order, TICK_3_MS)
    report = publish(site.home, site.store, site.signer, site.settings, now_ms=TICK_3_MS + 5, order=order)

    assert (report.seq, report.published) == (3, False)


def test_what_cannot_be_ordered(tmp_path: Path) -> None:
    """Nothing to go back to, nothing published, a clock that went back."""
    empty, site = new_site(tmp_path / "empty", MemoryStore()), two_ticks(tmp_path / "site")
    for order in (BACK, ON, HIDE):
        with pytest.raises(PublishError, match="nothing is published yet"):
            ordered(empty, order, START_MS)
    for order in (BACK, HIDE):
        with pytest.raises(PublishError, match="set the clock"):
            ordered(site, order, START_MS)
    with pytest.raises(FormatError, match="there is no tick 77"):
        ordered(site, Order(reason="x", rollback_to=77), TICK_3_MS)
    assert not publish(
        site.home, site.store, site.signer, site.settings, now_ms=TICK_3_MS, order=ON
    ).published  # nothing is frozen
    assert head_in(site.store).seq == 2


def test_rollback_to_a_tick_of_which_files_are_gone(tmp_path: Path) -> None:
    """It is refused by the file's name, and the tree stays."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    first = commit(site, 1)
    del site.store.objects[files_key(1, first.files.sha256)]
    with pytest.raises(FormatError, match=r"v1/m/1-"):
        ordered(site, BACK, TICK_3_MS)

    assert head_in(site.store).seq == 2


def test_rollback_beneath_a_damaged_tick(tmp_path: Path) -> None:
    """When the newest tick's files are damaged, a rollback goes on from a whole one, above the damaged number."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    ring = next(key for key in site.store.objects if "/ring-2-" in key and key.endswith(".bin"))
    site.store.objects[ring] = b"rotten"
    with pytest.raises(FormatError):
        site.publish(TICK_3_MS)
    back = ordered(site, BACK, TICK_3_MS)
    site.publish(TICK_3_MS + HOUR_MS)
    ordered(site, ON, TICK_3_MS + 2 * HOUR_MS)

    assert (back.seq, back.base.seq, back.state) == (4, 3, commit(site, 1).state)
    assert head_in(site.store).seq == 6
    assert_whole(site.store.objects)


def test_foreign_store_is_not_rolled_back(tmp_path: Path) -> None:
    """Of another home's store no tick is believed."""
    site = two_ticks(tmp_path)
    other = new_site(tmp_path / "other", site.store)
    from publisher.signer import Signer
    from tests.factories import private_key
    from tests.publisher.test_run import _root_of

    stranger = Site(other.home, site.store, Signer(private_key(55), {1: _root_of(55)}))
    with pytest.raises(PublishRefused, match="not signed by this home"):
        ordered(stranger, BACK, TICK_3_MS)


@pytest.mark.parametrize("order", [BACK, HIDE], ids=["rollback", "kill"])
@pytest.mark.parametrize("at_ms", [TICK_3_MS, NEXT_DAY_MS], ids=["same day", "next day"])
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
def test_killed_at_every_write(tmp_path: Path, order: Order, at_ms: int, after: bool) -> None:
    """Killed at any write, readers see the old or the new head; the rerun's bytes equal an undisturbed run's."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    before = dict(site.store.objects)
    ordered(site, order, at_ms)
    undisturbed, dead = dict(site.store.objects), 0
    for n in range(1, len(undisturbed) - len(before) + 5):
        store = MortalStore(before, n, after=after)
        try:
            publish(site.home, store, site.signer, site.settings, now_ms=at_ms, order=order)
        except Killed:
            dead += 1
        assert store.objects[HEAD] in (before[HEAD], undisturbed[HEAD])
        assert_whole(store.objects)
        healed = MemoryStore()
        healed.objects = store.objects
        publish(site.home, healed, site.signer, site.settings, now_ms=at_ms, order=order)

        assert healed.objects == undisturbed
    assert dead > 5


def test_killed_rollback_beneath_damage(tmp_path: Path) -> None:
    """Killed at any write, a rollback beneath damage is completed by the same order."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    before = dict(site.store.objects)
    before[HEAD] = before[commit_key(2)] = b"rotten"
    for n in range(1, 25):
        store = MortalStore(before, n, after=n % 2 == 0)
        with contextlib.suppress(Killed):
            publish(site.home, store, site.signer, site.settings, now_ms=TICK_3_MS, order=BACK)
        healed = MemoryStore()
        healed.objects = store.objects
        publish(site.home, healed, site.signer, site.settings, now_ms=TICK_3_MS, order=BACK)
        assert (head_in(healed).seq, head_in(healed).state) == (4, commit(site, 1).state)
        publish(site.home, healed, site.signer, site.settings, now_ms=NEXT_DAY_MS, order=NOTHING)
        assert_whole(healed.objects)
