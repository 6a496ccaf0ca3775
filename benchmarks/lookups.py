"""Look-ups by hash prefix on a site of a million videos, beside the same server's route that only answers 200."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import synthetic
from benchmarks.load import Load, load
from benchmarks.processes import Processes, free_port
from benchmarks.report import Row
from benchmarks.site import REALTUBE, Site

VIDEOS = 1_000_000
POPULAR = 512
"""So many prefixes are asked for again and again."""
ROUNDS = 3
SHORT_S, LONG_S = 3, 20
"""Seconds of one round."""
FIRST_PORT = 18_180
LOOK_UPS = """
local first, count, asked = %d, %d, 0
request = function()
  asked = asked + 1
  return wrk.format("GET", string.format("/api/videos/%%04x", first + asked %% count))
end
"""


@dataclass(frozen=True, slots=True)
class LookUps:
    """What was found."""

    first: Load
    """Prefixes that nobody asked for before."""
    again: list[Load]
    """Prefixes that were asked for before, in turns with `plain`."""
    plain: list[Load]

    def ratio(self) -> float:
        """Look-ups for each plain answer, the middle one of the rounds."""
        pairs = zip(self.again, self.plain, strict=True)
        return median(asked.per_second / plain.per_second for asked, plain in pairs)


def measure(videos: int, round_s: int, on_step: Callable[[str], None] = lambda _: None) -> LookUps:
    """Imports a vote on each of many videos into a new home, serves it and looks them up.

    Args:
        videos: How many; enough that no prefix of four digits is empty.
        round_s: Seconds of one round.
        on_step: Called with what begins.

    Raises:
        CommandFailed, ProcessFailed: The server did not start, wrk is missing, or a look-up found nothing.
    """
    with tempfile.TemporaryDirectory(prefix="realtube-lookups-") as directory:
        site, port, votes = Site(Path(directory) / "home"), free_port(FIRST_PORT), Path(directory) / "votes.csv"
        first, again = Path(directory) / "first.lua", Path(directory) / "again.lua"
        first.write_text(LOOK_UPS % (POPULAR, (1 << 16) - POPULAR), encoding="utf-8")
        again.write_text(LOOK_UPS % (0, POPULAR), encoding="utf-8")
        on_step(f"importing a vote on each of {videos:,} videos")
        synthetic.write_wide(votes, videos=videos)
        site.realtube("init")
        site.realtube("import-votes", votes)
        with Processes(Path(directory) / "logs") as processes:
            processes.start("serve", [*REALTUBE, "serve", "--no-limits", "--port", str(port)], site.environment())
            url = f"http://localhost:{port}/health/live"
            processes.wait_for("serve", url)
            on_step("look-ups that nobody asked for before")
            new = load(url, round_s, first)
            load(url, round_s, again)
            asked, plain = [], []
            for number in range(1, ROUNDS + 1):
                on_step(f"round {number} of {ROUNDS}: the route that only answers 200")
                plain.append(load(url, round_s))
                on_step(f"round {number} of {ROUNDS}: look-ups")
                asked.append(load(url, round_s, again))
            processes.check()
    return LookUps(new, asked, plain)


def rows(*, full: bool, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measures, and sets the figures beside their goals.

    Args:
        full: Measure longer rounds.
        on_step: Called with what begins.
    """
    found = measure(VIDEOS, LONG_S if full else SHORT_S, on_step)
    rate = f"{median(load.per_second for load in found.again):,.0f} a second, {VIDEOS:,} videos"
    p99_ms = median(load.p99_ms for load in found.again)
    return [
        Row("intake", "look-ups for each plain 200", found.ratio(), "", 0.6, 0.4, note=rate),
        Row("intake", "look-up, 99 % are faster", p99_ms, "ms", 50, 100, "<="),
        Row("intake", "look-ups nobody asked for before", found.first.per_second, "a second"),
    ]
