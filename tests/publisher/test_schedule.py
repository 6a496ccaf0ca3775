"""When ticks happen, and that only one publisher of a home runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from publisher.schedule import Busy, alone, every, next_tick_ms


@pytest.mark.parametrize(("now_ms", "expected"), [(0, 1000), (1, 1000), (999, 1000), (1000, 2000), (1234, 2000)])
def test_ticks_are_aligned_to_the_clock(now_ms: int, expected: int) -> None:
    """The next tick is the next multiple of the interval."""
    assert next_tick_ms(now_ms, 1000) == expected


def test_missed_intervals_become_one_tick() -> None:
    """After an outage one tick catches up, and the clock's multiples go on."""
    clock = [1_500]
    ticks: list[int] = []

    def tick(at_ms: int) -> None:
        ticks.append(at_ms)
        clock[0] += 3_300 if len(ticks) == 2 else 10  # the second tick takes longer than three intervals

    def wait(seconds: float) -> bool:
        clock[0] += round(seconds * 1000)
        return len(ticks) >= 4

    every(1_000, now_ms=lambda: clock[0], wait=wait, tick=tick)

    assert ticks == [1_500, 2_000, 5_300, 6_000]


def test_told_to_stop_while_waiting() -> None:
    """Stopping ends the loop after the running tick."""
    ticks: list[int] = []
    every(1_000, now_ms=lambda: 1_500, wait=lambda _: True, tick=ticks.append)

    assert ticks == [1_500]


def test_one_publisher_at_a_time(tmp_path: Path) -> None:
    """A second process is told that the first one runs; the lock goes with its holder."""
    lock = tmp_path / "publish.lock"
    with alone(lock):
        script = f"from pathlib import Path; from publisher.schedule import *\nwith alone(Path({str(lock)!r})): pass"
        second = subprocess.run(
            [sys.executable, "-c", script], check=False, cwd=Path(__file__).parents[2], capture_output=True, text=True
        )
    with alone(lock):
        pass

    assert "another publish holds" in second.stderr
    assert Busy.exit_code == 75
