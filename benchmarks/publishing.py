"""Bulk import and publishing, measured: each part is a process of its own, so that its peak memory is its own.

`python -m benchmarks.publishing` does one such part; `measure` runs them all.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks import synthetic
from benchmarks.report import Row
from benchmarks.site import Site, measured
from data.log.read import open_columns

PARTS = "benchmarks.publishing"
MIB = 1 << 20
HOUR_MS = 3_600_000
TICK_MS = synthetic.START_MS + synthetic.SPAN_MS + HOUR_MS
"""Time of the first publish; the second one follows half an hour later, on the same day."""
TICK_CHANGED = 1_000
"""How many rows the tick of a large set changes."""
TOUCHED_SHARE = 0.001
"""Share of the votes, and of the videos, that the second tick is about."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is imported and published."""

    votes: int
    videos: int
    rows: int = 1_000_000
    """Rows of the large set whose tick is encoded and written."""


SHORT, LONG = Size(1_000_000, 200_000), Size(10_000_000, 2_000_000)


@dataclass(frozen=True, slots=True)
class Timing:
    """One part."""

    seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Publishing:
    """What was measured; commands are timed from the start of their process to its end."""

    size: Size
    imported: Timing
    read: Timing
    """Only reading the log into Arrow columns, without the start of a process."""
    published: Timing
    """The first tick: a full round over all votes, all files."""
    touched: Timing
    """A later tick of the same day, `TOUCHED_SHARE` touched."""
    changed: int
    """Verdicts that the later tick changed."""
    tick: Mapping[str, float]
    """Seconds by part, of a tick of `size.rows` rows without log and scoring (`benchmarks/tick.py`)."""


def measure(size: Size, on_step: Callable[[str], None] = lambda _: None) -> Publishing:
    """Imports and publishes a synthetic log in a new home.

    Args:
        size: How large a log.
        on_step: Called with what begins.

    Raises:
        CommandFailed: A part did not end well.
    """
    with tempfile.TemporaryDirectory(prefix="realtube-publishing-") as directory:
        site = Site(Path(directory) / "home")
        log_file, tick_file = Path(directory) / "log.csv", Path(directory) / "tick.csv"
        on_step("drawing votes")
        _part(site, "draw", size, log_file, tick_file)
        site.realtube("init")
        on_step("importing")
        imported = site.realtube("import-votes", log_file)
        log_file.unlink()
        on_step("reading")
        read = _part(site, "read", size, site.home / "votes.db")
        on_step("publishing")
        published = site.realtube("publish", "--now-ms", str(TICK_MS))
        site.realtube("import-votes", tick_file)
        on_step("publishing a touched part")
        touched = site.realtube("publish", "--json", "--now-ms", str(TICK_MS + HOUR_MS // 2))
        on_step("encoding ticks of a large set")
        arguments = ["-m", "benchmarks.tick", str(size.rows), str(TICK_CHANGED)]
        tick = measured([sys.executable, *arguments], site.environment()).facts()
    return Publishing(
        size=size,
        imported=Timing(imported.seconds, imported.peak_bytes),
        read=read,
        published=Timing(published.seconds, published.peak_bytes),
        touched=Timing(touched.seconds, touched.peak_bytes),
        changed=touched.facts()["changed"],
        tick=tick,
    )


def rows(*, full: bool, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measures, and sets the figures beside their goals.

    Args:
        full: Measure ten million votes instead of one.
        on_step: Called with what begins.
    """
    found = measure(LONG if full else SHORT, on_step)
    votes, scale = found.size.votes, found.size.votes / SHORT.votes

    later = found.tick["later"]

    def rate(name: str, part: Timing, goal: float, limit: float) -> Row:
        return Row("publishing", name, votes / part.seconds, "votes/s", goal, limit)

    def memory(name: str, part: Timing, goal_mib: float) -> Row:
        peak_mib, goal_mib = part.peak_bytes / MIB, 200 + goal_mib * scale
        return Row("publishing", name, peak_mib, "MiB", goal_mib, 2 * goal_mib, "<=")

    def ratio(name: str, part: Timing, goal: float, limit: float) -> Row:
        return Row("publishing", name, part.seconds / found.read.seconds, "× reading", goal, limit, "<=")

    return [
        rate(f"import of {votes:,} votes", found.imported, 100_000, 30_000),
        memory("import: peak memory", found.imported, 150),
        Row("publishing", "reading the log into Arrow", votes / found.read.seconds, "votes/s"),
        rate("full publish", found.published, 250_000, 100_000),
        memory("full publish: peak memory", found.published, 280),
        ratio("full publish", found.published, 10, 20),
        ratio(f"publish with {TOUCHED_SHARE:.1%} touched", found.touched, 3, 6),
        Row(
            "publishing",
            f"encode and write {TICK_CHANGED:,} changes of {found.size.rows:,} rows",
            later,
            "s",
            1,
            2,
            "<=",
        ),
        Row("publishing", "the same", later / found.tick["packing"], "× packing the base", 3, 6, "<="),
        Row("publishing", "encode and write an epoch's first tick of them", found.tick["first"], "s"),
    ]


def _part(site: Site, what: str, size: Size, *paths: Path) -> Timing:
    numbers = [str(size.votes), str(size.videos)]
    done = measured([sys.executable, "-m", PARTS, what, *numbers, *map(str, paths)], site.environment())
    return Timing(done.facts()["seconds"], done.peak_bytes)


def _draw(size: Size, log_file: Path, tick_file: Path) -> None:
    synthetic.write_log(log_file, votes=size.votes, videos=size.videos)
    synthetic.write_tick(
        tick_file,
        votes=int(size.votes * TOUCHED_SHARE),
        videos=int(size.videos * TOUCHED_SHARE),
        of_votes=size.votes,
        of_videos=size.videos,
    )


def _read(path: Path) -> None:
    with open_columns(path) as log:
        log.votes(log.last_position())


def main(what: str, votes: str, videos: str, *paths: str) -> None:
    """Does one part, then prints how long it took."""
    begun = time.perf_counter()
    if what == "draw":
        _draw(Size(int(votes), int(videos)), *map(Path, paths))
    else:
        _read(*map(Path, paths))
    print(orjson.dumps({"seconds": time.perf_counter() - begun}).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
