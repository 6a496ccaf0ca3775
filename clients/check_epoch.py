"""One epoch's base and rings: that every snapshot and delta leads to the same rows (formats, sections 6 and 7)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import numpy as np

from clients.check_rolls import read_epochs_file
from clients.check_shards import check_shards
from clients.decode import decode_prefix, inflation_limit
from clients.epochs import MAX_EPOCHS_BYTES, decode_base
from clients.errors import VerifyError
from clients.head import FileEntry, Head
from clients.promises import Shelf, check_canonical, expect, inflated, promise
from clients.rows import Block, NumberedRows, apply_blocks, renumber, state_of
from clients.twins import read_json_base, read_json_ring, same_block

RESERVED_FLAG = 32
JSON_RING = re.compile(r"v1/e/(\d{4}-\d{2}-\d{2})/ring-(\d+)-[0-9a-f]{16}\.jsonl\.gz")


class EpochCheck:
    """The ticks of one epoch, given in order."""

    def __init__(self, shelf: Shelf, head: Head, files: Mapping[str, FileEntry]) -> None:
        """Read and check the base in its three forms, and the shards.

        Args:
            shelf: the published files.
            head: the first of the epoch's ticks that is checked.
            files: its list of files.

        Raises:
            VerifyError: when the base breaks a promise.
            Tombstoned: when a part of it is not there any more.
        """
        self.shelf = shelf
        self.day = head.epoch
        self.epochs = read_epochs_file(shelf, head)
        key = head.epochs_key
        check_canonical(key, inflated(key, shelf.fetch(key, head.epochs, head.commit_key), MAX_EPOCHS_BYTES))
        self.base = self._read_base(head, files)
        _check_flags(self.epochs.p1_key, self.base)
        self.base_seq = head.base.seq
        self.shards = check_shards(shelf, self.epochs, files, self.base, key)
        self.rows = self.base
        """At the last tick that was checked, numbered."""
        self.head: Head | None = None
        self.blocks: dict[int, list[Block]] = {}
        """By tick, oldest first: all of the ring as that tick left it."""

    def _read_base(self, head: Head, files: Mapping[str, FileEntry]) -> NumberedRows:
        epochs, shelf = self.epochs, self.shelf
        parts = {epochs.p1_key: epochs.p1, epochs.p2_key: epochs.p2, epochs.json_key: epochs.json}
        for key, entry in parts.items():
            expect(files.get(key) == entry, head.list_key, promised=f"the base {key}", found=files.get(key))
        part_1, part_2, whole = (shelf.fetch(key, entry, head.epochs_key) for key, entry in parts.items())
        with promise(epochs.p1_key, f"the rows of tick {head.base.seq}"):
            base = decode_base(part_1, part_2, epochs)
        check_canonical(epochs.p1_key, part_1.partition(b"\n")[0])
        text = inflated(epochs.json_key, whole, inflation_limit(epochs.n))
        check_canonical(epochs.json_key, text)
        with promise(epochs.json_key, f"the rows of tick {head.base.seq}"):
            twin = read_json_base(text)
        said, found = (epochs.epoch, epochs.seq, epochs.state), (twin.epoch, twin.seq, twin.state)
        expect(found == said, epochs.json_key, promised=f"{said}, as in the packed base", found=found)
        return base

    def check_tick(self, head: Head, files: Mapping[str, FileEntry]) -> None:
        """Check one tick's rings: base and ring, and rows before and newer blocks, both give the head's rows.

        Raises:
            VerifyError: when they do not.
            Tombstoned: when a ring is not there any more.
        """
        blocks = self._ring(head, files) if head.ring else []
        with promise(head.commit_key, "base and ring that give the rows of the head"):
            rows = apply_blocks(self.base, blocks)
            state = state_of(rows)
        promised = f"{head.n} rows with the hash {head.state}"
        expect((rows.n, state) == (head.n, head.state), head.commit_key, promised=promised, found=f"{rows.n}, {state}")
        _check_flags(head.commit_key, rows)
        if head.seq > 1:
            before = self.head.seq if self.head else self.base_seq
            self._check_prefix(head, self.rows, blocks, rows, a=before)
        self.rows, self.head = rows, head
        self.blocks[head.seq] = blocks

    def finish(self) -> int:
        """Check the prefixes of the epoch's last ring from every earlier tick that was checked.

        Returns:
            How many earlier ticks there were.

        Raises:
            VerifyError: when a client at one of them would not arrive.
        """
        if self.head is None:
            return 0
        blocks, last = self.blocks[self.head.seq], self.head.seq
        with promise(self.head.commit_key, "one row number for each id"):
            renumber(dataclasses.replace(self.rows, alive=np.ones(self.rows.numbers, np.bool_)))
        before = [a for a in {self.base_seq, *self.blocks} if a < last]
        for a in before:
            rows = apply_blocks(self.base, self.blocks.get(a, []))
            self._check_prefix(self.head, rows, blocks, self.rows, a=a)
        return len(before)

    def removed_ids(self, before: NumberedRows) -> frozenset[bytes]:
        """The ids that had a row before and have none at the last tick checked; both of this epoch."""
        gone = before.alive & ~self.rows.alive[: before.numbers]
        return frozenset(before.ids[gone].tolist())

    def _ring(self, head: Head, files: Mapping[str, FileEntry]) -> list[Block]:
        assert head.ring is not None
        key = head.ring_key
        whole = self.shelf.fetch(key, files[key], head.list_key)
        with promise(key, f"the blocks of tick {head.seq}"):
            blocks = decode_prefix(whole, head, head.seq - head.base.seq)
        numbers = np.concatenate([np.zeros(0, np.int64), *(part for b in blocks for part in (b.rows, b.removed))])
        expect(len(np.unique(numbers)) == len(numbers), key, promised="each row number in one block", found="repeats")
        self._check_twin(head, files, blocks)
        return blocks

    def _check_twin(self, head: Head, files: Mapping[str, FileEntry], blocks: list[Block]) -> None:
        newest = blocks[-1].seq
        keys = [k for k in files if (match := JSON_RING.fullmatch(k)) and match.groups() == (head.epoch, str(newest))]
        expect(len(keys) == 1, head.list_key, promised=f"one JSON ring of tick {newest}", found=len(keys))
        key = keys[0]
        packed = self.shelf.fetch(key, files[key], head.list_key)
        with promise(key, "the ring's blocks as JSON"):
            members = read_json_ring(packed, inflation_limit(head.n))
        for member in members:
            at = f"{key} (block of tick {member.block.seq})"
            check_canonical(at, member.text)
            inflated(at, member.packed, inflation_limit(head.n))
        same = len(members) == len(blocks) and all(
            same_block(member.block, block) for member, block in zip(members, reversed(blocks), strict=True)
        )
        expect(same, key, promised=f"the blocks of {head.ring_key}", found="other ones")

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
