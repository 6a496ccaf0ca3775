"""How far the votes on one side of a video may go together. Pure; `docs/scoring.md` explains every constant."""

from __future__ import annotations

import numpy as np

from data.columns import Floats

NEWCOMERS_CAP = 1.6
"""All newcomers together move one side of a video by no more log-odds: below 1.99, what a neutral video lacks to 50."""
OPPOSED_HALF = 2.0
"""Established log-odds on the other side that halve what newcomers may add: a record outweighs a crowd without one."""
CORRELATION = 0.1
"""How much voters repeat each other; log-odds S of one kind count as S / (1 + (S - 1) * this), for S above 1."""
CROWD_SHARE = 0.95
"""All voters together, without concurring proven ones, close this share of a video's way to 50."""
LEAST_ROOM, MOST_ROOM = 1.0, 2.0
"""A neutral video's way is taken to be between these, in log-odds, whatever audits make of the neutral level; videos
above neutral have no shorter one."""
LONE_ROOM = 0.3
"""The way that a lone voter may go at least, in log-odds: further than 50 only on channels above 44 %. A cluster that
speaks alone goes nowhere beyond 50."""
LONE_MARGIN = 0.05
"""How far below 50 a lone voice leaves other videos, in log-odds."""
GAIN = 3.0
"""How fast concurring voices lift a limit, and how fast it rises beyond 50, in log-odds a log-odds."""


def shares(
    newcomers: Floats,
    established: Floats,
    moderators: Floats,
    proven: Floats,
    *,
    heaviest: Floats,
    single: Floats,
    most_proven: Floats,
    room: float,
    prior: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """What counts of the log-odds of newcomers, established and proven, by side of a video (2 * row, + 1 for flags).

    Args:
        newcomers: Their log-odds.
        established: The same of what no long record proves.
        moderators: The same of moderators.
        proven: The same of what a long record proves.
        heaviest: Of the heaviest voice.
        single: Of all voters who vote together with nobody.
        most_proven: What is proven of the voice of which most is.
        room: What a neutral video lacks to 50.
        prior: By row: log-odds before any vote.

    Returns:
        The share of each kind that is evidence; and the share of the evidence that the side's limit leaves.
    """
    reliable, long = _repeated(established), _repeated(proven)
    opposed = (reliable + long + moderators)[np.arange(len(newcomers)) ^ 1]
    new = np.minimum(_repeated(newcomers), NEWCOMERS_CAP / (1.0 + opposed / OPPOSED_HALF))
    total = new + reliable + long
    others = np.maximum(newcomers + established + proven - heaviest, 0.0)
    limit = _limit(others, single, GAIN * np.maximum(proven - most_proven, 0.0), room, prior)
    kept = ratio(np.minimum(total, limit), total)
    return ratio(new, newcomers), ratio(reliable, established), ratio(long, proven), kept


def _limit(others: Floats, single: Floats, concurring: Floats, room: float, prior: Floats) -> Floats:
    """By side: what the votes of a side may add together; the number of voices limits only flags."""
    limit = CROWD_SHARE * MOST_ROOM + concurring
    lacks, flags = -prior, slice(1, None, 2)
    crowd = CROWD_SHARE * np.maximum(lacks, min(max(room, LEAST_ROOM), MOST_ROOM)) + concurring[flags]
    beyond = np.minimum(1.0, GAIN * (single + others)[flags])  # 0 where one cluster speaks alone
    lone = np.maximum(np.maximum(lacks, beyond * min(room, LONE_ROOM)) - LONE_MARGIN, 0.0) + GAIN * others[flags]
    least = np.minimum(crowd, lone)
    limit[flags] = least + (GAIN - 1.0) * beyond * np.maximum(least - lacks, 0.0)
    return limit


def _repeated(total: Floats) -> Floats:
    return np.asarray(total / (1.0 + CORRELATION * np.maximum(total - 1.0, 0.0)), np.float64)


def ratio(part: Floats, whole: Floats) -> Floats:
    """The part of the whole, 0 where there is none."""
    quotient = np.zeros_like(part)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient
