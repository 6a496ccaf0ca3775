"""The JSON twins of packed files (formats, sections 6 and 7), for the verifier: clients read the packed ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from clients.decode import inflate_member
from clients.errors import Malformed
from clients.head import EPOCH
from clients.packed import Base
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


def read_json_base(text: bytes) -> Base:
    """Parse an inflated JSON base.

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
    rows = NumberedRows(ids, *_columns(fields, len(ids)), np.ones(len(ids), np.bool_))
    base = Base(fields.text("epoch", EPOCH), fields.integer("seq", 1), fields.hash("state"), rows)
    if state_of(rows) != base.state:
        raise Malformed(f"the rows have the hash {state_of(rows)}, expected {base.state}")
    return base


def read_json_block(text: bytes) -> Block:
    """Parse an inflated JSON block.

    Raises:
        Malformed: when it breaks its format or its orders.
    """
    fields = Fields.of(read_json(text))
    fields.integer("v", 1, 1)
    added = ids_of(fields.texts("added", ID))
    check_order(added)
    rows, removed = _numbers(fields, "rows"), _numbers(fields, "removed")
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


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One gzip member of a JSON ring."""

    packed: bytes
    text: bytes
    block: Block


def read_json_ring(packed: bytes, limit_bytes: int) -> list[Member]:
    """The members of a JSON ring, the newest first, each naming the one behind it.

    Args:
        packed: the file.
        limit_bytes: the most that one of them may inflate to.

    Raises:
        Malformed: when one is no block, or names another one than the one behind it.
    """
    members: list[Member] = []
    while packed:
        text, rest = inflate_member(packed, limit_bytes)
        members.append(Member(packed[: len(packed) - len(rest)], text, read_json_block(text)))
        packed = rest
    for member, behind in zip(members, [*members[1:], None], strict=True):
        expected = hashlib.sha256(behind.packed).hexdigest() if behind else None
        if member.block.next != expected:
            raise Malformed(f"the block of tick {member.block.seq} names {member.block.next} as next, not {expected}")
    return members


def same_block(a: Block, b: Block) -> bool:
    """Whether two blocks say the same; their chains differ, as the bytes do."""
    columns = (a.added, b.added), (a.rows, b.rows), (a.scores, b.scores), (a.flags, b.flags), (a.removed, b.removed)
    return (a.seq, a.first) == (b.seq, b.first) and all(np.array_equal(x, y) for x, y in columns)
