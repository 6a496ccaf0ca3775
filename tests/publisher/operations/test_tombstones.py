"""Tombstones take the place of files that must not be published any more, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.formats import root as roots
from data.formats import signed
from data.formats.head import parse
from data.formats.tree import HEAD, sha256
from publisher.operations.prune import prune
from publisher.operations.tombstones import bury, is_tombstone
from publisher.refusals import PublishRefused
from publisher.stores.memory import MemoryStore
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote
from tests.publisher.test_run import Killed, MortalStore

NOW_MS = START_MS + 4 * DAY_MS


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site of three days."""
    made = new_site(tmp_path, MemoryStore())
    made.appoint(1)
    for day in range(3):
        for tick in range(2):
            made.cast(*(vote(1, f"video{day}{tick}{number}", "fully_ai") for number in range(5)))
            made.publish(START_MS + day * DAY_MS + tick * HOUR_MS)
    return made


def objects(site: Site) -> dict[str, bytes]:
    """What the store holds."""
    assert isinstance(site.store, MemoryStore)
    return site.store.objects


def parquet_of_first_day(site: Site) -> list[str]:
    """Old files with verdicts."""
    return sorted(key for key in objects(site) if key.startswith("v1/parquet/2026-09-21/"))


def test_what_a_tombstone_says(site: Site) -> None:
    """It is signed by the online key of the newest root, and says what was there and why."""
    key = parquet_of_first_day(site)[0]
    body = objects(site)[key]
    assert bury(site.store, site.signer, [key], reason="erasure 7", now_ms=NOW_MS) == [key]
    text = signed.parse(objects(site)[key])
    (online,) = roots.parse(site.signer.roots[1]).online_keys
    head = parse(objects(site)[HEAD])[0]

    assert json.loads(text.payload) == {
        "v": 1, "key": key, "sha256": sha256(body), "bytes": len(body), "log": head.log, "gen": 1, "ts": NOW_MS,
        "reason": "erasure 7",
    }  # fmt: skip
    assert text.signers("realtube/tombstone/1", {signed.key_id(online): online}) == {signed.key_id(online)}
    assert text.signers("realtube/head/1", {signed.key_id(online): online}) == set()


def test_again_and_after_a_kill(site: Site) -> None:
    """Killed between two files, the same call does the rest; what is a tombstone stays as it is."""
    keys = parquet_of_first_day(site)
    store = MortalStore(objects(site), 2, after=False)
    with pytest.raises(Killed):
        bury(store, site.signer, keys, reason="erasure 7", now_ms=NOW_MS)
    first = store.objects[keys[0]]
    assert bury(store, site.signer, keys, reason="erasure 7", now_ms=NOW_MS + 5) == keys[1:]
    assert store.objects[keys[0]] == first
    assert bury(store, site.signer, keys * 2, reason="once more", now_ms=NOW_MS + 9) == []
    assert all(is_tombstone(store.objects[key], key) for key in keys)


def test_publishing_and_pruning_go_on(site: Site) -> None:
    """The newest tick needs none of what was replaced; a prune leaves Parquet tombstones where they are."""
    keys = parquet_of_first_day(site)
    bury(site.store, site.signer, keys, reason="erasure 7", now_ms=NOW_MS)
    site.publish(NOW_MS)
    prune(site.store, now_ms=NOW_MS + 40 * DAY_MS)
    site.publish(NOW_MS + 40 * DAY_MS)

    assert all(is_tombstone(objects(site)[key], key) for key in keys)


def test_what_must_stay(site: Site) -> None:
    """Nothing of the newest tick, no head, commit, root, shard in use, nothing that is not there; and then nothing."""
    newest = parse(objects(site)[HEAD])[0]
    today = [key for key in objects(site) if newest.epoch in key and not key.startswith("v1/parquet/2026-09-21/")]
    used = [key for key in today if "ring-5-" not in key and "delta-5-" not in key]
    listing = next(key for key in objects(site) if key.startswith("v1/m/6-"))
    before = dict(objects(site))
    good = parquet_of_first_day(site)[0]
    for key in [*used, listing, HEAD, "SHA256SUMS", "v1/root/1.json", "v1/c/2.json", "v1/c/6.json", "v1/none"]:
        with pytest.raises(PublishRefused, match=r"nothing was replaced|must stay"):
            bury(site.store, site.signer, [good, key], reason="erasure 7", now_ms=NOW_MS)
    assert len(used) > 8
    assert objects(site) == before


def test_dry_run_and_empty_store(site: Site) -> None:
    """A dry run says what it would do; without a tick there is nothing to replace."""
    before, keys = dict(objects(site)), parquet_of_first_day(site)
    assert bury(site.store, site.signer, keys, reason="x", now_ms=NOW_MS, dry_run=True) == keys
    assert objects(site) == before
    with pytest.raises(PublishRefused, match="nothing is published"):
        bury(MemoryStore(), site.signer, keys, reason="x", now_ms=NOW_MS)


def test_a_tombstone_stands_for_one_key(site: Site) -> None:
    """Under another key it is none, nor is any other signed text."""
    key, other = parquet_of_first_day(site)[:2]
    bury(site.store, site.signer, [key], reason="x", now_ms=NOW_MS)

    assert not is_tombstone(objects(site)[key], other)
    assert not is_tombstone(objects(site)[HEAD], HEAD)
    assert not is_tombstone(b"", key)
