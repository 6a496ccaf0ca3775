"""Packed bases and blocks: from received bytes to rows (formats, sections 6, 7 and 12)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from clients.errors import Malformed
from clients.head import EPOCH
from clients.rows import (
    ID,
    MAX_SCORE,
    Block,
    Bytes,
    Ids,
    Ints,
    NumberedRows,
    Values,
    check_order,
    ids_from_values,
    ids_of,
    integer_values,
    state_of,
)
from clients.strict import MAX_INTEGER, Fields, read_json

HASH_BYTES = 32
MAX_VARINT_BYTES = 8
MAX_HEADER_BYTES = 4096
MAX_RICE_BITS = 31
LIST_LIMIT = 1 << 32
"""Ascending lists hold integers below this."""
ROUND = 1 << 16
"""How many low parts are unpacked at once; a multiple of 8, so that each round begins on a whole byte."""


@dataclass(slots=True)
class Cursor:
    """A place in packed bytes; every method raises `Malformed` when the bytes end too early."""

    content: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        part = self.content[self.at : self.at + count]
        if len(part) != count:
            raise Malformed(f"ends {count - len(part)} bytes too early")
        self.at += count
        return part

    def varint(self) -> int:
        """An unsigned integer in LEB128."""
        value = 0
        for place in range(MAX_VARINT_BYTES):
            (byte,) = self.take(1)
            value |= (byte & 127) << (7 * place)
            if byte < 128:
                break
        else:
            raise Malformed(f"a varint has more than {MAX_VARINT_BYTES} bytes")
        if value > MAX_INTEGER:
            raise Malformed(f"a varint is {value}, above 2^53 - 1")
        return value

    def ascending(self, count: int) -> Ints:
        """An ascending list of `count` integers below 2^32."""
        if count == 0:
            return np.zeros(0, np.int64)
        (k,) = self.take(1)
        if k > MAX_RICE_BITS:
            raise Malformed(f"a list's k must be 0 to {MAX_RICE_BITS}, found {k}")
        quotients = _unary(self.take(self.varint()), count)
        if quotients.max() >= LIST_LIMIT >> k:
            raise Malformed("a list has an integer of 2^32 or more")
        values = np.cumsum((quotients << k) + _low_parts(self.take((count * k + 7) // 8), count, k))
        if values[-1] >= LIST_LIMIT:
            raise Malformed("a list has an integer of 2^32 or more")
        return values

    def low_halves(self, count: int) -> Values:
        """Four bytes each, little-endian."""
        return np.frombuffer(self.take(4 * count), "<u4").astype(np.uint64)

    def other_ids(self, count: int) -> Ids:
        """Ids as their length and their characters."""
        texts = []
        for _ in range(count):
            (length,) = self.take(1)
            text = self.take(length).decode("ascii", "replace")
            if not ID.fullmatch(text):
                raise Malformed(f"expected a video id, found {text[:40]!r}")
            texts.append(text)
        return ids_of(texts)

    def end(self) -> None:
        """Nothing may follow."""
        if self.at != len(self.content):
            raise Malformed(f"{len(self.content) - self.at} bytes follow the last part")


def _unary(part: bytes, count: int) -> Ints:
    """Runs of bits 0 before each bit 1."""
    ones = np.flatnonzero(np.unpackbits(np.frombuffer(part, np.uint8)))
    if len(ones) != count:
        raise Malformed(f"a list must have {count} bits 1, found {len(ones)}")
    if len(part) != int(ones[-1]) // 8 + 1:
        raise Malformed("a list is padded by more than a byte's rest")
    return np.diff(ones, prepend=-1) - 1


def _low_parts(part: bytes, count: int, k: int) -> Ints:
    """Integers of `k` bits each, the highest bit first."""
    if k == 0:
        return np.zeros(count, np.int64)
    spare = len(part) * 8 - count * k
    if part[-1] & ((1 << spare) - 1):
        raise Malformed("a list's padding is not 0")
    rounds = []
    for start in range(0, count, ROUND):
        size = min(ROUND, count - start)
        piece = np.frombuffer(part[start * k // 8 : (start + size) * k // 8 + 1], np.uint8)
        bits = np.unpackbits(piece, count=size * k).reshape(size, k)
        words = np.zeros((size, 32), np.uint8)
        words[:, 32 - k :] = bits
        rounds.append(np.packbits(words, axis=1).view(">u4").reshape(-1).astype(np.int64))
    return np.concatenate(rounds)


def read_column(stream: bytes, count: int) -> Bytes:
    """Inflate a column of exactly `count` bytes.

    Raises:
        Malformed: when it is no raw deflate stream, inflates to another size, or ends before its bytes do.
    """
    inflater = zlib.decompressobj(wbits=-15)
    try:
        column = inflater.decompress(stream, count + 1)
    except zlib.error as error:
        raise Malformed(f"a column is no deflate stream: {error}") from None
    if len(column) != count:
        raise Malformed(f"a column must have {count} bytes, found {'more' if len(column) > count else len(column)}")
    if not inflater.eof:
        raise Malformed("a column is cut off")
    if inflater.unused_data:
        raise Malformed("something follows a column")
    return np.frombuffer(column, np.uint8)


def read_scores(stream: bytes, count: int) -> Bytes:
    """A column of scores.

    Raises:
        Malformed: as `read_column`, or when one is above 100.
    """
    scores = read_column(stream, count)
    if np.any(scores > MAX_SCORE):
        raise Malformed(f"a score is {scores.max()}, the highest is {MAX_SCORE}")
    return scores


def join_ids(top: Ints, low: Values, others: Ids) -> Ids:
    """Ids of both kinds, their order checked.

    Raises:
        Malformed: when they are not in the order of section 6, or one of the others is an integer.
    """
    if integer_values(others)[0].any():
        raise Malformed("an integer id stands among the others")
    ids = np.concatenate([ids_from_values((top.astype(np.uint64) << np.uint64(32)) | low), others])
    check_order(ids)
    return ids


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A base's content, its rows in order and its hash checked."""

    epoch: str
    seq: int
    state: str
    rows: NumberedRows


