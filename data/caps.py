"""How far the votes on one side of a video may go together. Pure; `docs/scoring.md` explains every constant."""

from __future__ import annotations

import numpy as np

from data.columns import Floats
from data.voters import CROWD_SHARE, MOST_ROOM, Levels

NEWCOMERS_CAP = 1.6
"""All newcomers together move one side of a video by no more log-odds: below 1.99, what a neutral video lacks to 50."""
OPPOSED_HALF = 2.0
"""Established log-odds on the other side that halve what newcomers may add: a record outweighs a crowd without one."""
CROWD_KNEE = 0.6
"""Up to this share of their cap the crowd's log-odds count whole; beyond it they bend towards the cap, never flat."""
CORRELATION = 0.1
"""How much voters repeat each other; log-odds S of one kind count as S / (1 + (S - 1) * this), for S above 1."""
LONE_GAIN = 3.0
"""How fast a second voice lifts the limit of a lone one, in log-odds a log-odds."""
LONE_MARGIN = 0.05
"""How far below 50 a lone voice leaves a neutral video, in log-odds."""


def shares(
    newcomers: Floats,
    established: Floats,
    moderators: Floats,
    proven: Floats,
    *,
    heaviest: Floats,
    most_proven: Floats,
    levels: Levels,
) -> tuple[Floats, Floats, Floats]:
    """What is left of each kind's log-odds, by side of a video (2 * row, + 1 for flags)."""
    place = np.arange(len(newcomers))
    reliable, long = _repeated(established), _repeated(proven)
    opposed = (reliable + long + moderators)[place ^ 1]
    new = np.minimum(_repeated(newcomers), NEWCOMERS_CAP / (1.0 + opposed / OPPOSED_HALF))
    cap = np.where(place % 2 == 1, levels.crowd_cap(), CROWD_SHARE * MOST_ROOM)
    crowd = _bent(new + reliable, cap)
    total = np.minimum(crowd + long, cap + _repeated(np.maximum(proven - most_proven, 0.0)))
    others = np.maximum(newcomers + established + proven - heaviest, 0.0)
    lone = max(0.0, levels.room() - LONE_MARGIN)
    kept = ratio(np.minimum(total, np.where(place % 2 == 1, lone + LONE_GAIN * others, np.inf)), total)
    bent = ratio(crowd, new + reliable) * kept
    return ratio(new, newcomers) * bent, ratio(reliable, established) * bent, ratio(total - crowd, proven) * kept


def _repeated(total: Floats) -> Floats:
    return np.asarray(total / (1.0 + CORRELATION * np.maximum(total - 1.0, 0.0)), np.float64)


def _bent(total: Floats, cap: Floats) -> Floats:
    knee = CROWD_KNEE * cap
    over = np.maximum(total - knee, 0.0) / (cap - knee)
    return np.minimum(total, knee) - (cap - knee) * np.expm1(-over)


def ratio(part: Floats, whole: Floats) -> Floats:
    """The part of the whole, 0 where there is none."""
    quotient = np.zeros_like(part)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient
