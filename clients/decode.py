"""Base and ring files: from received bytes to rows (formats, sections 6 and 7)."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from clients.errors import Damaged, Malformed
from clients.head import EPOCH, Head, RingEntry
from clients.rows import (
    ID,
    MAX_SCORE,
    Block,
    Bytes,
    Ints,
    NumberedRows,
    check_order,
    ids_of,
    integer_ids_of,
    integer_values,
    state_of,
)
from clients.strict import Fields, read_json

GZIP_WITH_HEADER = 31
"""zlib's number for a gzip member with its header and its checksum."""


def inflation_limit(n: int) -> int:
    """The most bytes that a base or a block of a tree of `n` rows may inflate to."""
    return (64 << 20) + 64 * n


def inflate(packed: bytes, limit_bytes: int) -> bytes:
    """Inflate exactly one gzip member.

    Raises:
        Malformed: when it is none, is cut off, has something behind it or inflates beyond the limit.
    """
    inflater = zlib.decompressobj(wbits=GZIP_WITH_HEADER)
    try:
        text = inflater.decompress(packed, limit_bytes + 1)
    except zlib.error as error:
        raise Malformed(f"not gzip: {error}") from None
    if len(text) > limit_bytes:
        raise Malformed(f"inflates to more than {limit_bytes} bytes")
    if not inflater.eof:
        raise Malformed("the gzip member is cut off")
    if inflater.unused_data:
        raise Malformed("something follows the gzip member")
    return text


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A base file's content, its rows in order and its hash checked."""

    epoch: str
    seq: int
    state: str
    rows: NumberedRows


def read_base(text: bytes) -> Base:
    """Parse an inflated base.

    Raises:
        Malformed: when it breaks its format, its order, its count or its own hash.
    """
    fields = Fields.of(read_json(text))
    fields.integer("v", 1, 1)
    integers = integer_ids_of(fields.text("ids"))
    others = ids_of(fields.texts("others", ID))
    if integer_values(others)[0].any():
        raise fields.wrong("others", "ids that are no integers")
    ids = np.concatenate([integers, others])
    check_order(ids)
    fields.integer("n", len(ids), len(ids))
    scores, flags = _columns(fields, len(ids))
    rows = NumberedRows(ids, scores, flags, np.ones(len(ids), np.bool_))
    base = Base(fields.text("epoch", EPOCH), fields.integer("seq", 1), fields.hash("state"), rows)
    if state_of(rows) != base.state:
        raise Malformed(f"the rows have the hash {state_of(rows)}, expected {base.state}")
    return base


def read_block(text: bytes) -> Block:
    """Parse an inflated block.

    Raises:
        Malformed: when it breaks its format or its orders.
    """
    fields = Fields.of(read_json(text))
    fields.integer("v", 1, 1)
    added = ids_of(fields.texts("added", ID))
    check_order(added)
    rows, removed = _numbers(fields, "rows"), _numbers(fields, "removed")
    if np.intersect1d(rows, removed).size:
        raise fields.wrong("removed", "other row numbers than rows")
    scores, flags = _columns(fields, len(rows))
    return Block(
        seq=fields.integer("seq", 1),
        next=None if fields.any("next") is None else fields.hash("next"),
        first=fields.integer("first"),
        added=added,
        rows=rows,
        scores=scores,
        flags=flags,
        removed=removed,
    )


def _numbers(fields: Fields, name: str) -> Ints:
    numbers = np.array(fields.integers(name), dtype=np.int64)
    if np.any(numbers[1:] <= numbers[:-1]):
        raise fields.wrong(name, "ascending row numbers")
    return numbers


def _columns(fields: Fields, count: int) -> tuple[Bytes, Bytes]:
    scores, flags = np.frombuffer(fields.bytes("scores"), np.uint8), np.frombuffer(fields.bytes("flags"), np.uint8)
    if len(scores) != count or len(flags) != count:
        raise Malformed(f"scores and flags must have {count} bytes, found {len(scores)} and {len(flags)}")
    if np.any(scores > MAX_SCORE):
        raise Malformed(f"a score is {scores.max()}, the highest is {MAX_SCORE}")
    return scores, flags


def decode_base(packed: bytes, head: Head) -> NumberedRows:
    """The rows of a base file, checked against the head that names it.

    Raises:
        Damaged: when size, hash, content or the rows' hash is not what the head says.
    """
    entry = head.base
    if len(packed) != entry.bytes or hashlib.sha256(packed).hexdigest() != entry.file:
        raise Damaged(head.base_key, f"{len(packed)} bytes that are not the {entry.bytes} with the hash {entry.file}")
    try:
        base = read_base(inflate(packed, inflation_limit(head.n)))
    except Malformed as error:
        raise Damaged(head.base_key, str(error)) from None
    if (base.epoch, base.seq, base.state) != (head.epoch, entry.seq, entry.state):
        raise Damaged(head.base_key, f"holds {base.epoch}, tick {base.seq}, {base.state}, not what the head says")
    return base.rows


def prefix_bytes(ring: RingEntry, ticks: int) -> int:
    """How much of the ring the last `ticks` ticks take."""
    return sum(ring.sizes[:ticks])


def packed_blocks(ring: RingEntry, prefix: bytes, ticks: int) -> Iterator[tuple[int, bytes]]:
    """Cut a ring's prefix: (ticks before the head's, packed block), newest first, ticks without a block left out."""
    start = 0
    for back, size in enumerate(ring.sizes[:ticks]):
        if size:
            yield back, prefix[start : start + size]
            start += size


def decode_prefix(prefix: bytes, head: Head, ticks: int) -> list[Block]:
    """The blocks of the last `ticks` ticks, the oldest first; each one's hash is checked before it is inflated.

    Args:
        prefix: the ring file's first `prefix_bytes(ring, ticks)` bytes.
        head: names the ring, which must not be null.
        ticks: how many ticks before the head's the rows stand.

    Raises:
        Damaged: when a block is not the one that the head, or the block before it, names.
    """
    ring = head.ring
    assert ring is not None
    expected: str | None = ring.block
    blocks: list[Block] = []
    for back, packed in packed_blocks(ring, prefix, ticks):
        what = f"block of tick {head.seq - back}"
        if hashlib.sha256(packed).hexdigest() != expected:
            raise Damaged(ring.name, f"the {what} has not the hash {expected}")
        try:
            block = read_block(inflate(packed, inflation_limit(head.n)))
        except Malformed as error:
            raise Damaged(ring.name, f"the {what}: {error}") from None
        if block.seq != head.seq - back:
            raise Damaged(ring.name, f"the {what} says that it belongs to tick {block.seq}")
        expected = block.next
        blocks.append(block)
    if (expected is None) != (not any(ring.sizes[ticks:])):
        raise Damaged(ring.name, f"the last block names {expected} as the next one, against the sizes in the head")
    return blocks[::-1]
