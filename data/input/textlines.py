"""Cuts a stream of bytes into blocks of whole, numbered lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from data.columns import Ints

BLOCK_BYTES = 8 << 20
"""How much is read at a time: some 50 000 votes."""
LONGEST_LINE_BYTES = 64 << 10
"""A longer line is an error of whoever reads it; of such a line little more than this is kept."""
BOM = b"\xef\xbb\xbf"
LINE_END = b"\n"


class InputFileError(Exception):
    """A file cannot be read as what it was given for; what was taken from it before stands."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, without their ends; a carriage return before the end is left to the reader's trimming."""

    first_line: int
    """Number of the first line, from 1."""
    body: bytes
    """The lines, joined by line ends."""
    plain: bool
    """All is ASCII without quotes and NUL, and no line is empty or over-long."""
    bytes_read: int

    def __len__(self) -> int:
        return self.body.count(LINE_END) + 1 if self.body else 0

    def lines(self) -> list[bytes]:
        """The lines as they were read."""
        return self.body.split(LINE_END) if self.body else []

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """(number, line) pairs."""
        return enumerate(self.lines(), self.first_line)

    def without_first(self) -> Block:
        """The block after its header line."""
        body = self.body.partition(LINE_END)[2]
        return replace(self, first_line=self.first_line + 1, body=body)

    def text_of(self, numbers: Ints) -> Callable[[int], str]:
        """A function from a row to its line as text, given each row's line number."""
        lines: list[bytes] = []

        def text(row: int) -> str:
            lines.extend([] if lines else self.lines())
            return shown(lines[int(numbers[row]) - self.first_line])

        return text


def blocks(stream: BinaryIO) -> Iterator[Block]:
    """Reads a stream to its end; gives nothing for an empty one. A byte order mark at the start is dropped."""
    number, pending = 1, b""
    first = True
    while chunk := _filled(stream):
        if first:
            chunk, first = chunk.removeprefix(BOM), False
        head, end, tail = chunk.rpartition(LINE_END)
        if end:
            yield _block(pending + head, number, len(chunk))
            number += chunk.count(LINE_END)
            pending = tail
        else:
            pending += tail
        pending = pending[: LONGEST_LINE_BYTES + 1]  # over-long already: the rest would only fill the memory
    if pending:
        yield _block(pending, number, 0)


def _filled(stream: BinaryIO) -> bytes:
    """A whole block, less only at the end. Read piece by piece: Ctrl-C works while a pipe gives nothing."""
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)  # of a buffered stream: what is there now
    pieces, lacking = [], BLOCK_BYTES
    while lacking and (piece := read(lacking)):
        pieces.append(piece)
        lacking -= len(piece)
    return b"".join(pieces)


def shown(line: bytes) -> str:
    """A line for people: bytes that are not UTF-8 escaped, over-long ones cut."""
    return line[:LONGEST_LINE_BYTES].rstrip(b"\r").decode("utf-8", "backslashreplace")


def _block(body: bytes, first_line: int, bytes_read: int) -> Block:
    plain = body.isascii() and b'"' not in body and b"\0" not in body
    if plain:
        lengths = _line_lengths(body)
        plain = lengths.min() > 1 and lengths.max() <= LONGEST_LINE_BYTES  # 1: of an empty line with a carriage return
    return Block(first_line, body, bool(plain), bytes_read)


def _line_lengths(body: bytes) -> Ints:
    ends = np.flatnonzero(np.frombuffer(body, np.uint8) == LINE_END[0])
    return np.diff(ends, prepend=-1, append=len(body)) - 1
