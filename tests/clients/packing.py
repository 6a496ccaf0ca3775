"""Packed files, written from docs/formats.md alone: one bit, one row at a time."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.clients.signing import canonical, sha256

Row = tuple[int, int]
"""Score and flags."""


def packed(content: bytes) -> bytes:
    """Gzip without a time."""
    return gzip.compress(content, mtime=0)


def integer_id(number: int) -> str:
    """The video id whose value is this 64-bit number."""
    return base64.urlsafe_b64encode(number.to_bytes(8, "big")).decode().rstrip("=")


def value_of(video_id: str) -> int | None:
    """The value of an integer id, None for other ids."""
    if len(video_id) != 11 or video_id[-1] not in "AEIMQUYcgkosw048":
        return None
    return int.from_bytes(base64.urlsafe_b64decode(video_id + "="), "big")


def in_order(ids: Iterable[str]) -> list[str]:
    """Integer ids by value, then the others by their bytes."""
    return sorted(ids, key=lambda i: (value_of(i) is None, value_of(i) or 0, i.encode()))


def state_of(rows: Mapping[str, Row]) -> str:
    """The hash of all rows."""
    ids = in_order(rows)
    integers = [i for i in ids if value_of(i) is not None]
    others = ids[len(integers) :]
    parts = [b"realtube/state/1\n", len(integers).to_bytes(8, "big")]
    parts += [(value_of(i) or 0).to_bytes(8, "big") + bytes(rows[i]) for i in integers]
    parts += [len(others).to_bytes(8, "big")]
    parts += [bytes([len(i)]) + i.encode() + bytes(rows[i]) for i in others]
    return sha256(b"".join(parts))


def varint(number: int) -> bytes:
    """LEB128."""
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def bits_to_bytes(bits: str) -> bytes:
    """The first bit is the highest of its byte; padded with zeros."""
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def ascending(numbers: Sequence[int], k: int = 3) -> bytes:
    """Rice code of the differences."""
    if not numbers:
        return b""
    differences = [b - a for a, b in zip([0, *numbers], numbers, strict=False)]
    while max(differences) >> k > 4096:  # a choice of this writer's: any k that keeps the unary part short
        k += 1
    high = bits_to_bytes("".join("0" * (d >> k) + "1" for d in differences))
    low = bits_to_bytes("".join(format(d & ((1 << k) - 1), f"0{k}b") for d in differences) if k else "")
    return bytes([k]) + varint(len(high)) + high + low


def column(values: Iterable[int]) -> bytes:
    """A raw deflate stream."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(bytes(values)) + deflater.flush()


def split_ids(ids: Iterable[str]) -> tuple[list[int], list[str]]:
    """Values of the integer ids, and the others; both in order."""
    ordered = in_order(ids)
    values = [value for i in ordered if (value := value_of(i)) is not None]
    return values, ordered[len(values) :]


def other_ids(others: Iterable[str]) -> bytes:
    """Length and characters."""
    return b"".join(bytes([len(i)]) + i.encode() for i in others)


def low_halves(values: Iterable[int]) -> bytes:
    """Four bytes each, little-endian."""
    return b"".join((value % 2**32).to_bytes(4, "little") for value in values)


def packed_base(rows: Mapping[str, Row], day: str, seq: int, **changes: Any) -> tuple[bytes, bytes]:
    """Parts 1 and 2 of a base; `changes` go over the first line's fields."""
    values, others = split_ids(rows)
    ordered = [rows[i] for i in in_order(rows)]
    sections = [
        ascending([value >> 32 for value in values]),
        column(score for score, _ in ordered),
        column(flags for _, flags in ordered),
        other_ids(others),
    ]
    line = {"v": 1, "epoch": day, "seq": seq, "n": len(rows), "others": len(others), "state": state_of(rows)}
    line |= {"sections": [len(section) for section in sections]} | changes
    return canonical(line) + b"\n" + b"".join(sections), low_halves(values)


def packed_block(
    seq: int,
    following: str | None,
    first: int,
    added: Iterable[str],
    values: Mapping[int, Row | None],
) -> bytes:
    """A block, or a roll."""
    integers, others = split_ids(added)
    rows = sorted((number, row) for number, row in values.items() if row is not None)
    removed = sorted(number for number, row in values.items() if row is None)
    counts = (seq, first, len(integers), len(others), len(rows), len(removed))
    parts = [bytes.fromhex(following) if following else bytes(32), *map(varint, counts)]
    parts += [ascending([value >> 32 for value in integers]), low_halves(integers), other_ids(others)]
    parts += [ascending([number for number, _ in rows]), ascending(removed)]
    if rows:
        for place in (0, 1):
            stream = column(row[place] for _, row in rows)
            parts += [varint(len(stream)), stream]
    return b"".join(parts)


def packed_roll(old: Mapping[str, Row], new: Mapping[str, Row], seq: int) -> bytes:
    """From one base to another; empty when they are equal."""
    if old == new:
        return b""
    numbers = {i: number for number, i in enumerate(in_order(old))}
    added = in_order(i for i in new if i not in numbers)
    numbers |= {i: len(old) + place for place, i in enumerate(added)}
    values = {numbers[i]: new.get(i) for i in numbers if old.get(i) != new.get(i)}
    return packed_block(seq, None, len(old), added, values)


def shards(rows: Mapping[str, Row], day: str, seq: int) -> tuple[int, str, dict[str, bytes]]:
    """Digits, top hash, and each shard's file by its prefix."""
    digits = next(d for d in range(4) if len(rows) <= 256 * 16**d or d == 3)
    names = [format(number, f"0{digits}x") if digits else "all" for number in range(16**digits)]
    bodies = []
    for name in names:
        ids = [i for i in in_order(rows) if not digits or sha256(i.encode()).startswith(name)]
        scores, flags = [rows[i][0] for i in ids], [rows[i][1] for i in ids]
        prefix = name if digits else "all"
        content = {"v": 1, "epoch": day, "seq": seq, "prefix": prefix, "ids": ids, "scores": scores, "flags": flags}
        bodies.append(canonical(content))
    levels = [[bytes.fromhex(sha256(b"\0" + body)) for body in bodies]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([bytes.fromhex(sha256(b"\1" + below[at] + below[at + 1])) for at in range(0, len(below), 2)])
    files = {}
    for place, (name, body) in enumerate(zip(names, bodies, strict=True)):
        path = [level[(place >> depth) ^ 1].hex() for depth, level in enumerate(levels[:-1])]
        files[name] = packed(body + b"\n" + canonical(path) + b"\n")
    return digits, levels[-1][0].hex(), files
