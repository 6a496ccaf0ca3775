"""Whether everything that the intake needs is up."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from data.log import schema
from data.log.place import LogMoved, Place, told
from data.log.schema import LogError
from intake.published import Published
from intake.readers import Readers
from intake.writer import Writer

FAILURE_COUNTS_MS = 30_000
"""So long a failed commit makes the server not ready; then votes may come and find out whether it has passed."""
Status = Literal["up", "down", "disabled"]
UP, DOWN, DISABLED = get_args(Status)


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    name: str
    status: Status
    latency_ms: float
    error: str = ""
    needed: bool = True
    """Whether the server is not ready while this is down."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What all checks found."""

    checks: tuple[Check, ...]
    uptime_s: int
    version: str

    @property
    def up(self) -> bool:
        """Whether nothing that is needed is down."""
        return not any(check.needed and check.status == DOWN for check in self.checks)


class Checks:
    """Makes the checks; each is quick and changes nothing."""

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        published: Published,
        *,
        place: Place,
        votes_log: Path,
        min_free_mb: int,
        version: str,
        now_ms: Callable[[], int],
    ) -> None:
        """Takes what is checked, and starts counting the uptime."""
        self._writer, self._readers, self._published, self._place = writer, readers, published, place
        self._votes_log, self._min_free_mb, self._version, self._now_ms = votes_log, min_free_mb, version, now_ms
        self._started_ms = now_ms()

    def __call__(self) -> Readiness:
        """Makes all checks now."""
        checks = (
            _timed("votes_log", self._log),
            _timed("disk", self._disk),
            _timed("published", self._tick, needed=False),
        )
        return Readiness(checks, (self._now_ms() - self._started_ms) // 1000, self._version)

    def _log(self) -> str:
        if not self._writer.running():
            return "the writer has stopped"
        failure = self._writer.failure
        if failure.reason and self._now_ms() < failure.at_ms + FAILURE_COUNTS_MS:
            return failure.reason
        try:
            self._place.check()
            if not os.access(self._votes_log, os.W_OK):
                return "the votes log is not writable: make it writable for this server"
            with self._readers.connection() as connection:
                schema.identity(connection)
        except (LogMoved, LogError) as error:
            return str(error)
        except sqlite3.Error as error:
            return told(error)
        return ""

    def _disk(self) -> str:
        free_mb = shutil.disk_usage(self._votes_log.parent).free // 1_000_000
        return "" if free_mb >= self._min_free_mb else f"{free_mb} MB are free, {self._min_free_mb} MB are needed"

    def _tick(self) -> str | None:
        head = self._published.newest().head
        if self._published.failure:
            return self._published.failure
        if head is None:
            return None
        age_s = (self._now_ms() - head.ts) // 1000
        return f"the last publish was {age_s} seconds ago" if self._now_ms() > head.exp else ""


def _timed(name: str, check: Callable[[], str | None], *, needed: bool = True) -> Check:
    """Runs a check, which says what is wrong, or nothing, or None when there is nothing to check."""
    started = time.perf_counter()
    error = check()
    status: Status = DISABLED if error is None else DOWN if error else UP
    return Check(name, status, round((time.perf_counter() - started) * 1000, 3), error or "", needed)
