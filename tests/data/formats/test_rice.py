"""Ascending lists: what goes in comes out, by the page's rule, and nothing else is taken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats import rice
from data.formats.tree import FormatError
from data.formats.varint import read_varint, varint

lists = st.lists(st.integers(0, 2**32 - 1), max_size=60).map(sorted) | st.lists(st.integers(0, 40), max_size=60).map(
    sorted
)


def plain(values: list[int], k: int) -> bytes:
    """The page's rule, bit by bit."""
    gaps = [value - before for before, value in zip([0, *values], values, strict=False)]
    high = "".join("0" * (gap >> k) + "1" for gap in gaps)
    low = "".join(f"{gap & (1 << k) - 1:0{k}b}" for gap in gaps) if k else ""
    parts = [bytes(int(bits[n : n + 8].ljust(8, "0"), 2) for n in range(0, len(bits), 8)) for bits in (high, low)]
    return bytes([k]) + varint(len(parts[0])) + b"".join(parts)


@given(lists)
def test_lists_read_back(values: list[int]) -> None:
    """Any list reads back, from the place where it stands, and its bytes are those of the page's rule."""
    body = rice.encode(np.array(values, np.int64))
    found, end = rice.decode(b"xy" + body + b"z", 2, len(values))

    assert found.tolist() == values
    assert end == 2 + len(body)
    assert body == (plain(values, body[0]) if values else b"")


@given(lists.filter(bool))
def test_parameter_is_the_best(values: list[int]) -> None:
    """No other parameter takes fewer bits."""
    gaps = np.diff(np.array([0, *values]))
    bits = [int((gaps >> k).sum()) + k * len(gaps) for k in range(32)]

    assert bits[rice.encode(np.array(values, np.int64))[0]] == min(bits)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30).map(sorted), st.integers(0, 31))
def test_any_parameter_is_read(values: list[int], k: int) -> None:
    """A reader takes every parameter that a writer may choose."""
    assert rice.decode(plain(values, k), 0, len(values))[0].tolist() == values


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"", 1),
        (bytes([32, 1, 0x80]), 1),
        (bytes([0]), 1),
        (bytes([0, 1]), 1),
        (bytes([0, 2, 0x80]), 1),
        (bytes([0, 1, 0x80]), 2),
        (bytes([0, 1, 0xC0]), 1),
        (bytes([0, 2, 0x80, 0x00]), 1),
        (bytes([0, 1, 0x80]), 9),
        (bytes([4, 1, 0x80, 0x01]), 1),
        (bytes([4, 1, 0x80]), 1),
        (bytes([31, 1, 0b0010_0000, 0, 0, 0, 0]), 1),
        (bytes([31, 1, 0b0101_0000, *([0xFF] * 7), 0xFC]), 2),
        (bytes([0, *([0xFF] * 8), 1]), 1),
    ],
    ids=["nothing", "k 32", "no length", "no bits", "bits cut", "too few", "too many", "a byte too many",
         "more than bits", "padding", "low bits cut", "2^32", "2^32 in sum", "endless length"],
)  # fmt: skip
def test_what_is_no_list_is_refused(body: bytes, count: int) -> None:
    """Whatever a writer cannot have written is refused, before it costs anything."""
    with pytest.raises(FormatError):
        rice.decode(body, 0, count)


def test_endless_lists_cost_nothing() -> None:
    """A list that claims 2^50 integers is refused at once."""
    with pytest.raises(FormatError, match="cut short"):
        rice.decode(bytes([0, 1, 0x80]), 0, 1 << 50)


@given(st.integers(0, 2**53 - 1))
def test_varints_read_back(value: int) -> None:
    """Any integer below 2^53 reads back."""
    body = varint(value)

    assert read_varint(body + b"\xff", 0) == (value, len(body))
    assert len(body) == max(1, -(-value.bit_length() // 7))


@pytest.mark.parametrize("body", [b"", b"\x80", b"\xff" * 7 + b"\x10", b"\xff" * 8 + b"\x00", b"\x80" * 8])
def test_no_varint_is_refused(body: bytes) -> None:
    """Cut short, longer than 8 bytes, or 2^53 and more."""
    with pytest.raises(FormatError):
        read_varint(body, 0)
