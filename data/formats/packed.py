"""What packed files are made of (`docs/formats.md`, sections 6 and 7): columns, lists, ids."""

from __future__ import annotations

import zlib

import numpy as np

from data.columns import Bytes, Ints
from data.formats import rice
from data.formats.rows import ALPHABET, Ids, ids_of_integers, integer_ids
from data.formats.tree import FormatError
from data.formats.varint import read_varint

LONGEST_ID = 16
RAW_DEFLATE = -15
LEVEL = 6
STRATEGIES = (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED)
"""Matches pay in columns that repeat themselves, and cost in others; codes of its own are too long for a few rows."""


def deflated(column: Bytes) -> bytes:
    """Writes a column, one byte a row, as a raw deflate stream: the shortest of a few."""
    body = column.tobytes()
    return min((_stream(body, strategy) for strategy in STRATEGIES), key=len)


def parts_of(ids: Ids) -> tuple[bytes, bytes, bytes]:
    """Writes ids in published order.

    Returns:
        The integer ids' high halves as an ascending list, their low halves, the other ids.
    """
    integer, values = integer_ids(ids)
    values = values[integer]
    low = values.astype(np.uint32).astype("<u4").tobytes()
    return rice.encode((values >> np.uint64(32)).astype(np.int64)), low, _other_ids(ids[~integer])


def ids_from(top: Ints, low: bytes, others: Ids) -> Ids:
    """Puts ids together again, in the order in which they stand.

    Raises:
        FormatError: They are not in published order.
    """
    values = (top.astype(np.uint64) << np.uint64(32)) | np.frombuffer(low, "<u4").astype(np.uint64)
    if (values[1:] <= values[:-1]).any() or (others[1:] <= others[:-1]).any() or integer_ids(others)[0].any():
        raise FormatError("ids do not stand in order")
    return np.concatenate([ids_of_integers(values), others])


class Reader:
    """Reads the parts of a packed file one after the other; whatever is not there is a `FormatError`."""

    def __init__(self, body: bytes) -> None:
        """Begins at the first byte."""
        self._body, self._place = body, 0

    def bytes(self, count: int) -> bytes:
        """So many bytes."""
        found = self._body[self._place : self._place + count]
        if len(found) != count:
            raise FormatError(f"a packed file ends before byte {self._place + count}")
        self._place += count
        return found

    def varint(self) -> int:
        """One integer."""
        value, self._place = read_varint(self._body, self._place)
        return value

    def ascending(self, count: int) -> Ints:
        """An ascending list of so many integers."""
        values, self._place = rice.decode(self._body, self._place, count)
        return values

    def other_ids(self, count: int) -> Ids:
        """So many ids, each after its length."""
        if count > len(self._body):
            raise FormatError("a packed file has fewer ids than it says")
        ids = []
        for _ in range(count):
            length = self.bytes(1)[0]
            ids.append(self.bytes(length))
            if not 1 <= length <= LONGEST_ID or ids[-1].strip(ALPHABET):
                raise FormatError(f"{ids[-1]!r} is no id")
        return np.array(ids, "S16")

    def end(self) -> None:
        """Makes sure that nothing follows."""
        if self._place != len(self._body):
            raise FormatError(f"a packed file goes on after byte {self._place}")


def inflated(stream: bytes, count: int) -> Bytes:
    """Reads a column of so many rows.

    Raises:
        FormatError: The stream is damaged, or holds more or fewer.
    """
    inflate = zlib.decompressobj(RAW_DEFLATE)
    try:
        column = inflate.decompress(stream, count + 1)
    except zlib.error as error:
        raise FormatError(f"a column cannot be inflated: {error}") from error
    if len(column) != count or not inflate.eof or inflate.unused_data:
        raise FormatError(f"a column does not have {count} rows")
    return np.frombuffer(column, np.uint8)


def _stream(body: bytes, strategy: int) -> bytes:
    stream = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW_DEFLATE, zlib.DEF_MEM_LEVEL, strategy)
    return stream.compress(body) + stream.flush()


def _other_ids(ids: Ids) -> bytes:
    table = np.zeros((len(ids), LONGEST_ID + 1), np.uint8)
    table[:, 1:] = np.ascontiguousarray(ids, dtype="S16").view(np.uint8).reshape(len(ids), LONGEST_ID)
    used = table != 0
    table[:, 0] = used.sum(axis=1)
    used[:, 0] = True
    written: Bytes = table[used]
    return written.tobytes()
