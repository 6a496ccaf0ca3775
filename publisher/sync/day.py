"""The day: the rows of one epoch under their row numbers, from which its ring is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from data.columns import Bytes, Ints, Mask
from data.formats.ring import Block
from data.formats.rows import Ids, Places, Rows, order
from data.formats.tree import FormatError

Column = TypeVar("Column", Bytes, Ints)


@dataclass(frozen=True, slots=True)
class Day:
    """Rows by row number: the base's first, then the epoch's additions by (tick, order). Never changed in place."""

    base_seq: int
    """The tick whose rows the base holds."""
    ids: Ids
    added_seq: Ints
    """The tick that added the id, 0 for the base's."""
    changed_seq: Ints
    """The tick of the newest change, 0 when there was none since the base."""
    alive: Mask
    scores: Bytes
    flags: Bytes

    def base_ids(self) -> Ids:
        """The base's ids, in published order."""
        return self.ids[: int(np.count_nonzero(self.added_seq == 0))]

    def numbers_of(self, ids: Ids) -> Ints:
        """Row numbers of ids, -1 for those that the day never held."""
        n = len(self.base_ids())
        numbers = Places(self.ids[:n]).of(ids)
        absent = np.flatnonzero(numbers < 0)
        by_id = order(self.ids[n:])
        place = Places(self.ids[n:][by_id]).of(ids[absent])
        numbers[absent] = np.where(place < 0, -1, n + by_id[place] if len(by_id) else -1)
        return numbers

    def rows(self) -> Rows:
        """The rows as they stand, in published order."""
        alive = np.flatnonzero(self.alive)
        alive = alive[order(self.ids[alive])]
        return Rows(self.ids[alive], self.scores[alive], self.flags[alive])

    def blocks(self) -> list[Block]:
        """The ring's blocks, the newest first."""
        seqs = np.concatenate([self.added_seq, self.changed_seq])
        return [self._block(int(seq)) for seq in np.unique(seqs[seqs > 0])[::-1]]

    def _block(self, seq: int) -> Block:
        n = len(self.base_ids())
        added = n + np.flatnonzero(self.added_seq[n:] == seq)
        changed = np.flatnonzero(self.changed_seq == seq)
        kept = changed[self.alive[changed]]
        return Block(
            seq=seq,
            first=int(added[0]) if len(added) else n + int(np.count_nonzero(self.added_seq[n:] < seq)),
            added=self.ids[added],
            rows=kept,
            scores=self.scores[kept],
            flags=self.flags[kept],
            removed=changed[~self.alive[changed]],
        )


def begin(base: Rows, seq: int) -> Day:
    """A day before its first change.

    Args:
        base: Rows in published order.
        seq: The tick whose rows they are.
    """
    n = len(base)
    nothing = np.zeros(n, np.int64)
    return Day(seq, base.ids, nothing, nothing, np.ones(n, np.bool_), base.scores, base.flags)


def advance(day: Day, rows: Rows, seq: int) -> Day:
    """The day after a tick that left these rows.

    Args:
        day: The day as the last tick left it.
        rows: All rows of the tick, in published order.
        seq: The tick.
    """
    number = day.numbers_of(rows.ids)
    known = number >= 0
    fresh = ~known
    alive = np.zeros(len(day.ids) + int(fresh.sum()), np.bool_)
    alive[number[known]] = True
    alive[len(day.ids) :] = True
    scores, flags = _extended(day.scores, fresh), _extended(day.flags, fresh)
    numbers = number.copy()
    numbers[fresh] = np.arange(len(day.ids), len(alive))
    scores[numbers], flags[numbers] = rows.scores, rows.flags
    changed = np.ones(len(alive), np.bool_)
    old = slice(0, len(day.ids))
    both_dead = ~day.alive & ~alive[old]
    same = (scores[old] == day.scores) & (flags[old] == day.flags) & (alive[old] == day.alive)
    changed[old] = ~(both_dead | same)
    return replace(
        day,
        ids=np.concatenate([day.ids, rows.ids[fresh]]),
        added_seq=np.concatenate([day.added_seq, np.full(int(fresh.sum()), seq, np.int64)]),
        changed_seq=np.where(changed, seq, _extended(day.changed_seq, fresh)),
        alive=alive,
        scores=scores,
        flags=flags,
    )


def restore(base: Rows, base_seq: int, blocks: Sequence[Block]) -> Day:
    """The day as its published base and ring tell it.

    Args:
        base: Rows of the base.
        base_seq: The tick whose rows they are.
        blocks: The ring's blocks, the newest first.

    Raises:
        FormatError: Row numbers do not fit each other.
    """
    oldest_first = list(reversed(blocks))
    added = np.concatenate([np.full(len(b.added), b.seq, np.int64) for b in oldest_first] or [np.empty(0, np.int64)])
    ids = np.concatenate([base.ids, *(block.added for block in oldest_first)])
    changed_seq, alive = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
    alive[: len(base)] = True
    scores = np.concatenate([base.scores, np.zeros(len(added), np.uint8)])
    flags = np.concatenate([base.flags, np.zeros(len(added), np.uint8)])
    count = len(base)
    for block in oldest_first:
        if len(block.added) and block.first != count:
            raise FormatError(f"block {block.seq} adds from row {block.first}, expected {count}")
        count += len(block.added)
        scores[block.rows], flags[block.rows] = block.scores, block.flags
        alive[block.rows], alive[block.removed] = True, False
        changed_seq[block.rows], changed_seq[block.removed] = block.seq, block.seq
    return Day(base_seq, ids, np.concatenate([np.zeros(len(base), np.int64), added]), changed_seq, alive, scores, flags)


def _extended(column: Column, fresh: Mask) -> Column:
    return np.concatenate([column, np.zeros(int(fresh.sum()), column.dtype)])
