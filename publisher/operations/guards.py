"""What a tick must not do to the rows unless a person says so. Pure.

The first tick of a tree has nothing to be compared with, and few rows may change as they like: a share of a small
number says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.formats.rows import LOCKED, PRIOR_ONLY, Rows
from data.records import CATEGORIES

FLAGGED = 50
"""Clients flag a video from this score on: its row flips when the score crosses it."""
FEW_ROWS = 100
"""Fewer flipped, or fewer vanished, rows than these are never refused."""
EMPTY_FROM_ROWS = 10
"""More rows than these do not vanish all at once without a person."""
KNOWN_FLAGS = (1 << len(CATEGORIES)) - 1 | LOCKED | PRIOR_ONLY


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of the rows before, in percent."""

    flipped: int
    vanished: int


def objections(before: Rows, after: Rows, limits: Limits) -> list[str]:
    """Why a tick must not be published by itself; empty when it may.

    Args:
        before: The rows of the newest tick.
        after: The rows that the next tick would have.
        limits: How much may change.
    """
    found = out_of_range(after)
    if len(before) > EMPTY_FROM_ROWS and not len(after):
        return [*found, f"all {len(before):,} rows would vanish"]
    _, old, new = np.intersect1d(before.ids, after.ids, assume_unique=True, return_indices=True)
    flipped = int(((before.scores[old] >= FLAGGED) != (after.scores[new] >= FLAGGED)).sum())
    vanished = len(before) - len(old)
    for what, count, limit in (
        ("change sides of 50", flipped, limits.flipped), ("vanish", vanished, limits.vanished),
    ):  # fmt: skip
        if count >= FEW_ROWS and 100 * count > limit * len(before):
            share = 100 * count / len(before)
            found.append(f"{count:,} of {len(before):,} rows ({share:.1f} %) would {what}, at most {limit} % may")
    return found


def out_of_range(rows: Rows) -> list[str]:
    """What no row may say, whoever orders it."""
    wrong = {
        "a score above 100": rows.scores > 100,
        "an unknown flag": (rows.flags & ~np.uint8(KNOWN_FLAGS)) != 0,
        "a score of 50 or more by its prior alone": ((rows.flags & PRIOR_ONLY) != 0) & (rows.scores >= FLAGGED),
    }
    return [f"{int(mask.sum()):,} rows would have {what}" for what, mask in wrong.items() if mask.any()]
