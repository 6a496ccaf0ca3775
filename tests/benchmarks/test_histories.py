"""Histories without scoring are those that the publisher writes for the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from benchmarks.histories import History, column_of
from clients.reference import sync
from clients.verify import verify
from tests.clients.test_reference import held_rows
from tests.factories import HOUR_MS, START_MS, busy_votes, new_site

SAME = ("n", "state", "base", "ring", "epochs", "epoch", "exp")


def test_the_publisher_writes_the_same_files(tmp_path: Path) -> None:
    """Bases, rings, rolls, shards and epochs files have the publisher's bytes, heads say the same of them."""
    site, history, chance = new_site(tmp_path), History(START_MS), Random(3)
    public = site.home.public
    for tick in range(6):
        at_ms = START_MS + tick * 8 * HOUR_MS
        site.cast(*busy_votes(chance, at_ms))
        site.publish(at_ms)
        sync(public, tmp_path / "dest")
        made = history.tick(at_ms, column_of(held_rows(tmp_path / "dest")))
        ours, theirs = json.loads(made.stand.payload), json.loads(site.head().split(b"\n")[0])
        assert {name: ours[name] for name in SAME} == {name: theirs[name] for name in SAME}
    assert verify(public).seq == 6
    compared = [key for key in history.objects if key.startswith(("v1/e/", "v1/epochs-", "v1/roll/", "v1/shard/"))]
    assert sum("/roll/" in key for key in compared) > 1
    assert [key for key in compared if (public / key).read_bytes() != history.objects[key]] == []