def read_base(part_1: bytes, part_2: bytes) -> Base:
    """Parse both parts of a packed base.

    Raises:
        Malformed: when they break their format, their order, their counts or their own hash.
    """
    line, end, _ = part_1.partition(b"\n")
    if not end or len(line) > MAX_HEADER_BYTES:
        raise Malformed(f"part 1 must begin with a line of at most {MAX_HEADER_BYTES} bytes")
    fields = Fields.of(read_json(line))
    fields.integer("v", 1, 1)
    n = fields.integer("n", 0, LIST_LIMIT)
    others = fields.integer("others", 0, n)
    sections = fields.integers("sections")
    if len(sections) != 4 or len(line) + 1 + sum(sections) != len(part_1):
        raise fields.wrong("sections", f"four lengths that make up the rest of {len(part_1)} bytes,")
    cursor = Cursor(part_1, len(line) + 1)
    tops, scores, flags, names = (Cursor(cursor.take(length)) for length in sections)
    low = Cursor(part_2)
    ids = join_ids(tops.ascending(n - others), low.low_halves(n - others), names.other_ids(others))
    for part in (tops, names, low):
        part.end()
    columns = read_scores(scores.content, n), read_column(flags.content, n)
    rows = NumberedRows(ids, *columns, np.ones(n, np.bool_))
    base = Base(fields.text("epoch", EPOCH), fields.integer("seq", 1), fields.hash("state"), rows)
    if state_of(rows) != base.state:
        raise Malformed(f"the rows have the hash {state_of(rows)}, expected {base.state}")
    return base


def read_block(content: bytes) -> Block:
    """Parse a packed block, which may be a roll.

    Raises:
        Malformed: when it breaks its format or its orders, or is empty.
    """
    cursor = Cursor(content)
    following = cursor.take(HASH_BYTES)
    seq, first, integers, others, values, removals = (cursor.varint() for _ in range(6))
    added = join_ids(cursor.ascending(integers), cursor.low_halves(integers), cursor.other_ids(others))
    rows, removed = cursor.ascending(values), cursor.ascending(removals)
    if any(np.any(numbers[1:] == numbers[:-1]) for numbers in (rows, removed)) or np.intersect1d(rows, removed).size:
        raise Malformed("a row number stands there twice")
    scores = flags = np.zeros(0, np.uint8)
    if values:
        scores = read_scores(cursor.take(cursor.varint()), values)
        flags = read_column(cursor.take(cursor.varint()), values)
    cursor.end()
    if not (integers or others or values or removals):
        raise Malformed("adds, sets and removes nothing")
    name = following.hex() if any(following) else None
    return Block(seq, name, first, added, rows, scores, flags, removed)
