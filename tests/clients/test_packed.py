"""Packed lists, columns and blocks, against a plain second writer and against noise."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.errors import Malformed
from clients.packed import Cursor, read_base, read_block, read_column
from clients.rows import NumberedRows
from tests.clients.packing import Row, ascending, column, in_order, packed_base, packed_block, varint
from tests.clients.test_rows import IDS, ROWS

NUMBERS = st.lists(st.integers(0, 2**32 - 1), max_size=30).map(sorted)


@settings(max_examples=150, deadline=None)
@given(NUMBERS, st.integers(0, 31))
def test_ascending_lists_come_back(numbers: list[int], k: int) -> None:
    """Whatever k the writer takes, repeats included."""
    cursor = Cursor(ascending(numbers, k))
    assert cursor.ascending(len(numbers)).tolist() == numbers
    cursor.end()


def test_a_list_is_written_out() -> None:
    """k, length of the unary part, unary part, low bits: 1, 5, 5 with k = 2 are the differences 1, 4, 0."""
    content = bytes([2, 1, 0b10110000, 0b01000000])
    assert Cursor(content).ascending(3).tolist() == [1, 5, 5]
    assert ascending([1, 5, 5], 2) == content


@pytest.mark.parametrize("count", [1, 7, 65_535, 65_536, 65_537, 200_001])
def test_long_lists_are_unpacked_in_rounds(count: int) -> None:
    """Rounds begin on whole bytes."""
    numbers = list(range(0, 3 * count, 3))
    assert Cursor(ascending(numbers, 1)).ascending(count).tolist() == numbers


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**53 - 1))
def test_varints_come_back(number: int) -> None:
    """All that JSON can say."""
    assert Cursor(varint(number)).varint() == number


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_bases_come_back(rows: dict[str, Row]) -> None:
    """Both parts, in order, whatever the ids; an empty base too."""
    base = read_base(*packed_base(rows, "2024-10-04", 5))
    assert [id_.decode() for id_ in base.rows.ids.tolist()] == in_order(rows)
    assert _values(base.rows) == [rows[i] for i in in_order(rows)]


def _values(rows: NumberedRows) -> list[Row]:
    return list(zip(rows.scores.tolist(), rows.flags.tolist(), strict=True))


VALUES = st.dictionaries(st.integers(0, 2**32 - 1), st.none() | st.tuples(st.integers(0, 100), st.integers(0, 255)))


@settings(max_examples=100, deadline=None)
@given(st.lists(IDS, unique=True, max_size=9), VALUES)
def test_blocks_come_back(added: list[str], values: dict[int, Row | None]) -> None:
    """Added ids, values, removals; a block of nothing is none."""
    content = packed_block(7, "ab" * 32, 3, added, values)
    if not added and not values:
        with pytest.raises(Malformed, match="nothing"):
            read_block(content)
        return
    block = read_block(content)
    assert (block.seq, block.next, block.first) == (7, "ab" * 32, 3)
    assert [id_.decode() for id_ in block.added.tolist()] == in_order(added)
    assert block.rows.tolist() == sorted(k for k, row in values.items() if row)
    assert block.removed.tolist() == sorted(k for k, row in values.items() if row is None)
    told = zip(block.scores.tolist(), block.flags.tolist(), strict=True)
    assert list(told) == [row for _, row in sorted(values.items()) if row]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.binary(max_size=20))
def test_noise_is_malformed_or_a_block(noise: bytes, more: bytes) -> None:
    """Never a traceback, never a giant array."""
    for content in (noise, bytes(32) + noise):
        with contextlib.suppress(Malformed):
            read_block(content)
    with contextlib.suppress(Malformed):
        read_base(noise, more)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 400), st.integers(0, 7))
def test_one_wrong_bit_is_malformed_or_another_block(at: int, bit: int) -> None:
    """Damage that a hash would have found never ends in a traceback."""
    content = packed_block(7, None, 3, ["AAAAAAAAAAE", "x", "zz"], {0: (50, 1), 4: (60, 2), 9: None})
    place = at % len(content)
    damaged = content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]
    with contextlib.suppress(Malformed):
        read_block(damaged)


def test_an_empty_column_is_a_stream_too() -> None:
    """No bytes at all are no column."""
    assert len(read_column(column([]), 0)) == 0
    with pytest.raises(Malformed, match="cut off"):
        read_column(b"", 0)
