"""Whatever happens to the rows, a client at any tick arrives exactly at any later one."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients.reference import sync
from clients.verify import verify
from tests.clients.signing import START_MS
from tests.clients.test_reference import held_rows
from tests.clients.tree import DAY_MS, Row, Tree, integer_id, state_of

IDS = [integer_id(0), integer_id(1), integer_id(2**63), integer_id(2**64 - 1), "a", "-", "AAAAAAAAAAB", "_" * 16, "z9"]
ROWS = st.dictionaries(st.sampled_from(IDS), st.tuples(st.integers(0, 100), st.sampled_from([0, 1, 31, 64, 128])))
GAPS_MS = st.sampled_from([1, 60_000, DAY_MS // 3, DAY_MS, 3 * DAY_MS])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(ROWS, GAPS_MS), min_size=2, max_size=8))
def test_every_client_arrives_from_every_tick_at_every_later_one(history: list[tuple[dict[str, Row], int]]) -> None:
    """snapshot(a) + deltas(a to b) = snapshot(b), for all pairs a < b: by ring, by roll, by base."""
    with tempfile.TemporaryDirectory() as directory:
        tree, ts_ms = Tree(Path(directory) / "tree"), START_MS
        for b, (rows, gap_ms) in enumerate(history, start=1):
            ts_ms += gap_ms
            tree.tick(ts_ms, rows)
            for a in range(1, b):
                client = Path(directory) / f"{a}-{b}"
                shutil.copytree(Path(directory) / f"at-{a}", client)
                assert sync(tree.directory, client).from_seq == a
                assert held_rows(client) == rows
            assert sync(tree.directory, Path(directory) / f"at-{b}").seq == b
            assert held_rows(Path(directory) / f"at-{b}") == rows
        assert verify(tree.directory).state == state_of(rows)
