"""Ids, their order and the state hash, against the plain second implementation and against written-out values."""

from __future__ import annotations

import hashlib
import timeit

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.errors import Malformed
from clients.rows import NumberedRows, check_order, ids_of, integer_ids_of, integer_values, renumber, state_of
from tests.clients import tree
from tests.clients.tree import ALPHABET, Row

IDS = st.one_of(
    st.integers(0, 2**64 - 1).map(tree.integer_id),
    st.text(ALPHABET, min_size=1, max_size=16),
    st.text(ALPHABET, min_size=11, max_size=11),
)
ROWS = st.dictionaries(IDS, st.tuples(st.integers(0, 100), st.integers(0, 255)), max_size=20)


def numbered(rows: dict[str, Row]) -> NumberedRows:
    """Rows in whatever order they come."""
    pairs = np.array(list(rows.values()), np.uint8).reshape(-1, 2)
    return NumberedRows(ids_of(list(rows)), pairs[:, 0], pairs[:, 1], np.ones(len(rows), np.bool_))


@pytest.mark.parametrize(
    ("video_id", "value"),
    [
        ("AAAAAAAAAAA", 0),
        ("AAAAAAAAAAE", 1),
        ("__________8", 2**64 - 1),
        ("-AAAAAAAAAA", 62 << 58),
        ("dQw4w9WgXcQ", 0x750C38C3D5A05DC4),
        ("AAAAAAAAAAB", None),
        ("AAAAAAAAAA", None),
        ("AAAAAAAAAAAA", None),
        ("A", None),
        ("AAAAAAAAAAAAAAAA", None),
    ],
)
def test_integer_ids_have_written_out_values(video_id: str, value: int | None) -> None:
    """Eleven characters that end in one of sixteen are the 64 bits that base64url says; all others are no integer."""
    integers, values = integer_values(ids_of([video_id]))
    assert integers.tolist() == [value is not None]
    assert values.tolist() == ([] if value is None else [value])


def test_the_state_of_three_rows_is_written_out() -> None:
    """The hash covers integer ids as eight bytes, others as their text, each with score and flags."""
    rows = {"other": (21, 2), "AAAAAAAAAAE": (100, 65), "a": (0, 128)}
    text = (
        b"realtube/state/1\n" + bytes([0, 0, 0, 0, 0, 0, 0, 1]) + bytes([0, 0, 0, 0, 0, 0, 0, 1, 100, 65])
        + bytes([0, 0, 0, 0, 0, 0, 0, 2]) + b"\x01a\x00\x80" + b"\x05other\x15\x02"
    )  # fmt: skip
    assert state_of(numbered(rows)) == hashlib.sha256(text).hexdigest()
    assert state_of(numbered({})) == hashlib.sha256(b"realtube/state/1\n" + bytes(16)).hexdigest()


@settings(max_examples=150, deadline=None)
@given(ROWS)
def test_order_and_state_agree_with_a_plain_implementation(rows: dict[str, Row]) -> None:
    """Numpy and dictionaries read section 6 alike, whatever the ids."""
    ordered = tree.in_order(rows)
    assert [video_id.decode() for video_id in renumber(numbered(rows)).ids.tolist()] == ordered
    assert state_of(numbered(rows)) == tree.state_of(rows)
    check_order(ids_of(ordered))


@settings(max_examples=50, deadline=None)
@given(st.lists(IDS, min_size=2, max_size=8, unique=True))
def test_any_other_order_is_noticed(ids: list[str]) -> None:
    """Two ids in the wrong places, or one of them twice, break the order."""
    ordered = tree.in_order(ids)
    for wrong in (ordered[::-1], [ordered[0], *ordered]):
        with pytest.raises(Malformed):
            check_order(ids_of(wrong))


def test_removed_rows_have_no_part_in_the_state() -> None:
    """A removed row keeps its number until the epoch ends, and is in no hash."""
    rows = numbered({"AAAAAAAAAAE": (50, 1), "gone": (0, 0), "other": (60, 1)})
    rows.alive[1] = False
    assert state_of(rows) == tree.state_of({"AAAAAAAAAAE": (50, 1), "other": (60, 1)})
    assert (rows.n, rows.numbers, renumber(rows).numbers) == (2, 3, 2)


@pytest.mark.parametrize("joined", ["AAAA", "AAAAAAAAAAB", "é" * 11, "AAAAAAAAAA=", "AAAAAAAAA\0A", "AAAAAAAAA+A"])
def test_joined_ids_must_be_integers(joined: str) -> None:
    """A base's `ids` holds integer ids and nothing else."""
    with pytest.raises(Malformed):
        integer_ids_of(joined)


def test_a_million_rows_hash_in_a_fraction_of_a_second() -> None:
    """A client hashes all rows at every sync: a million in well below a second, on a slow machine too."""
    rng = np.random.default_rng(1)
    values = np.unique(rng.integers(0, 2**64 - 1, 1_000_000, dtype=np.uint64))
    padded = np.zeros((len(values), 9), np.uint8)
    padded[:, :8] = values.astype(">u8").view(np.uint8).reshape(-1, 8)
    table = np.frombuffer(ALPHABET.encode(), np.uint8)
    bits = np.unpackbits(padded, axis=1)[:, :66].reshape(-1, 11, 6)
    ids = integer_ids_of(table[np.packbits(bits, axis=2)[:, :, 0] >> 2].tobytes().decode())
    assert integer_values(ids[:5])[1].tolist() == values[:5].tolist()
    filled = np.ones(len(ids), np.uint8)
    rows = NumberedRows(ids, filled, filled, filled.astype(np.bool_))
    assert min(timeit.repeat(lambda: state_of(rows), number=1, repeat=3)) < 0.5
