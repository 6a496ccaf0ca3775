"""Which channel a video is taken to belong to, and what that says of it before any vote. Pure.

A channel id from a client is only a claim. It counts when it comes from a voter whose other claims independent voters
have made too: a round decides who they are, so that the prior of one video follows from the round and its own votes.
"""

from __future__ import annotations

import numpy as np

from data.columns import Floats, Ints, Keys, Mask, Votes
from data.standing import Standing


def claimed_channels(votes: Votes, truthful: Mask, videos: Keys) -> Keys:
    """The channel that most of the truthful voters claim; between equals the one that the log saw first.

    Args:
        votes: Standing votes, all of them about `videos`.
        truthful: By voter key; voters beyond the end are not.
        videos: Video keys, ascending, each once.

    Returns:
        One channel key for each row of `videos`, 0 where nobody truthful makes a claim.
    """
    known = np.where(votes.voter < len(truthful), votes.voter, 0)
    claims = np.flatnonzero((votes.channel > 0) & truthful[known] & (known > 0))
    rows = np.searchsorted(videos, votes.video[claims])
    return most_claimed(rows, votes.channel[claims], len(videos))


def most_claimed(rows: Ints, channels: Keys, size: int) -> Keys:
    """For each row the channel that stands beside it most often; between equals the smaller key; 0 for none."""
    pairs, counts = np.unique((rows.astype(np.int64) << 32) | channels, return_counts=True)
    pairs = pairs[np.lexsort((pairs, -counts, pairs >> 32))]
    claimed, best = np.unique(pairs >> 32, return_index=True)
    found = np.zeros(size, np.int32)
    found[claimed] = (pairs & 0xFFFF_FFFF)[best]
    return found


def priors(standing: Standing, votes: Votes, videos: Keys) -> Floats:
    """The log-odds of each video before any vote on it.

    Args:
        standing: What the last full round learned.
        votes: Standing votes, all of them about `videos`.
        videos: Video keys, ascending, each once.
    """
    channels = standing.channels
    channel = claimed_channels(votes, channels.truthful, videos)
    known = np.where(videos < len(channels.video_channel), videos, 0)
    heard = np.where(channel < len(channels.prior), channel, 0)
    of_channel = np.where(heard > 0, channels.prior[heard], standing.prior)
    same = (channel > 0) & (known > 0) & (channels.video_channel[known] == channel)
    return np.where(same, channels.video_prior[known], of_channel)
