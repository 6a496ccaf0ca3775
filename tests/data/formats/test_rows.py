"""Ids, their order, and the hash of rows."""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.rows import Rows, id_column, ids_of_integers, integer_ids, order

YOUTUBE_ID = st.binary(min_size=8, max_size=8).map(lambda b: base64.urlsafe_b64encode(b).decode().rstrip("="))
OTHER_ID = st.text("ABCxyz019-_", min_size=1, max_size=16).filter(lambda t: len(t) != 11)


@pytest.mark.parametrize(
    ("video_id", "integer", "value"),
    [
        ("AAAAAAAAAAA", True, 0),
        ("AAAAAAAAAAE", True, 1),
        ("__________8", True, 2**64 - 1),
        ("dQw4w9WgXcQ", True, int.from_bytes(base64.urlsafe_b64decode("dQw4w9WgXcQ="), "big")),
        ("dQw4w9WgXcR", False, 0),
        ("AAAAAAAAAA", False, 0),
        ("AAAAAAAAAAAA", False, 0),
        ("x", False, 0),
    ],
)
def test_integer_ids(video_id: str, integer: bool, value: int) -> None:
    """An id is an integer when it is 11 characters that spell 64 bits and no more."""
    found, values = integer_ids(id_column([video_id]))

    assert (bool(found[0]), int(values[0])) == (integer, value)
    assert not integer or ids_of_integers(values).tolist() == [video_id.encode()]


@given(st.lists(YOUTUBE_ID | OTHER_ID, unique=True, max_size=60))
def test_order(ids: list[str]) -> None:
    """Integer ids come first by value, then the others by bytes."""

    def plain_key(video_id: str) -> tuple[int, int, bytes]:
        if len(video_id) == 11 and video_id[-1] in "AEIMQUYcgkosw048":
            return 0, int.from_bytes(base64.urlsafe_b64decode(video_id + "="), "big"), b""
        return 1, 0, video_id.encode()

    column = id_column(ids)

    assert [i.decode() for i in column[order(column)].tolist()] == sorted(ids, key=plain_key)


def test_state_is_what_the_page_says() -> None:
    """The hash of rows, spelled out by hand for one integer id and one other."""
    rows = Rows(id_column(["AAAAAAAAAAE", "x"]), np.array([50, 80], np.uint8), np.array([1, 65], np.uint8))
    spelled = (
        b"realtube/state/1\n"
        + (1).to_bytes(8, "big") + (1).to_bytes(8, "big") + bytes([50, 1])
        + (1).to_bytes(8, "big") + bytes([1]) + b"x" + bytes([80, 65])
    )  # fmt: skip

    assert rows.state() == hashlib.sha256(spelled).hexdigest()
