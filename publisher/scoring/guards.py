"""What a person should look at: bursts on one video, clusters that vote together. Pure; it lists, the caps hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.columns import Ints, Keys, Mask, Votes
from data.records import NOT_AI_BIT
from data.voters import NEWCOMER, Voters

DAY_MS = 86_400_000
HOLD_MS = 3 * DAY_MS
"""What began longer ago is no longer listed as new."""
BURST_VOTES = 20
"""So many newcomers' votes on one side of a video within the hold's time are worth a look."""
BURST_RATIO = 5.0
"""And so many times as many as all votes that stood there before."""
CLUSTER_VOTERS = 5
"""Clusters of fewer voters are friends."""


@dataclass(frozen=True, slots=True)
class Bursts:
    """Videos on which newcomers suddenly agree, most votes first."""

    video: Keys
    flags: Mask
    """True where the burst flags, false where it counters."""
    votes: Ints
    """Newcomers' votes within the hold's time."""
    before: Ints
    """Standing votes on the video that are older."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Voters who vote together, most voters first."""

    cluster: Keys
    """Key of the first voter of each."""
    voters: Ints
    videos: Ints
    """Videos that any of them votes on."""


def bursts(votes: Votes, voters: Voters, now_ms: int) -> Bursts:
    """Finds the bursts.

    Args:
        votes: Standing votes.
        voters: What each voter counts for.
        now_ms: The time by which the hold is counted.
    """
    recent = votes.cast_at_ms > now_ms - HOLD_MS
    new = recent & (voters.of(votes.voter).level == NEWCOMER)
    size = int(votes.video.max(initial=0)) + 1
    side = votes.video.astype(np.int64) * 2 + (votes.categories < NOT_AI_BIT)
    count = np.bincount(side[new], minlength=2 * size)
    before = np.bincount(votes.video[~recent], minlength=size)
    found = np.flatnonzero((count >= BURST_VOTES) & (count >= BURST_RATIO * before[np.arange(2 * size) // 2]))
    found = found[np.lexsort((found, -count[found]))]
    return Bursts((found // 2).astype(np.int32), found % 2 == 1, count[found], before[found // 2])


def clusters(votes: Votes, voters: Voters) -> Clusters:
    """Lists the clusters of the last full round.

    Args:
        votes: Standing votes.
        voters: What each voter counts for.
    """
    label = voters.of(votes.voter).cluster
    assert label is not None
    member = label > 0
    size = int(label.max(initial=0)) + 1
    people = np.unique((label[member].astype(np.int64) << 32) | votes.voter[member]) >> 32
    topics = np.unique((label[member].astype(np.int64) << 32) | votes.video[member]) >> 32
    count, videos = np.bincount(people, minlength=size), np.bincount(topics, minlength=size)
    found = np.flatnonzero(count >= CLUSTER_VOTERS)
    found = found[np.lexsort((found, -count[found]))]
    return Clusters(found.astype(np.int32), count[found], videos[found])
