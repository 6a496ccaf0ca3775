"""Rings: an epoch's row changes in blocks, the newest first (`docs/formats.md`, section 7)."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from data.columns import Bytes, Ints
from data.formats.rows import Ids, id_column
from data.formats.tree import FormatError, canonical, packed, sha256


@dataclass(frozen=True, slots=True)
class Block:
    """What one tick added to its epoch, less what newer ticks have changed again."""

    seq: int
    first: int
    """Row number of the first added id."""
    added: Ids
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
    """Writes blocks as gzip members, chained by hashes.

    Args:
        blocks: The newest first, none empty.

    Returns:
        Members in the same order; their concatenation is the ring file.
    """
    members: list[bytes] = []
    following = None
    for block in reversed(blocks):
        member = packed(canonical({
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
        members.append(member)
        following = sha256(member)
    return members[::-1]


def decode(body: bytes, sizes: Sequence[int], newest: str) -> list[Block]:
    """Reads a ring file, checking the chain of hashes.

    Args:
        body: The whole file.
        sizes: Sizes of its blocks, newest first; zeros are ticks without one.
        newest: Hash of the newest block.

    Raises:
        FormatError: A block is not the promised one.
    """
    blocks, start, expected = [], 0, newest
    for size in filter(None, sizes):
        member = body[start : start + size]
        if sha256(member) != expected:
            raise FormatError(f"a ring's block at byte {start} is not the promised one")
        value = orjson.loads(gzip.decompress(member))
        blocks.append(Block(
            seq=value["seq"],
            first=value["first"],
            added=id_column(value["added"]),
            rows=np.array(value["rows"], np.int64),
            scores=np.frombuffer(base64.b64decode(value["scores"]), np.uint8),
            flags=np.frombuffer(base64.b64decode(value["flags"]), np.uint8),
            removed=np.array(value["removed"], np.int64),
        ))  # fmt: skip
        start, expected = start + size, value["next"]
    return blocks
