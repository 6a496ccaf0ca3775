"""Prune deletes what no reader needs, and never what one does."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from clients.reference import sync
from data.formats.head import Head, parse
from data.formats.tree import HEAD, FormatError, commit_key
from publisher.effects import newest_commit
from publisher.operations.orders import Order
from publisher.operations.prune import needed_by, prune
from publisher.operations.retention import CLASSES, DAY_MS, KEPT_DAYS, Naming, class_of, is_due, weekly
from publisher.refusals import PublishRefused
from publisher.run import publish
from publisher.store import Artifact
from publisher.stores.local import LocalStore
from publisher.stores.memory import MemoryStore
from tests.factories import HOUR_MS, START_MS, Site, new_site, vote
from tests.publisher.test_run import Killed

DAYS = 35
VIDEOS = [f"video{number}" for number in range(60)]


def month(site: Site, ticked: Callable[[int], None]) -> list[int]:
    """Publishes for 35 days: a tick a day, two on every third one, eight on each of the last two.

    Args:
        site: Where.
        ticked: Called with its time after each tick.

    Returns:
        The times of the ticks.
    """
    chance, times = random.Random(3), []
    site.appoint(1)
    midnight = START_MS - START_MS % DAY_MS
    for day in range(DAYS):
        for hour in range(1, 24, 3 if day >= DAYS - 2 else 12 if day % 3 == 0 else 24):
            at_ms = midnight + day * DAY_MS + hour * HOUR_MS
            stances = [("fully_ai",), ("fully_ai",), ()]
            site.cast(*(vote(1, chance.choice(VIDEOS), *chance.choice(stances), at_ms=at_ms - n) for n in range(6)))
            site.publish(at_ms)
            ticked(at_ms)
            times.append(at_ms)
    return times


def test_every_reader_of_a_month_catches_up(tmp_path: Path) -> None:
    """On a pruned tree of 35 days, clients of every lag of 1-30 days and of every tick of two days arrive."""
    store = LocalStore(tmp_path / "tree")
    site, client, held = new_site(tmp_path / "site", store), tmp_path / "client", tmp_path / "held"

    def follow(at_ms: int) -> None:
        sync(store.directory, client)
        shutil.copytree(client, held / str(at_ms))

    times = month(site, follow)
    assert prune(store, now_ms=times[-1]).deleted["rings"] > 5
    for at_ms in times:
        if times[-1] - at_ms <= 30 * DAY_MS:
            assert sync(store.directory, held / str(at_ms)).seq == len(times)
    assert prune(store, now_ms=times[-1]).deleted == {}
    site.publish(times[-1] + DAY_MS)
    assert sync(store.directory, client).seq == len(times) + 1


@pytest.fixture(scope="module")
def old_tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, list[int], dict[str, bytes], dict[str, int]]:
    """A tree of 35 days in memory, and copies of what it holds."""
    store = MemoryStore()
    site = new_site(tmp_path_factory.mktemp("month"), store)

    def written(at_ms: int) -> None:
        for key in store.objects:
            store.written_ms[key] = store.written_ms[key] or at_ms

    return site, month(site, written), dict(store.objects), dict(store.written_ms)


OldTree = tuple[Site, list[int], dict[str, bytes], dict[str, int]]


def copy_of(tree: OldTree) -> MemoryStore:
    """The tree once more."""
    store = MemoryStore()
    store.objects, store.written_ms = dict(tree[2]), dict(tree[3])
    return store


def days_of(store: MemoryStore, kind: str) -> list[int]:
    """Of which days before the newest a class's files are left, by the epochs in their keys."""
    pattern = CLASSES[kind]
    epochs = {match[1] for key in store.objects if (match := pattern.fullmatch(key))}
    newest = date.fromisoformat(parse(store.objects[HEAD])[0].epoch)
    return sorted((newest - date.fromisoformat(epoch)).days for epoch in epochs)


