"""Durable votes over HTTP, measured with wrk beside the same server's route that only answers 200.

Both run on the same machine as wrk, in turns, and the middle one of several rounds counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import lookups
from benchmarks.load import Load, load
from benchmarks.processes import Processes, free_port
from benchmarks.report import Row
from benchmarks.site import REALTUBE, Site

ROUNDS = 3
SHORT_S, LONG_S = 4, 20
"""Seconds of one round."""
FIRST_PORT = 18_080
RANDOM_VOTES = """
local stances = {"fully_ai", "ai_voiceover", "ai_visuals", "ai_thumbnails", "ai_assisted", "not_ai"}
local headers = {["Content-Type"] = "application/json"}
local vote = '{"videoId":"v%010d","userId":"%s","category":"%s","userAgent":"Mozilla/5.0 (X11; Linux x86_64)"}'
math.randomseed(os.time())
request = function()
  local voter = {}
  for place = 1, 8 do voter[place] = string.format("%08x", math.random(0, 0x7fffffff)) end
  local body = vote:format(math.random(1, 50000), table.concat(voter), stances[math.random(1, #stances)])
  return wrk.format("POST", "/api/votes", headers, body)
end
"""
"""Each vote is a new voter's on one of fifty thousand videos: the costliest kind for the log."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Rounds of votes and of the plain route, in turns."""

    votes: list[Load]
    plain: list[Load]

    def middle(self, figure: Callable[[Load], float]) -> float:
        """The middle one of the rounds of votes."""
        return median(map(figure, self.votes))

    def ratio(self) -> float:
        """Votes for each plain answer, the middle one of the rounds."""
        pairs = zip(self.votes, self.plain, strict=True)
        return median(voted.per_second / plain.per_second for voted, plain in pairs)


def measure(round_s: int, on_step: Callable[[str], None] = lambda _: None) -> Intake:
    """Starts a server on a new home and puts load on it.

    Args:
        round_s: Seconds of one round.
        on_step: Called with what begins.

    Raises:
        CommandFailed, ProcessFailed: The server did not start, wrk is missing, or a vote was refused.
    """
    with tempfile.TemporaryDirectory(prefix="realtube-intake-") as directory:
        site, port = Site(Path(directory) / "home"), free_port(FIRST_PORT)
        script = Path(directory) / "votes.lua"
        script.write_text(RANDOM_VOTES, encoding="utf-8")
        on_step("starting")
        site.realtube("init")
        votes, plain = [], []
        with Processes(Path(directory) / "logs") as processes:
            processes.start("serve", [*REALTUBE, "serve", "--no-limits", "--port", str(port)], site.environment())
            url = f"http://localhost:{port}/health/live"
            processes.wait_for("serve", url)
            for number in range(1, ROUNDS + 1):
                on_step(f"round {number} of {ROUNDS}: the route that only answers 200")
                plain.append(load(url, round_s))
                on_step(f"round {number} of {ROUNDS}: votes")
                votes.append(load(url, round_s, script))
                processes.check()
    return Intake(votes, plain)


def rows(*, full: bool, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measures, and sets the figures beside their goals.

    Args:
        full: Measure longer rounds.
        on_step: Called with what begins.
    """
    found = measure(LONG_S if full else SHORT_S, on_step)
    plain = f"{median(load.per_second for load in found.plain):,.0f} a second"
    voted = [
        Row("intake", "durable votes", found.middle(lambda load: load.per_second), "votes/s"),
        Row("intake", "votes for each plain 200", found.ratio(), "", 0.5, 0.35, note=f"plain: {plain}"),
        Row("intake", "vote, half are faster", found.middle(lambda load: load.p50_ms), "ms"),
        Row("intake", "vote, 99 % are faster", found.middle(lambda load: load.p99_ms), "ms", 50, 100, "<="),
    ]
    return [*voted, *lookups.rows(full=full, on_step=on_step)]
