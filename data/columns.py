"""Votes and decisions as columns: what the log is read into and what the score rule takes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Votes:
    """Votes, one a row. `take` picks rows; all columns have one length."""

    position: Ints
    """Place in the log."""
    cast_at_ms: Ints
    """Unix milliseconds UTC."""
    voter: Keys
    """Dense key of the voter, from 1."""
    video: Keys
    """Dense key of the video, from 1."""
    categories: Bytes
    """Mask of `records.BIT_OF`; 0 is a retraction."""
    channel: Keys
    """Dense key of the claimed channel, 0 none."""
    network: Keys
    """Dense key of the network token, 0 none."""
    voter_since_ms: Ints
    """When the voter was first seen elsewhere, 0 unknown."""

    def __len__(self) -> int:
        return len(self.position)

    def take(self, rows: Ints | Mask | slice) -> Self:
        """The votes at these row numbers, or where the mask is true, in that order; a slice copies nothing."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


NO_VOTES = Votes(
    position=np.empty(0, np.int64),
    cast_at_ms=np.empty(0, np.int64),
    voter=np.empty(0, np.int32),
    video=np.empty(0, np.int32),
    categories=np.empty(0, np.uint8),
    channel=np.empty(0, np.int32),
    network=np.empty(0, np.int32),
    voter_since_ms=np.empty(0, np.int64),
)
"""The empty set of votes; also says each column's type."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions of moderators and auditors as columns, in position order."""

    position: Ints
    """Place in the log."""
    kind: list[str]
    """What was decided: the kinds of `log/0001_votes_log.sql`."""
    video: Keys
    """Dense key of the video, 0 none."""
    voter: Keys
    """Dense key of the voter, 0 none."""
    label: Bytes
    """Of an audit: 1 AI, 0 made by people."""
    score: Bytes
    """Of a lock: 0-100."""


NO_DECISIONS = Decisions(
    position=np.empty(0, np.int64),
    kind=[],
    video=np.empty(0, np.int32),
    voter=np.empty(0, np.int32),
    label=np.empty(0, np.uint8),
    score=np.empty(0, np.uint8),
)
"""The empty set of decisions."""


def standing(votes: Votes) -> Votes:
    """Folds votes to standing votes: each voter's last word on each video, unless it is a retraction.

    The last word is the one with the greatest (time, position).

    Args:
        votes: Any votes, in any order.

    Returns:
        At most one vote for each (video, voter), sorted by (video, voter).
    """
    pair = _pairs(votes)
    return votes if _folded(pair, votes) else votes.take(_standing_rows(pair, votes))


def last_words(votes: Votes) -> Ints:
    """The rows of `standing(votes)`: small enough to be kept where the votes are."""
    pair = _pairs(votes)
    return np.arange(len(votes)) if _folded(pair, votes) else _standing_rows(pair, votes)


def _pairs(votes: Votes) -> Ints:
    return np.asarray((votes.video.astype(np.int64) << 32) | votes.voter)


def _folded(pair: Ints, votes: Votes) -> bool:
    return bool((pair[1:] > pair[:-1]).all() and votes.categories.all())


def _standing_rows(pair: Ints, votes: Votes) -> Ints:
    rows = _last_of_each(pair, votes)
    return np.asarray(rows[votes.categories[rows] != 0])


def _last_of_each(pair: Ints, votes: Votes) -> Ints:
    """By pair: the row of its last word. Only pairs with several votes are sorted by time."""
    order = np.argsort(pair)
    pair = pair[order]
    same = pair[1:] == pair[:-1]
    first, last = np.append(np.True_, ~same)[: len(pair)], np.append(~same, np.True_)[: len(pair)]
    several = np.flatnonzero(~(first & last))
    rows = order[several]
    order[several] = rows[np.lexsort((votes.position[rows], votes.cast_at_ms[rows], pair[several]))]
    return np.asarray(order[last], np.int64)