def test_what_is_kept(old_tree: OldTree) -> None:
    """Commits and Parquet for ever, bases daily for a week and weekly for a month, the rest for 30 days."""
    store, now_ms = copy_of(old_tree), old_tree[1][-1]
    prune(store, now_ms=now_ms)
    weeks = [day for day in days_of(store, "bases") if day > 7]

    assert sum(key.startswith("v1/c/") for key in store.objects) == len(old_tree[1])
    assert days_of(store, "Parquet files") == list(range(DAYS))
    for kind in ("bases", "shards", "compat bases"):
        kept = days_of(store, kind)
        assert [day for day in kept if day <= 6] == list(range(7))
        assert [day for day in kept if day > 7] == weeks
    assert 3 <= len(weeks) <= 4
    assert max(weeks) <= KEPT_DAYS
    rings = {key.split("/")[2] for key in store.objects if class_of(key) == "rings"}
    assert KEPT_DAYS - 1 <= len(rings) <= KEPT_DAYS + 1
    site = Site(old_tree[0].home, store, old_tree[0].signer)
    site.publish(now_ms + DAY_MS)
    publish(
        site.home, store, site.signer, site.settings,
        now_ms=now_ms + DAY_MS + 1, order=Order(reason="back", rollback_to=len(old_tree[1]) - 30),
    )  # fmt: skip


def test_dry_run_says_the_same_and_deletes_nothing(old_tree: OldTree) -> None:
    """What would be deleted is what is deleted."""
    store, now_ms = copy_of(old_tree), old_tree[1][-1]
    told = prune(store, now_ms=now_ms, dry_run=True)
    assert store.objects == old_tree[2]
    done = prune(store, now_ms=now_ms)

    assert told == done
    assert done.kept == len(old_tree[2]) - sum(done.deleted.values()) - 1  # SHA256SUMS lies outside v1/
    assert done.bytes == sum(len(body) for key, body in old_tree[2].items() if key not in store.objects)


class MortalDeletes(MemoryStore):
    """Dies at its n-th deletion."""

    def __init__(self, objects: dict[str, bytes], written_ms: dict[str, int], dies_at: int) -> None:
        super().__init__()
        self.objects, self.written_ms, self.left = dict(objects), dict(written_ms), dies_at

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self.left -= 1
        if not self.left:
            raise Killed
        super().delete(key)


