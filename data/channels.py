"""Which channel a video belongs to, from what voters claim."""

from __future__ import annotations

import numpy as np

from data.columns import Keys, Votes

CLAIMS_TO_AGREE = 2
"""A channel id from a client is only a claim; it counts when so many different voters make the same one."""


def agreed_channels(votes: Votes, videos: Keys) -> Keys:
    """The channel that independent voters agree on, for each video.

    The channel with the most claims wins; between equals the smaller key, the one that the log saw first.

    Args:
        votes: Standing votes (`columns.standing`, so one for each voter and video), all of them about `videos`.
        videos: Video keys, ascending, each once.

    Returns:
        One channel key for each row of `videos`, 0 where no channel has two claims.
    """
    claims = np.flatnonzero(votes.channel > 0)
    rows = np.searchsorted(videos, votes.video[claims])
    pairs, counts = np.unique((rows << 32) | votes.channel[claims], return_counts=True)
    pairs, counts = pairs[counts >= CLAIMS_TO_AGREE], counts[counts >= CLAIMS_TO_AGREE]
    pairs = pairs[np.lexsort((pairs, -counts, pairs >> 32))]
    settled, best = np.unique(pairs >> 32, return_index=True)
    agreed = np.zeros(len(videos), np.int32)
    agreed[settled] = (pairs & 0xFFFF_FFFF)[best]
    return agreed
