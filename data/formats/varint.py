"""Unsigned integers in LEB128 (`docs/formats.md`, section 1)."""

from __future__ import annotations

from data.formats.tree import FormatError

LONGEST = 8
BOUND = 1 << 53


def varint(value: int) -> bytes:
    """Writes an integer of 0 to 2^53 - 1."""
    body = bytearray()
    while value > 0x7F:
        body.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*body, value])


def read_varint(body: bytes, start: int) -> tuple[int, int]:
    """Reads an integer, and the place after it.

    Raises:
        FormatError: It is cut short, longer than 8 bytes, or not below 2^53.
    """
    value = 0
    for place, byte in enumerate(body[start : start + LONGEST]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80 and value < BOUND:
            return value, start + place + 1
        if byte < 0x80:
            break
    raise FormatError(f"no integer below 2^53 at byte {start}")