def test_killed_and_run_again(old_tree: OldTree) -> None:
    """Whatever a killed run left, the next one leaves what an undisturbed run leaves."""
    undisturbed, now_ms = copy_of(old_tree), old_tree[1][-1]
    deletions = sum(prune(undisturbed, now_ms=now_ms).deleted.values())
    for n in range(1, deletions, max(1, deletions // 12)):
        store = MortalDeletes(old_tree[2], old_tree[3], n)
        with pytest.raises(Killed):
            prune(store, now_ms=now_ms)
        prune(store, now_ms=now_ms)
        assert store.objects == undisturbed.objects


def test_orphans_wait_two_days(old_tree: OldTree) -> None:
    """What no tick names goes after 48 hours; commits, roots and what is nobody's stay."""
    now_ms = old_tree[1][-1]
    day = parse(old_tree[2][HEAD])[0].epoch
    orphans = [f"v1/e/{day}/ring-9-{'0' * 16}.bin", f"v1/m/999-{'0' * 16}.json", f"v1/kill-{'0' * 16}.json"]
    orphans += [f"v1/parquet/{day}/videos-delta-9-{'0' * 16}.parquet", f"v1/shard/{day}-{'0' * 16}/all.json.gz"]
    others = ["v1/c/999.json", "v1/root/9.json", "v1/readme.txt", "v1/parquet/2020-01-01/videos-1-x.parquet"]
    for age_ms, gone in ((2 * DAY_MS, False), (2 * DAY_MS + 1, True)):
        store = copy_of(old_tree)
        for key in orphans + others:
            store.objects[key], store.written_ms[key] = b"x", now_ms - age_ms
        prune(store, now_ms=now_ms)
        assert [key in store.objects for key in orphans] == [not gone] * len(orphans)
        assert set(others) <= set(store.objects)


def test_a_tree_whose_times_were_lost_keeps_what_is_named(old_tree: OldTree) -> None:
    """A copied tree looks as if it were all written long ago, or now: what ticks name is judged by the ticks."""
    now_ms = old_tree[1][-1]
    undisturbed = copy_of(old_tree)
    prune(undisturbed, now_ms=now_ms)
    for written_ms in (0, now_ms):
        store = copy_of(old_tree)
        store.written_ms = dict.fromkeys(store.objects, written_ms)
        prune(store, now_ms=now_ms)
        assert store.objects == undisturbed.objects


def test_beside_a_running_publish(old_tree: OldTree) -> None:
    """Pruned between any two effects of a publish, or in the midst of it, the tick is whole."""
    now_ms = old_tree[1][-1] + HOUR_MS
    site = old_tree[0]
    for at in range(1, 14):
        store = PrunedBetween(old_tree[2], old_tree[3], at, now_ms)
        site = Site(site.home, store, site.signer)
        site.publish(now_ms)
        head = parse(store.objects[HEAD])[0]
        assert head.seq == len(old_tree[1]) + 1
        assert needed_by(store, store.objects[HEAD]) - {key for key in needed(store, head) if key.endswith("/")} <= set(
            store.objects
        )


class PrunedBetween(MemoryStore):
    """Is pruned before its n-th creation, when an orphan with the bytes of the tick's first file is old."""

    def __init__(self, objects: dict[str, bytes], written_ms: dict[str, int], at: int, now_ms: int) -> None:
        super().__init__(lambda: now_ms)
        self.objects, self.written_ms, self.left, self.at_ms = dict(objects), dict(written_ms), at, now_ms

    def create(self, artifact: Artifact) -> None:
        """See `Store.create`."""
        self.left -= 1
        if artifact.key not in self.objects and self.left > 0:
            self.objects[artifact.key], self.written_ms[artifact.key] = artifact.body, 0  # of a run long ago
        super().create(artifact)
        if not self.left:
            prune(self, now_ms=self.at_ms)


def needed(store: MemoryStore, head: Head) -> frozenset[str]:
    """What the newest tick needs."""
    return needed_by(store, store.objects[commit_key(head.seq)])


def test_damage_and_nothing(tmp_path: Path, old_tree: OldTree) -> None:
    """Without a readable newest tick nothing is deleted; a clock that went back deletes nothing either."""
    with pytest.raises(PublishRefused, match="nothing is published"):
        prune(MemoryStore(), now_ms=START_MS)
    store = copy_of(old_tree)
    with pytest.raises(PublishRefused, match="set the clock"):
        prune(store, now_ms=START_MS)
    text = newest_commit(store)
    assert text
    head = parse(text)[0]
    listing = next(key for key in store.objects if key.startswith(f"v1/m/{head.seq}-"))
    store.objects[listing] = b"{}"
    left = dict(store.objects)
    with pytest.raises(FormatError):
        prune(store, now_ms=old_tree[1][-1])

    assert store.objects == left


def test_one_epoch_a_week_stays() -> None:
    """The first of each ISO week, also of a week that began before the tree."""
    days = [date(2026, 9, 23) + timedelta(n) for n in range(20)]

    assert weekly(frozenset(day.isoformat() for day in days)) == {
        "2026-09-23",
        "2026-09-28",
        "2026-10-05",
        "2026-10-12",
    }


def test_needed_is_never_due() -> None:
    """Not even when all clocks say so."""
    key = "v1/e/2026-09-21/ring-9-0123456789abcdef.bin"
    naming = Naming({key: 0}, frozenset({key}), frozenset({"2026-09-21"}), frozenset())

    assert not is_due(key, 0, naming, now_ms=10**15)
    assert is_due(key, 0, Naming({key: 0}, frozenset(), naming.epochs, frozenset()), now_ms=10**15)
