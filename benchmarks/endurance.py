"""What shows only after a while: memory that grows, votes that get lost among kills."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mixed import Crowd, lost
from benchmarks.processes import Processes, free_port
from benchmarks.report import Row
from benchmarks.site import REALTUBE, Site, end

MINUTES = 30
KILLS = 50
CONNECTIONS = 16
VOTERS, VIDEOS = 2_000, 10_000
"""Of each connection; of all together."""
WARM_UP = 0.3
"""In this share of the time caches fill."""
SAMPLE_S = 0.5
FIRST_PORT = 18_280
PAGE_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Soak:
    """What a long run found."""

    requests: int
    faults: list[str]
    """Answers that nobody should get, the first few."""
    lost: int
    """Answered votes that the log does not hold."""
    warm_bytes: int
    """Largest resident memory of the server after the warm-up, up to the middle of what is left."""
    late_bytes: int
    """Largest after that."""

    def growth(self) -> float:
        """By what share the memory has grown since the warm-up; below 0 when it shrank."""
        return self.late_bytes / self.warm_bytes - 1


@dataclass(frozen=True, slots=True)
class Kills:
    """What a row of kills found."""

    answered: int
    """Requests that were answered 200."""
    lost: int
    """Answered votes that the log does not hold."""


def soak(seconds: float, on_step: Callable[[str], None] = lambda _: None) -> Soak:
    """Puts mixed load on a new server while a publisher ticks beside it.

    Raises:
        CommandFailed, ProcessFailed: A process did not start, or ended by itself.
    """
    with tempfile.TemporaryDirectory(prefix="realtube-soak-") as directory:
        site, port = Site(Path(directory) / "home"), free_port(FIRST_PORT)
        site.realtube("init")
        crowd = Crowd(port, CONNECTIONS, VOTERS, VIDEOS, seed=1)
        with Processes(Path(directory) / "logs") as processes:
            _serve(processes, site, port)
            command = [*REALTUBE, "publish", "--every", "5m"]
            processes.start("publish", command, site.environment())
            samples = asyncio.run(_sampled(crowd, processes, seconds, on_step))
        gone = lost(site.home / "votes.db", [crowd])
    warm = int(len(samples) * WARM_UP)
    middle = (warm + len(samples)) // 2
    requests = sum(crowd.statuses.values())
    return Soak(requests, crowd.faults[:5], len(gone), max(samples[warm:middle]), max(samples[middle:]))


def kills(times: int, on_step: Callable[[str], None] = lambda _: None) -> Kills:
    """Kills a server again and again under load, each start on the log that the kill left.

    Raises:
        CommandFailed, ProcessFailed: A server did not start.
    """
    chance, crowds = random.Random(3), list[Crowd]()
    with tempfile.TemporaryDirectory(prefix="realtube-kills-") as directory:
        site, port = Site(Path(directory) / "home"), free_port(FIRST_PORT)
        site.realtube("init")
        for number in range(1, times + 1):
            on_step(f"kill {number} of {times}")
            crowds.append(Crowd(port, CONNECTIONS, VOTERS, VIDEOS, seed=number))
            with Processes(Path(directory) / "logs") as processes:
                _serve(processes, site, port)
                asyncio.run(_killed(crowds[-1], processes, chance.uniform(0.1, 1.0)))
        gone = lost(site.home / "votes.db", crowds)
    return Kills(sum(crowd.statuses[200] for crowd in crowds), len(gone))


def rows(*, full: bool, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measures, and sets the figures beside their goals; nothing in the short run.

    Args:
        full: Run at all.
        on_step: Called with what begins.
    """
    if not full:
        return [Row("endurance", f"{MINUTES} minutes of mixed load, {KILLS} kills", None, note="make bench-full")]
    found = soak(60.0 * MINUTES, on_step)
    killed = kills(KILLS, on_step)
    asked = f"{found.requests:,} requests in {MINUTES} minutes"
    memory = f"{found.warm_bytes / 2**20:,.0f} MiB after the warm-up"
    return [
        Row("endurance", "mixed load: errors", len(found.faults), "", 0, 0, "<=", "; ".join(found.faults) or asked),
        Row("endurance", "mixed load: votes lost", found.lost, "", 0, 0, "<=", asked),
        Row("endurance", "mixed load: memory grown", 100 * found.growth(), "%", 5, 10, "<=", memory),
        Row(
            "endurance", "kills: votes lost", killed.lost, "", 0, 0, "<=", f"{KILLS} kills, {killed.answered:,} answers"
        ),
    ]


def _serve(processes: Processes, site: Site, port: int) -> None:
    processes.start("serve", [*REALTUBE, "serve", "--no-limits", "--port", str(port)], site.environment())
    processes.wait_for("serve", f"http://localhost:{port}/health/live")


async def _sampled(crowd: Crowd, processes: Processes, seconds: float, on_step: Callable[[str], None]) -> list[int]:
    """Runs a crowd for some time; gives the server's resident memory in bytes, at every sample."""
    asking, began = asyncio.create_task(crowd.run()), time.monotonic()
    samples = []
    while (passed := time.monotonic() - began) < seconds and not asking.done():
        await asyncio.sleep(SAMPLE_S)
        processes.check()
        samples.append(_resident_bytes(processes.running["serve"].pid))
        on_step(
            f"mixed load: {passed / 60:.1f} of {seconds / 60:.1f} minutes, {sum(crowd.statuses.values()):,} requests"
        )
    crowd.stop()
    await asking
    return samples


async def _killed(crowd: Crowd, processes: Processes, after_s: float) -> None:
    asking = asyncio.create_task(crowd.run())
    await asyncio.sleep(after_s)
    processes.running["serve"].kill()
    await asking
    end(processes.running.pop("serve"))


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES
