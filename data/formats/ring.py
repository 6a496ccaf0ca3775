"""Rings: an epoch's row changes in blocks, the newest first (`docs/formats.md`, section 7)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data.columns import Bytes, Ints
from data.formats import rice
from data.formats.packed import Reader, deflated, ids_from, inflated, parts_of
from data.formats.rows import Ids, integer_ids
from data.formats.tree import FormatError, canonical, gzipped, sha256
from data.formats.varint import varint

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Block:
    """What one tick added to its epoch, less what newer ticks have changed again."""

    seq: int
    first: int
    """Row number of the first added id."""
    added: Ids
    """In published order."""
    rows: Ints
    """Row numbers whose newest value is in this block, ascending."""
    scores: Bytes
    """One for each of `rows`."""
    flags: Bytes
    """One for each of `rows`."""
    removed: Ints
    """Row numbers whose newest change is their removal by this tick, ascending."""

    def __bool__(self) -> bool:
        return bool(len(self.added) or len(self.rows) or len(self.removed))


def encode(blocks: Sequence[Block]) -> list[bytes]:
    """Writes packed blocks, chained by hashes.

    Args:
        blocks: The newest first, none empty.

    Returns:
        Them in the same order; their concatenation is the packed ring file.
    """
    return _chained(blocks, encode_block)


def encode_json(blocks: Sequence[Block]) -> bytes:
    """Writes the JSON ring file: gzip members, chained by hashes."""
    return b"".join(_chained(blocks, _json_block))


def decode(body: bytes, sizes: Sequence[int], newest: str) -> list[Block]:
    """Reads a packed ring file, checking the chain of hashes.

    Args:
        body: The whole file.
        sizes: Sizes of its blocks, newest first; zeros are ticks without one.
        newest: Hash of the newest block.

    Raises:
        FormatError: A block is malformed, or not the promised one.
    """
    blocks, start, expected = [], 0, newest
    for size in filter(None, sizes):
        member = body[start : start + size]
        if sha256(member) != expected:
            raise FormatError(f"a ring's block at byte {start} is not the promised one")
        blocks.append(decode_block(member))
        start, expected = start + size, member[:HASH_BYTES].hex()
    if start != len(body):
        raise FormatError(f"a ring has {len(body)} bytes, its blocks {start}")
    return blocks


def encode_block(block: Block, following: str | None = None) -> bytes:
    """Writes one packed block.

    Args:
        block: What it says.
        following: Hash of the block that follows, None for the last one.
    """
    integers = int(np.count_nonzero(integer_ids(block.added)[0]))
    counts = (block.seq, block.first, integers, len(block.added) - integers, len(block.rows), len(block.removed))
    columns = [deflated(column) for column in (block.scores, block.flags) if len(block.rows)]
    return b"".join([
        bytes.fromhex(following) if following else bytes(HASH_BYTES),
        *map(varint, counts),
        *parts_of(block.added),
        rice.encode(block.rows),
        rice.encode(block.removed),
        *(varint(len(column)) + column for column in columns),
    ])  # fmt: skip


def decode_block(body: bytes) -> Block:
    """Reads one packed block, whatever follows it.

    Raises:
        FormatError: It is malformed.
    """
    reader = Reader(body)
    reader.bytes(HASH_BYTES)
    seq, first, integers, others, rows, removed = (reader.varint() for _ in range(6))
    top = reader.ascending(integers)
    low = reader.bytes(4 * integers)
    block = Block(
        seq=seq,
        first=first,
        added=ids_from(top, low, reader.other_ids(others)),
        rows=reader.ascending(rows),
        removed=reader.ascending(removed),
        scores=_column(reader, rows),
        flags=_column(reader, rows),
    )
    reader.end()
    numbers = np.concatenate([block.rows, block.removed])
    if not block or len(np.unique(numbers)) != len(numbers):
        raise FormatError(f"block {seq} is empty or names a row twice")
    return block


def _column(reader: Reader, rows: int) -> Bytes:
    return inflated(reader.bytes(reader.varint()), rows) if rows else np.empty(0, np.uint8)


def _chained(blocks: Sequence[Block], write: Callable[[Block, str | None], bytes]) -> list[bytes]:
    members: list[bytes] = []
    following = None
    for block in reversed(blocks):
        members.append(write(block, following))
        following = sha256(members[-1])
    return members[::-1]


def _json_block(block: Block, following: str | None) -> bytes:
    return gzipped(canonical({
        "v": 1,
        "seq": block.seq,
        "next": following,
        "first": block.first,
        "added": [video_id.decode() for video_id in block.added.tolist()],
        "rows": block.rows.tolist(),
        "scores": base64.b64encode(block.scores.tobytes()).decode(),
        "flags": base64.b64encode(block.flags.tobytes()).decode(),
        "removed": block.removed.tolist(),
    }))  # fmt: skip
