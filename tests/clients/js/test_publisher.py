"""What the real publisher publishes, followed by the JavaScript client: the same rows as the Python client's."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.tree_server import serve_tree
from clients.reference import sync
from tests.clients.js.running import Running
from tests.clients.signing import sha256
from tests.clients.test_reference import held_rows
from tests.factories import HOUR_MS, KNOWN_IDS, START_MS, busy_votes, new_site

TICKS = 10
OPEN_AT = """
    scope.records ??= [];
    const {origins, root, now} = args;
    const store = realtube.memoryStore();
    scope.records.push(await realtube.openRecord({origins, root, store, now: () => now}));
    await scope.records.at(-1).sync();
"""
SYNC = """
    scope.record = scope.records[args.place];
    return await scope.record.sync();
"""


@pytest.mark.parametrize("hours", [5, 30])
def test_every_tick_from_every_tick(js: Running, tmp_path: Path, hours: int) -> None:
    """Clients that began at each tick, some of which sync rarely, have the rows that Python reads, id by id."""
    site = new_site(tmp_path)
    site.appoint(1)
    site.audit(KNOWN_IDS[0], 1)
    chance = random.Random(hours)
    seen: set[str] = set()
    ways: set[str] = set()
    with serve_tree(site.home.public) as server:
        for tick in range(1, TICKS + 1):
            at_ms = START_MS + tick * hours * HOUR_MS
            if tick % 5:
                site.cast(*busy_votes(chance, at_ms))
            site.publish(at_ms)
            root = sha256((site.home.public / "v1/root/1.json").read_bytes())
            js.run(OPEN_AT, origins=[server.url], root=root, now=at_ms)
            held = sync(site.home.public, tmp_path / "dest")
            rows = held_rows(tmp_path / "dest")
            seen |= set(rows)
            for place in range(tick):
                if place == tick - 1 or (tick - place) % (place + 1) == 0:
                    report = js.run(SYNC, place=place)
                    ways |= set(report["how"].split("+"))
                    assert (report["seq"], report["rows"], report["warnings"]) == (tick, held.rows, [])
                    assert js.status()["state"] == held.state
                    assert js.rows(sorted(seen)) == rows
    assert len(seen) > 40
    assert {"same", "inline", "rebase"} <= ways
