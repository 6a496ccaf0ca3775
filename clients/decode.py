"""Rings: which bytes of one a client needs, and the blocks in them (formats, section 7); and gzip."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

from clients.errors import Damaged, Malformed
from clients.head import Head, RingEntry
from clients.packed import read_block
from clients.rows import Block

GZIP_WITH_HEADER = 31
"""zlib's number for a gzip member with its header and its checksum."""


def inflation_limit(n: int) -> int:
    """The most bytes that a file about `n` rows may have, or inflate to."""
    return (64 << 20) + 64 * n


def inflate_member(packed: bytes, limit_bytes: int) -> tuple[bytes, bytes]:
    """Inflate the first gzip member.

    Returns:
        Its content, and what follows it.

    Raises:
        Malformed: when it is none, is cut off or inflates beyond the limit.
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
    return text, inflater.unused_data


def inflate(packed: bytes, limit_bytes: int) -> bytes:
    """Inflate exactly one gzip member.

    Raises:
        Malformed: when it is none, is cut off, has something behind it or inflates beyond the limit.
    """
    text, rest = inflate_member(packed, limit_bytes)
    if rest:
        raise Malformed("something follows the gzip member")
    return text


def decode_block(content: bytes, what: str) -> Block:
    """Parse a block whose hash is right.

    Raises:
        Damaged: when it breaks its format.
    """
    try:
        return read_block(content)
    except Malformed as error:
        raise Damaged(what, str(error)) from None


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
    """The blocks of the last `ticks` ticks, the oldest first; each one's hash is checked before it is read.

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
    wanted = prefix_bytes(ring, ticks)
    if len(prefix) != wanted:
        raise Damaged(head.ring_key, f"has {len(prefix)} bytes, expected {wanted}")
    for back, packed in packed_blocks(ring, prefix, ticks):
        what = f"block of tick {head.seq - back}"
        if hashlib.sha256(packed).hexdigest() != expected:
            raise Damaged(head.ring_key, f"the {what} has not the hash {expected}")
        try:
            block = read_block(packed)
        except Malformed as error:
            raise Damaged(head.ring_key, f"the {what}: {error}") from None
        if block.seq != head.seq - back:
            raise Damaged(head.ring_key, f"the {what} says that it belongs to tick {block.seq}")
        expected = block.next
        blocks.append(block)
    if (expected is None) != (not any(ring.sizes[ticks:])):
        raise Damaged(head.ring_key, f"the last block names {expected} as the next one, against the sizes in the head")
    return blocks[::-1]
