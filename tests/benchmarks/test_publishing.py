"""The measurement of bulk import and publishing, small."""

from __future__ import annotations

from pathlib import Path

import pyarrow.csv

from benchmarks import synthetic
from benchmarks.publishing import Size, measure


def test_measures_every_part() -> None:
    """Each part has a time and a peak of its own, and the later tick changes a few verdicts only."""
    steps: list[str] = []
    found = measure(Size(votes=20_000, videos=4_000, rows=9_000), steps.append)
    for part in (found.imported, found.read, found.published, found.touched):
        assert part.seconds > 0
        assert part.peak_bytes > 20 << 20
    assert min(found.tick["first"], found.tick["later"], found.tick["packing"]) > 0
    assert 0 < found.changed <= 4
    assert steps == [
        "drawing votes",
        "importing",
        "reading",
        "publishing",
        "publishing a touched part",
        "encoding ticks of a large set",
    ]


def test_synthetic_votes(tmp_path: Path) -> None:
    """A log has the asked size; a tick's votes come after it, on few of its videos."""
    synthetic.write_log(tmp_path / "log.csv", votes=5_000, videos=1_000)
    synthetic.write_tick(tmp_path / "tick.csv", votes=40, videos=8, of_votes=5_000, of_videos=1_000)
    log, tick = pyarrow.csv.read_csv(tmp_path / "log.csv"), pyarrow.csv.read_csv(tmp_path / "tick.csv")
    assert (log.num_rows, tick.num_rows) == (5_000, 40)
    assert len(tick["video_id"].unique()) <= 8
    assert max(log["cast_at_ms"].to_pylist()) < min(tick["cast_at_ms"].to_pylist())
    assert set(tick["voter_id"].to_pylist()) & set(log["voter_id"].to_pylist())
