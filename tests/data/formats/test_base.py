"""Base files: packed and as JSON they hold the same rows; damage is refused with a reason."""

from __future__ import annotations

import base64
import gzip
import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats import base
from data.formats.rows import Rows, id_column, order
from data.formats.tree import FormatError

YOUTUBE_ID = st.binary(min_size=8, max_size=8).map(lambda b: base64.urlsafe_b64encode(b).decode().rstrip("="))
OTHER_ID = st.text("ABCxyz019-_", min_size=1, max_size=16).filter(lambda t: len(t) != 11)


def rows_of(ids: list[str]) -> Rows:
    """Rows with scores and flags that follow from their place."""
    column = id_column(ids)
    column = column[order(column)]
    return Rows(column, (np.arange(len(ids)) % 101).astype(np.uint8), (np.arange(len(ids)) % 32).astype(np.uint8))


def written(rows: Rows) -> tuple[bytes, bytes]:
    """A packed base."""
    return base.encode_packed(rows, epoch="2026-11-21", seq=7, state=rows.state())


@given(st.lists(YOUTUBE_ID | OTHER_ID, unique=True, max_size=40))
def test_packed_base_reads_back(ids: list[str]) -> None:
    """A packed base holds exactly its rows."""
    rows = rows_of(ids)
    again = base.decode_packed(*written(rows))

    assert again.state() == rows.state()
    assert again.ids.tolist() == rows.ids.tolist()


@given(st.lists(YOUTUBE_ID | OTHER_ID, unique=True, max_size=40))
def test_json_base_holds_the_same(ids: list[str]) -> None:
    """The JSON base, read by the page's rule, holds the packed base's rows."""
    rows = rows_of(ids)
    value = json.loads(gzip.decompress(base.encode_json(rows, epoch="e", seq=7, state=rows.state())))
    spelled = [value["ids"][n : n + 11] for n in range(0, len(value["ids"]), 11)] + value["others"]
    packed = base.decode_packed(*written(rows))

    assert spelled == [video_id.decode() for video_id in packed.ids.tolist()]
    assert base64.b64decode(value["scores"]) == packed.scores.tobytes()
    assert base64.b64decode(value["flags"]) == packed.flags.tobytes()


def test_same_rows_make_the_same_bytes() -> None:
    """No time and no name gets into a base file."""
    rows = rows_of(["x", "dQw4w9WgXcQ"])
    first, again = (base.encode_json(rows, epoch="e", seq=1, state="s") for _ in range(2))

    assert first == again
    assert written(rows) == written(rows)


def test_part_2_is_what_the_page_says() -> None:
    """Four bytes a row, the low half first byte first."""
    _, p2 = written(rows_of(["AAAAAAAAAAE", "dQw4w9WgXcQ", "x"]))
    value = int.from_bytes(base64.urlsafe_b64decode("dQw4w9WgXcQ="), "big")

    assert p2 == (1).to_bytes(4, "little") + (value % 2**32).to_bytes(4, "little")


P1, P2 = written(rows_of(["AAAAAAAAAAE", "dQw4w9WgXcQ", "x", "short"]))
HEADER, BODY = P1.split(b"\n", 1)


@pytest.mark.parametrize(
    ("p1", "p2"),
    [
        (b"", P2),
        (b"\n", P2),
        (b"{}\n", P2),
        (b"[]\n" + BODY, P2),
        (P1[:-1], P2),
        (P1 + b"\0", P2),
        (P1, P2[:-1]),
        (P1, P2 + bytes(4)),
        (HEADER.replace(b'"n":4', b'"n":5') + b"\n" + BODY, P2),
        (HEADER.replace(b'"n":4', b'"n":"4"') + b"\n" + BODY, P2),
        (HEADER.replace(b'"n":4', b'"n":4.0') + b"\n" + BODY, P2),
        (HEADER.replace(b'"others":2', b'"others":-2') + b"\n" + BODY, P2),
        (HEADER.replace(b'"n":4,"others":2', b'"n":9007199254740992,"others":9007199254740990') + b"\n" + BODY, P2),
        (HEADER.replace(b'"sections":[', b'"sections":[0,') + b"\n" + BODY, P2),
        (HEADER.replace(b'"sections":[', b'"sections":[-1,') + b"\n" + BODY, P2),
        (HEADER + b"\n" + BODY.replace(b"\5short", b"\5sh\0rt"), P2),
        (HEADER + b"\n" + BODY.replace(b"\5short", b"\0short"), P2),
        (HEADER + b"\n" + BODY.replace(b"\5short\1x", b"\1x\5short"), P2),
    ],
)
def test_damaged_base_is_refused(p1: bytes, p2: bytes) -> None:
    """What is no whole packed base is refused with a reason, never with a crash."""
    with pytest.raises(FormatError):
        base.decode_packed(p1, p2)


def test_ids_out_of_order_are_refused() -> None:
    """Two rows that stand the wrong way round, or twice, are no base."""
    p1, p2 = written(rows_of(["AAAAAAAAAAE", "AAAAAAAAAAI"]))
    for other in (p2[4:] + p2[:4], p2[:4] * 2):
        with pytest.raises(FormatError, match="order"):
            base.decode_packed(p1, other)


@given(st.integers(0, len(P1) - 1), st.integers(1, 255))
def test_any_flipped_byte_is_refused_or_other_rows(place: int, flip: int) -> None:
    """A flipped byte never crashes the reader; what it still reads are rows of the promised number."""
    damaged = bytes([*P1[:place], P1[place] ^ flip, *P1[place + 1 :]])
    with suppress(FormatError):
        assert len(base.decode_packed(damaged, P2)) in range(10)
