"""Base files (`docs/formats.md`, section 6): the rows that an epoch's rings count from, packed and as JSON."""

from __future__ import annotations

import base64

import numpy as np
import orjson

from data.formats.packed import Reader, deflated, ids_from, inflated, parts_of
from data.formats.rows import INTEGER_ID_LENGTH, Rows, integer_ids
from data.formats.tree import FormatError, canonical, gzipped

LOW_BYTES = 4
"""Bytes of an integer id's low half."""


def encode_packed(rows: Rows, *, epoch: str, seq: int, state: str) -> tuple[bytes, bytes]:
    """Writes the packed base of rows in order: part 1 and part 2."""
    top, low, others = parts_of(rows.ids)
    sections = (top, deflated(rows.scores), deflated(rows.flags), others)
    header = canonical({
        "v": 1,
        "epoch": epoch,
        "seq": seq,
        "n": len(rows),
        "others": len(rows) - len(low) // LOW_BYTES,
        "state": state,
        "sections": [len(section) for section in sections],
    })  # fmt: skip
    return header + b"\n" + b"".join(sections), low


def decode_packed(p1: bytes, p2: bytes) -> Rows:
    """Reads a packed base.

    Raises:
        FormatError: It is malformed.
    """
    header, _, body = p1.partition(b"\n")
    try:
        value = orjson.loads(header)
        n, others, sizes = value["n"], value["others"], value["sections"]
        if not all(type(number) is int for number in (n, others, *sizes)):
            raise TypeError("a number is none")
        if not (0 <= others <= n and len(sizes) == 4 and len(p2) == LOW_BYTES * (n - others)):
            raise ValueError(f"{n} rows, {others} others, {len(sizes)} sections, {len(p2)} bytes in part 2")
        sections = Reader(body)
        top, scores, flags, ids = (Reader(sections.bytes(size)) for size in sizes)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"a packed base's header cannot be read: {error!r}") from error
    sections.end()
    rows = Rows(
        ids=ids_from(top.ascending(n - others), p2, ids.other_ids(others)),
        scores=inflated(scores.bytes(sizes[1]), n),
        flags=inflated(flags.bytes(sizes[2]), n),
    )
    top.end()
    ids.end()
    return rows


def encode_json(rows: Rows, *, epoch: str, seq: int, state: str) -> bytes:
    """Writes rows in order as JSON."""
    integers = int(np.count_nonzero(integer_ids(rows.ids)[0]))
    return gzipped(canonical({
        "v": 1,
        "epoch": epoch,
        "seq": seq,
        "n": len(rows),
        "state": state,
        "ids": rows.ids[:integers].astype(f"S{INTEGER_ID_LENGTH}").tobytes().decode(),
        "others": [video_id.decode() for video_id in rows.ids[integers:].tolist()],
        "scores": base64.b64encode(rows.scores.tobytes()).decode(),
        "flags": base64.b64encode(rows.flags.tobytes()).decode(),
    }))  # fmt: skip
