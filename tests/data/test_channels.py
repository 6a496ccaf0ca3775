"""A channel id that a client sends is only a claim: it counts when independent voters agree on it."""

from __future__ import annotations

import numpy as np
import pytest

from data.channels import agreed_channels
from data.columns import Keys, Votes, standing


def votes(*rows: tuple[int, int, int], categories: int = 1) -> Votes:
    """Votes from (video, voter, channel), one after the other."""
    n = len(rows)
    video, voter, channel = np.array(rows, np.int32).reshape(-1, 3).T
    return Votes(
        position=np.arange(1, n + 1),
        cast_at_ms=np.arange(n, dtype=np.int64),
        voter=voter,
        video=video,
        categories=np.full(n, categories, np.uint8),
        channel=channel,
        network=np.zeros(n, np.int32),
        voter_since_ms=np.zeros(n, np.int64),
    )


def keys(*numbers: int) -> Keys:
    """Keys as a column."""
    return np.array(numbers, np.int32)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([], 0),
        ([(7, 1, 0), (7, 2, 0)], 0),
        ([(7, 1, 5)], 0),
        ([(7, 1, 5), (7, 2, 6)], 0),
        ([(7, 1, 5), (7, 2, 5)], 5),
        ([(7, 1, 5), (7, 2, 0), (7, 3, 5)], 5),
        ([(7, 1, 9), (7, 2, 9), (7, 3, 9), (7, 4, 5), (7, 5, 5)], 9),
        ([(7, 1, 9), (7, 2, 9), (7, 3, 5), (7, 4, 5)], 5),
        ([(8, 1, 5), (8, 2, 5), (7, 3, 5)], 0),
    ],
    ids=[
        "no votes", "no claims", "one claim", "two that differ", "two that agree", "silence between them",
        "the most claims win", "between equals the channel that the log saw first", "claims about another video",
    ],
)  # fmt: skip
def test_two_voters_must_agree(claims: list[tuple[int, int, int]], expected: int) -> None:
    """A channel needs the claims of two different voters about the same video."""
    found = agreed_channels(votes(*claims), keys(7, 8))

    assert found[0] == expected
    assert found.dtype == np.int32


def test_one_voter_never_agrees_with_themselves() -> None:
    """Who claims a channel twice, in two votes, has one standing vote and so one claim."""
    said = standing(votes((7, 1, 5), (7, 1, 5)))

    assert agreed_channels(said, keys(7)).tolist() == [0]


def test_a_retraction_takes_the_claim_back() -> None:
    """A claim stands as long as its vote."""
    first, retraction = votes((7, 1, 5), (7, 2, 5)), votes((7, 2, 5), categories=0)
    both = Votes(*(np.concatenate([a, b]) for a, b in zip(_columns(first), _columns(retraction), strict=True)))
    both.position[:] = np.arange(1, 4)
    both.cast_at_ms[:] = np.arange(3)

    assert agreed_channels(standing(both), keys(7)).tolist() == [0]


def test_each_row_of_videos_gets_its_own_channel() -> None:
    """The result follows the rows of the videos asked for, those without votes included."""
    said = votes((2, 1, 5), (2, 2, 5), (4, 1, 6), (4, 2, 6), (9, 1, 7))

    assert agreed_channels(said, keys(1, 2, 4, 9)).tolist() == [0, 5, 6, 0]


def _columns(said: Votes) -> tuple[np.ndarray, ...]:
    return tuple(getattr(said, name) for name in Votes.__dataclass_fields__)
