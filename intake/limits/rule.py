"""The rule of every limit: the generic cell rate algorithm, which needs one number for each whom it limits.

That number, `full_at`, is the time at which the whole quota is there again. A request moves it one step ahead; it may
be at most a quota ahead. So a quota can be spent at once, and comes back step by step, without edges of windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SLACK_S = 1e-6
"""Steps do not add up to a period exactly."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so much time."""

    count: int
    period_s: float
    step_s: float = field(init=False)
    """The time in which one request comes back."""
    furthest_s: float = field(init=False)
    """How far ahead `full_at` may be for one more request to be allowed."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "step_s", self.period_s / self.count)
        object.__setattr__(self, "furthest_s", self.period_s - self.step_s + SLACK_S)

    def ahead_s(self, full_at: float, now_s: float) -> float:
        """How much is spent, as time; never more than a quota: a clock that went back locks nobody out."""
        ahead_s = full_at - now_s
        return 0.0 if ahead_s < 0 else min(self.period_s, ahead_s)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one request is told of its limit."""

    limit: int
    remaining: int
    reset_s: int
    """Whole seconds until the quota is whole again."""
    retry_after_s: int = 0
    """Whole seconds until one more is allowed; 0: this request was."""

    @property
    def allowed(self) -> bool:
        """Whether the request may be carried out."""
        return not self.retry_after_s


def allowed(rate: Rate, ahead_s: float) -> Allowance:
    """What is left when a request was allowed; `ahead_s` counts it."""
    return Allowance(rate.count, int((rate.period_s - ahead_s) / rate.step_s + SLACK_S), math.ceil(ahead_s))


def refused(rate: Rate, ahead_s: float) -> Allowance:
    """What a refused request is told."""
    return Allowance(rate.count, 0, math.ceil(ahead_s), max(1, math.ceil(ahead_s - rate.furthest_s)))
