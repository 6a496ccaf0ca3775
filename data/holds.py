"""Bursts: which standing votes are held, so that a sudden crowd weighs nothing until it was looked at. Pure.

On one side of a video, what was said within the last three days by others than moderators is its burst. As many votes
of it count as the older votes on that side can carry, the first ones; the others are held. More votes, and more time,
only ever let more of a side count, so that an added vote never takes anything away from its side.
"""

from __future__ import annotations

import numpy as np

from data.columns import Ints, Keys, Mask, Votes
from data.records import NOT_AI_BIT

DAY_MS = 86_400_000
HOLD_MS = 3 * DAY_MS
"""A held vote counts once it is older than this."""
BURST_VOTES = 20
"""So many votes of a burst always count."""
BURST_RATIO = 5
"""And so many for each vote on the same side that is older, a moderator's, or released."""


def held_until(votes: Votes, words: Votes, moderators: Keys, released: tuple[Keys, Ints], *, now_ms: int) -> Ints:
    """Until when each standing vote is held.

    A vote that only repeats its voter's side counts from when the voter first took that side, so that nobody loses
    their place by voting again.

    Args:
        votes: All votes of some videos that count, in any order.
        words: What stands of them: `columns.standing(votes)`.
        moderators: Voters whose votes are never held.
        released: Videos at which a moderator has looked, ascending, and the positions of these decisions.
        now_ms: The time by which the hold is counted.

    Returns:
        One entry for each row of `words`: when its hold lapses, Unix milliseconds; 0 when the vote
        is not held.
    """
    until = np.zeros(len(words), np.int64)
    if not (words.video[BURST_VOTES:] == words.video[:-BURST_VOTES]).any():
        return until  # no video has votes enough: the ordinary case of a batch of intake's
    ordinary = ~np.isin(words.voter, moderators)
    about = np.flatnonzero(_crowded(words, ordinary & (words.cast_at_ms > now_ms - HOLD_MS)))
    if not len(about):
        return until
    said = first_said(votes.take(np.isin(votes.video, words.video[about])))
    looked = looked_at(words.video[about], released)
    burst = ordinary[about] & (said.cast_at_ms > now_ms - HOLD_MS) & (said.position > looked)
    beyond = np.flatnonzero(burst)[_beyond(said, burst)]
    until[about[beyond]] = said.cast_at_ms[beyond] + HOLD_MS
    return until


def _crowded(words: Votes, recent: Mask) -> Mask:
    """Votes on videos with a side that may be a burst: it is none when enough was first said before, or released."""
    row = np.cumsum(np.append(np.False_, words.video[1:] != words.video[:-1])[: len(words)])  # words stand by video
    side, size = row * 2 + (words.categories < NOT_AI_BIT), 2 * (len(words) + 1)
    new = np.bincount(side[recent], minlength=size)
    crowded = new > _allowed(np.bincount(side, minlength=size) - new)
    return np.asarray(crowded[row * 2] | crowded[row * 2 + 1])


def _allowed(older: Ints) -> Ints:
    """How many votes of a burst count beside so many older ones on its side."""
    return np.maximum(BURST_VOTES, BURST_RATIO * older)


def _beyond(said: Votes, burst: Mask) -> Mask:
    """Which votes of the bursts are more than their side may count, the last ones."""
    side, which = np.unique(_side(said), return_inverse=True)
    older = np.bincount(which[~burst], minlength=len(side))
    new = which[burst]
    order = np.lexsort((said.position[burst], said.cast_at_ms[burst], new))
    count = np.bincount(new, minlength=len(side))
    rank = np.empty(len(new), np.int64)
    rank[order] = np.arange(len(new)) - (np.cumsum(count) - count)[new[order]]
    return np.asarray(rank >= _allowed(older)[new])


def first_said(votes: Votes) -> Votes:
    """Of each standing vote the first vote of its voter's that says the same side without another word between."""
    pair = (votes.video.astype(np.int64) << 32) | votes.voter
    order = np.lexsort((votes.position, votes.cast_at_ms, pair))
    votes, pair, rows = votes.take(order), pair[order], np.arange(len(order))
    side = np.where(votes.categories == 0, -1, _side(votes))
    begins = np.append(np.True_, (pair[1:] != pair[:-1]) | (side[1:] != side[:-1]))
    last = np.append(pair[1:] != pair[:-1], np.True_) & (votes.categories != 0)
    return votes.take(np.maximum.accumulate(np.where(begins, rows, 0))[last])


def _side(votes: Votes) -> Ints:
    return votes.video.astype(np.int64) * 2 + (votes.categories < NOT_AI_BIT)


def looked_at(videos: Keys, released: tuple[Keys, Ints]) -> Ints:
    """The position of each video's last release, 0 when there is none.

    Args:
        videos: Video keys.
        released: Videos at which a moderator has looked, ascending, and the positions of these decisions.
    """
    keys, positions = released
    place = np.searchsorted(keys, videos)
    there = np.append(keys, -1)[place] == videos
    return np.append(positions, 0)[np.where(there, place, len(keys))]
