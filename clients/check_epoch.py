"""One epoch's base and rings: that every snapshot and delta leads to the same rows (formats, sections 6 and 7)."""

from __future__ import annotations

import dataclasses

import numpy as np

from clients.decode import decode_base, decode_prefix, inflation_limit, packed_blocks
from clients.errors import VerifyError
from clients.head import Head
from clients.promises import FileEntry, Shelf, check_canonical, expect, inflated, promise
from clients.rows import Block, NumberedRows, apply_blocks, renumber, state_of

RESERVED_FLAG = 32


class EpochCheck:
    """The ticks of one epoch, given in order."""

    def __init__(self, shelf: Shelf, head: Head) -> None:
        """Read and check the base.

        Args:
            shelf: the published files.
            head: the epoch's first tick.

        Raises:
            VerifyError: when the base breaks a promise.
        """
        self.shelf = shelf
        self.day = head.epoch
        packed = shelf.fetch(head.base_key, FileEntry(head.base.bytes, head.base.file), head.commit_key)
        check_canonical(head.base_key, inflated(head.base_key, packed, inflation_limit(head.n)))
        with promise(head.base_key, f"the rows of tick {head.base.seq}"):
            self.base = decode_base(packed, head)
        _check_flags(head.base_key, self.base)
        self.base_seq = head.base.seq
        self.rows = self.base
        """At the last tick that was checked, numbered."""
        self.head = head
        self.blocks: dict[int, list[Block]] = {}
        """By tick, oldest first: all of the ring as that tick left it."""

    def check_tick(self, head: Head) -> None:
        """Check one tick's ring: base and ring, and rows before and newest block, both give the head's rows.

        Raises:
            VerifyError: when they do not.
        """
        blocks = self._ring(head) if head.ring else []
        with promise(head.commit_key, "base and ring that give the rows of the head"):
            rows = apply_blocks(self.base, blocks)
            state = state_of(rows)
        promised = f"{head.n} rows with the hash {head.state}"
        expect((rows.n, state) == (head.n, head.state), head.commit_key, promised=promised, found=f"{rows.n}, {state}")
        _check_flags(head.commit_key, rows)
        if head.seq > 1:
            self._check_prefix(head, self.rows, blocks, rows, a=head.seq - 1)
        self.rows, self.head = rows, head
        self.blocks[head.seq] = blocks

    def finish(self) -> int:
        """Check the prefixes of the epoch's last ring from every earlier tick.

        Returns:
            How many earlier ticks there were.

        Raises:
            VerifyError: when a client at one of them would not arrive.
        """
        blocks, last = self.blocks[self.head.seq], self.head.seq
        with promise(self.head.commit_key, "one row number for each id"):
            renumber(dataclasses.replace(self.rows, alive=np.ones(self.rows.numbers, np.bool_)))
        for a in range(self.base_seq, last):
            rows = apply_blocks(self.base, self.blocks.get(a, []))
            self._check_prefix(self.head, rows, blocks, self.rows, a=a)
        return last - self.base_seq

    def removed_ids(self, before: NumberedRows) -> frozenset[bytes]:
        """The ids that had a row before and have none at the last tick checked; both of this epoch."""
        gone = before.alive & ~self.rows.alive[: before.numbers]
        return frozenset(before.ids[gone].tolist())

    def _ring(self, head: Head) -> list[Block]:
        ring = head.ring
        assert ring is not None
        whole = self.shelf.fetch(ring.name, self.shelf.checked[ring.name], head.list_key)
        with promise(ring.name, f"the blocks of tick {head.seq}"):
            blocks = decode_prefix(whole, head, head.seq - head.base.seq)
        for back, packed in packed_blocks(ring, whole, len(ring.sizes)):
            key = f"{ring.name} (block of tick {head.seq - back})"
            check_canonical(key, inflated(key, packed, inflation_limit(head.n)))
        numbers = np.concatenate([np.zeros(0, np.int64), *(part for b in blocks for part in (b.rows, b.removed))])
        expect(
            len(np.unique(numbers)) == len(numbers), ring.name, promised="each row number in one block", found="repeats"
        )
        return blocks

    def _check_prefix(
        self, head: Head, rows: NumberedRows, blocks: list[Block], reached: NumberedRows, *, a: int
    ) -> None:
        """From the rows of tick `a`, the blocks after it must lead to the same rows under the same numbers."""
        newer = [block for block in blocks if block.seq > a]
        with promise(head.commit_key, f"blocks that continue the rows of tick {a}"):
            arrived = apply_blocks(rows, newer)
        if not same_rows(arrived, reached):
            promised = f"the rows of tick {head.seq} from those of tick {a} and the ring's newest {len(newer)} blocks"
            raise VerifyError(head.commit_key, promised=promised, found="other rows, or other row numbers")


def same_rows(a: NumberedRows, b: NumberedRows) -> bool:
    """Whether two lists of rows agree in every number."""
    pairs = ((a.ids, b.ids), (a.alive, b.alive), (a.scores, b.scores), (a.flags, b.flags))
    return all(np.array_equal(x, y) for x, y in pairs)


def _check_flags(key: str, rows: NumberedRows) -> None:
    reserved = np.flatnonzero(rows.flags & RESERVED_FLAG)
    expect(not len(reserved), key, promised=f"flag {RESERVED_FLAG} is 0", found=f"set for {len(reserved)} rows")
