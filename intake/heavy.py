"""Answers about videos with very many votes, kept for a moment: one busy video must not slow all others down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

HEAVY_VOTES = 2_000
"""From so many votes on, an answer may be a moment old: one more vote hardly moves it."""
KEPT_FOR = 20.0
"""An answer is kept so many times as long as it took: at most a twentieth of the time goes into it."""
MOST_KEPT = 10_000

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Answer]):
    answer: Answer
    until_s: float
    holds: object
    """What the answer rests on besides votes; another object, and it no longer holds."""


class Heavy(Generic[Answer]):
    """Answers by video."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        """Takes a clock that never goes back, in seconds."""
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._kept: dict[int, _Kept[Answer]] = {}

    def now_s(self) -> float:
        """The clock, for measuring how long an answer takes."""
        return self._clock_s()

    def known(self, video: int, holds: object) -> Answer | None:
        """The answer about a video, None when there is none that still holds."""
        with self._lock:
            kept = self._kept.get(video)
        return kept.answer if kept and kept.holds is holds and self._clock_s() < kept.until_s else None

    def keep(self, video: int, answer: Answer, *, votes: int, began_s: float, holds: object) -> None:
        """Keeps an answer that was worked out since `began_s`, if the video has very many votes."""
        if votes < HEAVY_VOTES:
            return
        now_s = self._clock_s()
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[video] = _Kept(answer, now_s + KEPT_FOR * (now_s - began_s), holds)
