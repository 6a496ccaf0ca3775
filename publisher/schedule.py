"""When to publish: ticks aligned to the clock, one publisher of a home at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Busy(Exception):
    """Another command of this home does the same; nothing was done."""

    exit_code = 75


@contextmanager
def alone(lock_file: Path) -> Iterator[None]:
    """Holds one of a home's locks; the system lets go of it even when the process is killed.

    Raises:
        Busy: Another process holds it.
    """
    with lock_file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            what = lock_file.stem  # publish, keys
            raise Busy(f"another {what} holds {lock_file}: wait for it, or find it with `fuser {lock_file}`") from None
        yield


def next_tick_ms(now_ms: int, interval_ms: int) -> int:
    """The next multiple of the interval after a moment, counted from the Unix epoch: all machines tick together."""
    return now_ms - now_ms % interval_ms + interval_ms


def every(
    interval_ms: int,
    *,
    now_ms: Callable[[], int],
    wait: Callable[[float], bool],
    tick: Callable[[int], None],
) -> None:
    """Ticks at once, then at each multiple of the interval, until told to stop. Missed multiples become one tick.

    Args:
        interval_ms: Time between ticks.
        now_ms: The clock, Unix milliseconds.
        wait: Waits so many seconds; true when it was told to stop meanwhile.
        tick: Publishes at a given time.
    """
    while True:
        due_ms = next_tick_ms(now_ms(), interval_ms)
        tick(now_ms())
        while (left_ms := due_ms - now_ms()) > 0:
            if wait(
                min(left_ms, 60_000) / 1_000
            ):  # in steps: a clock that was set, or a machine that slept, is noticed
                return
        if wait(0):
            return
