"""A publish may end anywhere: readers see the old state or the new one, and the next run heals the rest."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clients.verify import verify
from data.formats import files
from data.formats.head import parse
from data.formats.tree import HEAD, SHA256SUMS, FormatError, commit_key, files_key, sha256
from data.home import Home
from publisher import effects
from publisher.refusals import PublishError, PublishRefused
from publisher.run import publish
from publisher.store import Artifact, StoreError
from publisher.stores.local import LocalStore
from publisher.stores.memory import MemoryStore
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, private_key, vote, voter_id


class Killed(BaseException):
    """Stands for the end of the process."""


class MortalStore(MemoryStore):
    """Dies at its n-th write: before it took effect, or after it did and nobody heard."""

    def __init__(self, objects: dict[str, bytes], dies_at: int, *, after: bool) -> None:
        super().__init__()
        self.objects, self.dies_at, self.after, self.writes = dict(objects), dies_at, after, 0

    def create(self, artifact: Artifact) -> None:
        """See `Store.create`."""
        self._write(lambda: super(MortalStore, self).create(artifact))

    def swap(self, artifact: Artifact, tag: str | None) -> None:
        """See `Store.swap`."""
        self._write(lambda: super(MortalStore, self).swap(artifact, tag))

    def replace(self, artifact: Artifact) -> None:
        """See `Store.replace`."""
        self._write(lambda: super(MortalStore, self).replace(artifact))

    def _write(self, effect) -> None:  # type: ignore[no-untyped-def]
        self.writes += 1
        if self.writes == self.dies_at and not self.after:
            raise Killed
        effect()
        if self.writes == self.dies_at:
            raise Killed


def crowd(site: Site, at_ms: int, seed: int) -> None:
    """Some hundred votes of which moderators' make videos cross the minimum both ways."""
    chance = random.Random(seed)
    kinds = [("fully_ai",), ("ai_voiceover", "ai_visuals"), ("not_ai",), ()]
    site.cast(
        *(
            vote(chance.randrange(40), f"video{chance.randrange(30)}", *chance.choice(kinds), at_ms=at_ms + n)
            for n in range(120)
        )
    )


def two_ticks(directory: Path) -> Site:
    """A site with a day behind it, and votes that wait for its next tick."""
    site = new_site(directory, MemoryStore())
    site.appoint(1, 2, 3)
    crowd(site, START_MS, seed=1)
    site.publish(START_MS + HOUR_MS)
    crowd(site, START_MS + HOUR_MS, seed=2)
    site.publish(START_MS + 2 * HOUR_MS)
    crowd(site, START_MS + 2 * HOUR_MS, seed=3)
    return site


def assert_whole(objects: dict[str, bytes]) -> None:
    """What the head names is there, byte for byte."""
    head, _ = parse(objects[HEAD])
    listing = objects[files_key(head.seq, head.files.sha256)]
    assert sha256(listing) == head.files.sha256
    for key, file in files.parse(listing).files.items():
        assert sha256(objects[key]) == file.sha256
    assert objects[commit_key(head.seq)] == objects[HEAD]


@pytest.mark.parametrize("at_ms", [START_MS + 3 * HOUR_MS, START_MS + DAY_MS], ids=["same day", "next day"])
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
def test_killed_at_every_write(tmp_path: Path, at_ms: int, after: bool) -> None:
    """Killed at any write, readers see the old or the new head; the rerun's bytes equal an undisturbed run's."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    before, standing = dict(site.store.objects), site.home.standing.read_bytes()
    site.publish(at_ms)
    undisturbed = dict(site.store.objects)
    writes = len(undisturbed) - len(before) + 1  # the head and the sums are replaced, SHA256SUMS counts once more
    dead = 0
    for n in range(1, writes + 3):
        site.home.standing.write_bytes(standing)
        store = MortalStore(before, n, after=after)
        try:
            publish(site.home, store, site.signer, site.settings, now_ms=at_ms)
        except Killed:
            dead += 1
        assert store.objects[HEAD] in (before[HEAD], undisturbed[HEAD])
        assert_whole(store.objects)
        healed = MemoryStore()
        healed.objects = store.objects
        publish(site.home, healed, site.signer, site.settings, now_ms=at_ms)

        assert healed.objects == undisturbed
    assert dead >= writes


@pytest.mark.parametrize("dies_at", range(1, 14))
def test_killed_while_several_files_are_created_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """With many files, some are created at a time: all of them before the commit, and none is lost in the rerun."""
    monkeypatch.setattr(effects, "MANY_FILES", 0)
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    before = dict(site.store.objects)
    site.publish(START_MS + DAY_MS)
    store = MortalStore(before, dies_at, after=False)
    with pytest.raises(Killed):
        publish(site.home, store, site.signer, site.settings, now_ms=START_MS + DAY_MS)
    assert store.objects[HEAD] == before[HEAD]
    assert commit_key(3) not in store.objects
    assert_whole(store.objects)
    healed = MemoryStore()
    healed.objects = store.objects
    publish(site.home, healed, site.signer, site.settings, now_ms=START_MS + DAY_MS)

    assert healed.objects == site.store.objects


def test_first_tick_killed_at_every_write(tmp_path: Path) -> None:
    """The first tick of all heals like any other."""
    site = new_site(tmp_path, MemoryStore())
    site.appoint(1)
    crowd(site, START_MS, seed=1)
    site.publish(START_MS + HOUR_MS)
    assert isinstance(site.store, MemoryStore)
    undisturbed = dict(site.store.objects)
    for n in range(1, len(undisturbed) + 1):
        store = MortalStore({}, n, after=True)
        with pytest.raises(Killed):
            publish(site.home, store, site.signer, site.settings, now_ms=START_MS + HOUR_MS)
        healed = MemoryStore()
        healed.objects = store.objects
        publish(site.home, healed, site.signer, site.settings, now_ms=START_MS + HOUR_MS)

        assert healed.objects == undisturbed


def test_abandoned_files_do_not_hinder(tmp_path: Path) -> None:
    """A run that died before its commit leaves files; a later run, at another time, publishes beside them."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    store = MortalStore(site.store.objects, 3, after=True)
    with pytest.raises(Killed):
        publish(site.home, store, site.signer, site.settings, now_ms=START_MS + 3 * HOUR_MS)
    crowd(site, START_MS + 3 * HOUR_MS, seed=4)
    store.dies_at = 0
    report = publish(site.home, store, site.signer, site.settings, now_ms=START_MS + 4 * HOUR_MS)

    assert report.seq == 3
    assert_whole(store.objects)


