"""What a tick must not do to the rows unless a person says so. Pure.

The first tick of a tree has nothing to be compared with, and few rows may change as they like: a share of a small
number says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.columns import Keys
from publisher.scoring.verdicts import VerdictTable

FLAGGED = 50
"""Clients flag a video from this score on: its row flips when the score crosses it."""
EMPTY_FROM_ROWS = 10
"""More rows than these do not vanish all at once without a person."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of the rows before, in percent."""

    flipped: int
    vanished: int
    few_rows: int
    """Fewer flipped, or fewer vanished, rows than these are never refused."""


def objections(before: VerdictTable, after: VerdictTable, changed: Keys, limits: Limits) -> tuple[str, ...]:
    """Why a tick must not be published by itself; empty when it may.

    Args:
        before: The verdicts of the newest tick, with room for all keys.
        after: The verdicts that the next tick would have.
        changed: Keys whose verdicts differ.
        limits: How much may change.
    """
    found = list(out_of_range(after, changed))
    rows = int(before.published.sum())
    was, now = before.published[changed], after.published[changed]
    vanished = int((was & ~now).sum())
    if rows > EMPTY_FROM_ROWS and not after.published.any():
        return (*found, f"all {rows:,} rows would vanish")
    sides = (before.score[changed] >= FLAGGED) != (after.score[changed] >= FLAGGED)
    flipped = int((was & now & sides).sum())
    for what, count, limit in (
        ("change sides of 50", flipped, limits.flipped), ("vanish", vanished, limits.vanished),
    ):  # fmt: skip
        if count >= limits.few_rows and 100 * count > limit * rows:
            share = 100 * count / rows
            found.append(f"{count:,} of {rows:,} rows ({share:.1f} %) would {what}, at most {limit} % may")
    return tuple(found)


def out_of_range(after: VerdictTable, changed: Keys) -> tuple[str, ...]:
    """What no row may say, whoever orders it."""
    published, score = after.published[changed], after.score[changed]
    wrong = {
        "a score above 100": (score > 100) | (after.category_score[changed] > 100).any(axis=1),
        "a score of 50 or more by its prior alone": after.prior_only[changed] & (score >= FLAGGED),
    }
    counts = {what: int((mask & published).sum()) for what, mask in wrong.items()}
    return tuple(f"{count:,} rows would have {what}" for what, count in counts.items() if count)
