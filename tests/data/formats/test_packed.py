"""Columns of packed files: the shortest deflate stream of a few, always the same bytes back."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from data.columns import Bytes
from data.formats.packed import deflated, inflated

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize(
    "column",
    [
        np.empty(0, np.uint8),
        np.array([7], np.uint8),
        np.zeros(5_000, np.uint8),
        np.tile(np.arange(100, dtype=np.uint8), 60),
        RANDOM.integers(0, 256, 9_000, dtype=np.uint8),
        RANDOM.choice(np.array([1, 2, 4, 8, 16], np.uint8), 200, p=[0.6, 0.2, 0.1, 0.05, 0.05]),
    ],
)
def test_columns_are_never_longer_than_the_usual_stream(column: Bytes) -> None:
    """Whatever a column looks like, it comes back, and takes no more than zlib's default."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    usual = stream.compress(column.tobytes()) + stream.flush()

    assert (inflated(deflated(column), len(column)) == column).all()
    assert len(deflated(column)) <= len(usual)


def test_flags_of_a_tick_are_not_paid_for_in_matches() -> None:
    """A few hundred random flags: chance repetitions cost more than codes alone."""
    column = RANDOM.choice(np.array([1, 2, 4, 8, 16], np.uint8), 400, p=[0.6, 0.2, 0.1, 0.05, 0.05])
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    usual = stream.compress(column.tobytes()) + stream.flush()

    assert len(deflated(column)) < 0.9 * len(usual)
    assert len(deflated(np.tile(column, 20))) < 3 * len(deflated(column))