def test_lost_caches_change_no_byte(tmp_path: Path) -> None:
    """Without the standing file, the next tick of the day publishes the same bytes."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    before = dict(site.store.objects)
    site.publish(START_MS + 3 * HOUR_MS)
    with_cache, site.store.objects = site.store.objects, before
    site.home.standing.unlink()
    site.publish(START_MS + 3 * HOUR_MS)

    assert site.store.objects == with_cache


@pytest.mark.parametrize("damage", ["zeroes", "cut", "nothing", "flip"])
def test_damaged_caches_change_no_byte(tmp_path: Path, damage: str) -> None:
    """A standing file that a power cut left half written is computed again, never believed."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    before, body = dict(site.store.objects), site.home.standing.read_bytes()
    site.publish(START_MS + 3 * HOUR_MS)
    intact, site.store.objects = site.store.objects, before
    middle = len(body) // 2
    spoiled = {
        "zeroes": body[:middle] + bytes(64) + body[middle + 64 :],
        "cut": body[:middle],
        "nothing": b"",
        "flip": body[:-9] + bytes([body[-9] ^ 1]) + body[-8:],
    }
    site.home.standing.write_bytes(spoiled[damage])
    site.publish(START_MS + 3 * HOUR_MS)

    assert site.store.objects == intact


def test_changed_file_is_named(tmp_path: Path) -> None:
    """A file that never changes and has other bytes fails the run by its name, and is taken for no rival."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    site.store.objects["v1/root/1.json"] = b"spoiled"
    with pytest.raises(StoreError, match=r"v1/root/1\.json holds other bytes"):
        site.publish(START_MS + 3 * HOUR_MS)


def test_damaged_head_says_what_to_do(tmp_path: Path) -> None:
    """A head that cannot be read is named, with the way out; and the way out works."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    site.store.objects[HEAD] = site.store.objects[HEAD][:100]
    with pytest.raises(FormatError, match=r"v1/head is damaged .* delete it and publish again"):
        site.publish(START_MS + 3 * HOUR_MS)
    del site.store.objects[HEAD]

    assert site.publish(START_MS + 3 * HOUR_MS).seq == 3


def test_same_time_again_publishes_nothing(tmp_path: Path) -> None:
    """A tick that is published already is not published twice; a heartbeat at a later time is."""
    site = two_ticks(tmp_path)
    first, again, later = (site.publish(START_MS + hours * HOUR_MS) for hours in (3, 3, 4))

    assert (first.seq, first.published) == (3, True)
    assert (again.seq, again.published) == (3, False)
    assert (later.seq, later.published, later.changed) == (4, True, 0)


