"""Cuts a stream of bytes into blocks of whole, numbered lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from data.columns import Ints

BLOCK_BYTES = 4 << 20
"""How much is read at a time: some 50 000 votes."""
LONGEST_LINE_BYTES = 64 << 10
"""A longer line is an error of whoever reads it; of such a line little more than this is kept."""
BOM = b"\xef\xbb\xbf"
LINE_END = b"\n"


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, without their ends; a carriage return before the end is left to the reader's trimming."""

    first_line: int
    """Number of the first line, from 1."""
    lines: list[bytes]
    plain: bool
    """True when all is ASCII without quotes and NUL, and no line is over-long."""
    bytes_read: int

    def without_first(self) -> Block:
        """The block after its header line."""
        return replace(self, first_line=self.first_line + 1, lines=self.lines[1:])

    def texts(self) -> list[str]:
        """The lines of a plain block as text."""
        return LINE_END.join(self.lines).decode("ascii").split("\n") if self.lines else []

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """(number, line) pairs."""
        return enumerate(self.lines, self.first_line)

    def text_of(self, numbers: Ints) -> Callable[[int], str]:
        """A function from a row to its line, given each row's line number."""
        return lambda row: shown(self.lines[int(numbers[row]) - self.first_line])


def blocks(stream: BinaryIO) -> Iterator[Block]:
    """Reads a stream to its end; gives nothing for an empty one. A byte order mark at the start is dropped."""
    number, pending = 1, b""
    first = True
    while chunk := stream.read(BLOCK_BYTES):
        if first:
            chunk, first = chunk.removeprefix(BOM), False
        head, end, tail = chunk.rpartition(LINE_END)
        if end:
            block = _block(pending + head, number, len(chunk))
            number += len(block.lines)
            pending = tail
            yield block
        else:
            pending += tail
        pending = pending[: LONGEST_LINE_BYTES + 1]  # over-long already: the rest would only fill the memory
    if pending:
        yield _block(pending, number, 0)


def shown(line: bytes) -> str:
    """A line for people: bytes that are not UTF-8 escaped, over-long ones cut."""
    return line[:LONGEST_LINE_BYTES].rstrip(b"\r").decode("utf-8", "backslashreplace")


def _block(body: bytes, first_line: int, bytes_read: int) -> Block:
    lines = body.split(LINE_END)
    plain = body.isascii() and b'"' not in body and b"\0" not in body
    plain = plain and max(map(len, lines)) <= LONGEST_LINE_BYTES
    return Block(first_line, lines, plain, bytes_read)
