"""The measured ticks of a large set, small."""

from __future__ import annotations

from pathlib import Path

from benchmarks.tick import TICKS, measure
from clients.verify import verify


def test_measured_ticks_are_a_whole_tree(tmp_path: Path) -> None:
    """What is timed is what is promised: the tree verifies, with its shards."""
    found = measure(5_000, 100, tmp_path)
    report = verify(str(tmp_path))

    assert min(found.values()) > 0
    assert report.seq == 2 + TICKS
    assert sum(1 for _ in tmp_path.glob("v1/shard/*/*.json.gz")) == 16**2
