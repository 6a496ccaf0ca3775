"""Rolls (`docs/formats.md`, section 12): from an earlier epoch's base to this one's, direct, without the earlier base.

A day's changes are the roll from its base to the next one. A roll that leads to the day's base, and the day's changes,
make one that leads on: what it costs follows from what changed (`docs/adr/0006-rolls-by-composition.md`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from data.columns import Bytes, Ints, Mask
from data.formats import ring
from data.formats.ring import Block
from data.formats.rows import Ids, Places, id_column, order
from data.formats.tree import FormatError
from publisher.sync.day import Day

DAYS = 30
"""Rolls lead from bases of so many days."""


@dataclass(frozen=True, slots=True)
class Roll:
    """From an earlier epoch's base to a later one's."""

    epoch: str
    """The earlier epoch."""
    seq: int
    """The tick whose rows its base holds."""
    n: int
    """How many rows it has."""
    block: Block | None
    """What changed; None when nothing did. Every added id has its value in it."""

    def encode(self) -> bytes:
        """Writes the roll's file; empty when nothing changed."""
        return ring.encode_block(self.block) if self.block else b""


def following(known: Iterable[Roll], day: Day, epoch: str, *, seq: int, to: str) -> list[Roll]:
    """The rolls to a new base.

    Args:
        known: Those that lead to the base of the day before, the newest first.
        day: That day, as its last tick left it.
        epoch: Its name.
        seq: That tick, whose rows the new base holds.
        to: The new epoch.

    Returns:
        The newest first; bases of more than `DAYS` days ago are left out.

    Raises:
        FormatError: A roll does not lead to the day's base.
    """
    last = of_day(day, seq)
    ids = day.base_ids()
    rolls = [Roll(epoch, day.base_seq, len(ids), last or None)] if _is_recent(epoch, to) else []
    places = Places(ids)
    for roll in known:
        if _is_recent(roll.epoch, to):
            block = compose(roll, places, len(ids), last)
            rolls.append(replace(roll, block=block or None))
    return rolls


def of_day(day: Day, seq: int) -> Block:
    """What a day changed of its base; empty when nothing.

    Args:
        day: As its last tick left it.
        seq: That tick.
    """
    n = len(day.base_ids())
    told = day.alive & (day.changed_seq > 0)
    return _block(seq, n, day.ids[n:], ~day.alive, told, day.scores, day.flags)


def compose(earlier: Roll, places: Places, middle_n: int, later: Block) -> Block:
    """One roll that does what two do, one after the other; empty when they change nothing.

    In the middle base, the rows that the earlier roll added are known by their ids. The others correspond, in order,
    to the rows of the earlier base that it did not remove. An id that the earlier roll removed and the later one adds
    is both removed and added.

    Args:
        earlier: Leads to the middle base.
        places: Where ids stand in the middle base.
        middle_n: How many rows it has.
        later: Leads on from it.

    Raises:
        FormatError: The earlier roll does not lead to the middle base.
    """
    first = earlier.block or _nothing(earlier)
    n = earlier.n
    fresh = places.of(first.added)
    if (fresh < 0).any() or not _fits(first, n, middle_n):
        raise FormatError(f"the roll from {earlier.epoch} does not lead to the base of the day after it")
    kept = np.delete(np.arange(n), first.removed)
    ids = np.concatenate([first.added, later.added])
    old = np.ones(middle_n, np.bool_)
    old[fresh] = False
    number = np.arange(middle_n + len(later.added)) - middle_n + n + len(fresh)
    number[:middle_n][old], number[fresh] = kept, n + np.arange(len(fresh))
    removed = _marked(n + len(ids), first.removed, number[later.removed])
    told = _marked(n + len(ids), first.rows, number[later.rows]) & ~removed
    scores, flags = np.zeros((2, n + len(ids)), np.uint8)
    scores[first.rows], flags[first.rows] = first.scores, first.flags
    scores[number[later.rows]], flags[number[later.rows]] = later.scores, later.flags
    return _block(later.seq, n, ids, removed, told, scores, flags)


def _is_recent(epoch: str, to: str) -> bool:
    """Whether a day is one of the `DAYS` before another."""
    return (date.fromisoformat(to) - date.fromisoformat(epoch)).days <= DAYS


def _nothing(roll: Roll) -> Block:
    none = np.empty(0, np.int64)
    no_bytes = np.empty(0, np.uint8)
    return Block(roll.seq, roll.n, id_column([]), none, no_bytes, no_bytes, none)


def _fits(block: Block, n: int, to: int) -> bool:
    """Whether a block makes `to` rows of `n`, and names no others."""
    known, added = n + len(block.added), np.count_nonzero(block.rows >= n)
    named = block.rows.max(initial=0) < max(known, 1) and block.removed.max(initial=0) < max(n, 1)
    return bool(named and block.first == n and added == len(block.added) and known - len(block.removed) == to)


def _marked(size: int, *numbers: Ints) -> Mask:
    marks = np.zeros(size, np.bool_)
    for some in numbers:
        marks[some] = True
    return marks


def _block(seq: int, n: int, ids: Ids, removed: Mask, told: Mask, scores: Bytes, flags: Bytes) -> Block:
    """The roll from a base of `n` rows; the columns have its rows first, then one for each of `ids`."""
    new = n + np.flatnonzero(~removed[n:])
    new = new[order(ids[new - n])]
    changed = np.flatnonzero(told[:n])
    values = np.concatenate([changed, new])
    return Block(
        seq=seq,
        first=n,
        added=ids[new - n],
        rows=np.concatenate([changed, n + np.arange(len(new))]),
        scores=scores[values],
        flags=flags[values],
        removed=np.flatnonzero(removed[:n]),
    )