def test_time_never_goes_back(tmp_path: Path) -> None:
    """A clock behind the last tick fails and writes nothing."""
    site = two_ticks(tmp_path)
    before = site.head()
    with pytest.raises(PublishError, match="the last tick was at"):
        site.publish(START_MS)

    assert site.head() == before


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    """A dry run reports the tick that a publish would make."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    before = dict(site.store.objects)
    dry = publish(site.home, site.store, site.signer, site.settings, now_ms=START_MS + 3 * HOUR_MS, dry_run=True)
    assert site.store.objects == before
    wet = site.publish(START_MS + 3 * HOUR_MS)

    assert (dry.seq, dry.rows, dry.bytes, dry.published) == (wet.seq, wet.rows, wet.bytes, False)


def test_store_of_another_home_is_refused(tmp_path: Path) -> None:
    """A store whose head another key signed is not touched."""
    site = two_ticks(tmp_path / "one")
    assert isinstance(site.store, MemoryStore)
    stranger = new_site(tmp_path / "two", site.store)
    stranger.signer = type(stranger.signer)(private_key(77), {1: _root_of(77)})
    before = dict(site.store.objects)
    with pytest.raises(PublishRefused, match="not signed by this home"):
        stranger.publish(START_MS + 5 * HOUR_MS)

    assert site.store.objects == before


def test_log_behind_the_store_is_refused(tmp_path: Path) -> None:
    """A log restored from an old backup may not shrink what is published."""
    site = two_ticks(tmp_path / "one")
    younger = new_site(tmp_path / "two", site.store)
    younger.cast(
        *(vote(1, f"video{n}", "fully_ai") for n in range(30)), *(vote(n, "video1", "not_ai") for n in range(40))
    )
    with pytest.raises(PublishRefused, match="ahead of the votes log"):
        younger.publish(START_MS + 5 * HOUR_MS)


def test_failing_store_fails_the_run(tmp_path: Path) -> None:
    """A directory that cannot be written fails the run with the reason; the votes wait."""
    site = new_site(tmp_path)
    site.cast(vote(1, "video1", "fully_ai"))
    (site.home.public).write_text("a file where the tree should be")
    with pytest.raises(StoreError):
        site.publish(START_MS + HOUR_MS)


def test_rows_enter_at_the_minimum_and_leave_below_it(tmp_path: Path) -> None:
    """A video is published from score 20 on, and until its score falls below 17; a retraction takes it out."""
    site = new_site(tmp_path, MemoryStore())
    site.cast(vote(1, "flagged", "fully_ai"), vote(2, "flagged", "fully_ai"), vote(3, "lonely", "fully_ai"))
    site.publish(START_MS + HOUR_MS)
    two_newcomers = parse(site.head())[0].n
    site.cast(vote(1, "flagged", at_ms=START_MS + HOUR_MS), vote(2, "flagged", at_ms=START_MS + HOUR_MS))
    site.publish(START_MS + 2 * HOUR_MS)

    assert two_newcomers == 1
    assert parse(site.head())[0].n == 0


def test_killed_for_real(tmp_path: Path) -> None:
    """SIGKILL at random moments of real publishes into a real directory: the tree always verifies afterwards."""
    site = new_site(tmp_path)
    site.appoint(1, 2, 3)
    chance = random.Random(5)
    script = (
        "import sys; from pathlib import Path; from tests.publisher.test_run import reopened;"
        "reopened(Path(sys.argv[1])).publish(int(sys.argv[2]))"
    )
    for n in range(6):
        crowd(site, START_MS + n * 7 * HOUR_MS, seed=n)
        command = [sys.executable, "-c", script, str(tmp_path), str(START_MS + (n + 1) * 7 * HOUR_MS)]
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        time.sleep(0.35 + chance.random() * 0.4)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    site.publish(START_MS + 7 * 7 * HOUR_MS)

    assert verify(str(site.home.public)).seq == parse(site.head())[0].seq


def reopened(directory: Path) -> Site:
    """The site that `new_site` made there."""
    spare = directory / f"spare-{os.getpid()}"
    site = new_site(spare)
    shutil.rmtree(spare)
    home = Home(directory / "var")
    return Site(home, LocalStore(home.public), site.signer)


def _root_of(seed: int) -> bytes:
    from publisher import keys

    return keys.first_root([private_key(n) for n in (1, 2, 3)], private_key(seed), created_ms=START_MS)


def test_sums_list_every_live_file(tmp_path: Path) -> None:
    """`sha256sum -c SHA256SUMS` passes in the published directory."""
    site = new_site(tmp_path)
    crowd(site, START_MS, seed=1)
    site.publish(START_MS + HOUR_MS)
    done = subprocess.run(
        ["sha256sum", "-c", SHA256SUMS], check=False, cwd=site.home.public, capture_output=True, text=True
    )

    assert done.returncode == 0
    assert "v1/head: OK" in done.stdout
    assert voter_id(1) not in done.stdout


def test_damaged_roll_fails_the_next_epoch(tmp_path: Path) -> None:
    """A roll that has other bytes is never built upon: the run names it and publishes nothing."""
    site = two_ticks(tmp_path)
    assert isinstance(site.store, MemoryStore)
    site.publish(START_MS + DAY_MS)
    (key,) = (key for key in site.store.objects if key.startswith("v1/roll/"))
    whole, before = site.store.objects[key], site.head()
    site.store.objects[key] = whole[:-1]
    with pytest.raises(FormatError, match=key):
        site.publish(START_MS + 2 * DAY_MS)
    assert site.head() == before
    site.store.objects[key] = whole

    assert site.publish(START_MS + 2 * DAY_MS).published
