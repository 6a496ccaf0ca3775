"""Ascending lists of integers as Rice codes of their differences (`docs/formats.md`, section 6)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data.columns import Bytes, Ints
from data.formats.tree import FormatError
from data.formats.varint import read_varint, varint

Numbers = npt.NDArray[np.uint32]

BOUND = 1 << 32
"""All integers are below it."""
GREATEST_K = 31
ROWS_AT_A_TIME = 1 << 16
"""How many values' bits are spread out at once, one byte a bit; a multiple of 8."""


def encode(values: Numbers | Ints) -> bytes:
    """Writes ascending integers below 2^32, repeats allowed."""
    if not len(values):
        return b""
    values = values.astype(np.int64)
    differences = np.concatenate([values[:1], values[1:] - values[:-1]])
    k = _best_k(differences)
    ends = np.cumsum((differences >> k) + 1) - 1
    unary = np.zeros(int(ends[-1]) + 1, np.uint8)
    unary[ends] = 1
    high = np.packbits(unary).tobytes()
    return bytes([k]) + varint(len(high)) + high + _low_bits(differences, k)


def decode(body: bytes, start: int, count: int) -> tuple[Ints, int]:
    """Reads a list.

    Args:
        body: Where it stands.
        start: Its first byte.
        count: How many integers it has.

    Returns:
        The integers, and the place after them.

    Raises:
        FormatError: It is no list of so many integers.
    """
    if not count:
        return np.empty(0, np.int64), start
    k = body[start] if start < len(body) else BOUND
    if k > GREATEST_K:
        raise FormatError("a list of integers has no parameter of 0 to 31")
    length, start = read_varint(body, start + 1)
    low = start + length
    end = low + -(-count * k // 8)
    if end > len(body) or length * 8 < count:
        raise FormatError("a list of integers is cut short")
    quotients = _quotients(np.frombuffer(body, np.uint8, length, start), count)
    if int(quotients.max()) << k >= BOUND:
        raise FormatError("a list's integers reach 2^32")
    values = np.cumsum((quotients << k) | _remainders(np.frombuffer(body, np.uint8, end - low, low), count, k))
    if values[-1] >= BOUND:
        raise FormatError("a list's integers reach 2^32")
    return values, end


def _best_k(differences: Ints) -> int:
    """The parameter that takes the fewest bits; their number falls up to it, and grows beyond."""
    k, bits = 0, int(differences.sum())
    while k < GREATEST_K:
        more = int((differences >> (k + 1)).sum()) + (k + 1) * len(differences)
        if more >= bits:
            break
        k, bits = k + 1, more
    return k


def _low_bits(differences: Ints, k: int) -> bytes:
    parts = []
    for begin in range(0, len(differences) if k else 0, ROWS_AT_A_TIME):
        some = differences[begin : begin + ROWS_AT_A_TIME].astype(">u4")
        bits = np.unpackbits(some.view(np.uint8).reshape(-1, 4), axis=1)
        parts.append(np.packbits(bits[:, 32 - k :]).tobytes())
    return b"".join(parts)


def _quotients(unary: Bytes, count: int) -> Ints:
    bits = np.unpackbits(unary)
    ends = np.flatnonzero(bits)
    if len(ends) != count or len(bits) - int(ends[-1]) > 8:
        raise FormatError(f"a list of {count} integers has {len(ends)} of them, or padding that is none")
    return np.diff(ends, prepend=-1) - 1


def _remainders(low: Bytes, count: int, k: int) -> Ints:
    values = np.zeros(count, np.int64)
    for begin in range(0, count if k else 0, ROWS_AT_A_TIME):
        rows = min(ROWS_AT_A_TIME, count - begin)
        some = np.unpackbits(low[begin * k // 8 : -(-(begin + rows) * k // 8)])
        if some[rows * k :].any():
            raise FormatError("a list's padding is not 0")
        bits = np.zeros((rows, 32), np.uint8)
        bits[:, 32 - k :] = some[: rows * k].reshape(rows, k)
        values[begin : begin + rows] = np.packbits(bits, axis=1).view(">u4").reshape(rows)
    return values
