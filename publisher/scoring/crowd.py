"""What a full round starts from: standing votes, who their voters are, what is decided. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data import decisions as rulings
from data.columns import Decisions, Floats, Ints, Keys, Mask, Votes, standing
from data.priors import claimed_channels, most_claimed
from data.score import Videos, logit, sums
from data.voters import GLOBAL_RATE
from publisher.scoring.clusters import clusters

DAY_MS = 86_400_000
YOUNG_MS = 7 * DAY_MS
"""A voter younger than this is never established, claims no channel, and counts `YOUNG_SHARE` as a newcomer."""
WITNESSES = 1
"""A claim is corroborated when so many other established voters make the same."""
CORROBORATED_CLAIMS = 1
"""A voter's claims of channels count once so many of them are corroborated."""
DENIED_RATIO = 0.1
"""They count no more when a majority contradicts more than this share of them."""
RATE_AUDITS = 5.0
"""How many audits the global rate is worth before the levels are fitted."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a full round starts from."""

    votes: Votes
    """Standing votes, by (video, voter)."""
    row: Ints
    """Row of each vote's video."""
    videos: Videos
    """Their priors are neutral."""
    channel: Keys
    """By row: the channel that truthful voters claim, 0 none."""
    channels: int
    """One more than the greatest channel key."""
    truthful: Mask
    """By voter key."""
    since_ms: Ints
    """When each voter was first seen, by voter key."""
    cast: Ints
    """How many standing votes each voter has, by voter key."""
    audited: Floats
    """How many of them are about audited videos."""
    moderator: Mask
    """By voter key."""
    unvoted: Floats
    """Labels of audited videos that nobody voted on."""
    cluster: Keys
    """By voter key: whom the voter votes together with, 0 nobody."""
    now_ms: int

    def own(self, amount: Floats) -> Floats:
        """Of each vote: the amounts of its own voter's cluster on that video, its own alone where there is none."""
        cluster = self.cluster[self.votes.voter]
        member = np.flatnonzero(cluster)
        mine = amount.copy()
        _, group = np.unique((self.row[member] << 32) | cluster[member], return_inverse=True)
        mine[member] = sums(group, amount[member], len(member))[group]
        return mine

    def young(self) -> Mask:
        """By voter key: first seen less than `YOUNG_MS` ago."""
        return np.asarray(self.now_ms - self.since_ms < YOUNG_MS)


def crowd_of(votes: Votes, decided: Decisions, now_ms: int, standing_rows: Ints | None = None) -> Crowd:
    """Gathers what a round needs.

    Args:
        votes: All votes, in any order.
        decided: All decisions.
        now_ms: By which ages are counted.
        standing_rows: `columns.last_words` of the votes that count, when it is known already.
    """
    votes = rulings.counting(votes, rulings.banned(decided))
    moderators, (labelled, labels) = rulings.moderators(decided), rulings.audits(decided)
    size = 1 + int(max(votes.voter.max(initial=0), moderators.max(initial=0)))
    since = np.full(size, now_ms, np.int64)
    seen = np.where(votes.voter_since_ms > 0, np.minimum(votes.voter_since_ms, votes.cast_at_ms), votes.cast_at_ms)
    np.minimum.at(since, votes.voter, seen)
    del seen
    last_words = _of_use(standing(votes) if standing_rows is None else votes.take(standing_rows))
    row = np.cumsum(np.append(np.False_, last_words.video[1:] != last_words.video[:-1])[: len(last_words)])
    keys = np.flatnonzero(np.bincount(last_words.video)).astype(np.int32)
    audit = rulings.labels_of(keys, labelled, labels)
    prior = float(logit((GLOBAL_RATE * RATE_AUDITS + labels.sum()) / (RATE_AUDITS + len(labels))))
    moderator = np.isin(np.arange(size), moderators)
    audited = np.bincount(last_words.voter[audit[row] >= 0], minlength=size).astype(np.float64)
    return Crowd(
        votes=last_words,
        row=row,
        videos=Videos(keys, np.full(len(keys), prior), audit),
        channel=np.zeros(len(keys), np.int32),
        channels=1 + int(votes.channel.max(initial=0)),
        truthful=moderator,
        since_ms=since,
        cast=np.bincount(last_words.voter, minlength=size),
        audited=audited,
        unvoted=labels[~np.isin(labelled, keys)].astype(np.float64),
        cluster=np.where(moderator, 0, clusters(last_words, row, audited)).astype(np.int32),
        moderator=moderator,
        now_ms=now_ms,
    )


def _of_use(votes: Votes) -> Votes:
    """The votes without what a round no longer asks of them: places, times and networks take no memory and read 0."""
    nothing = np.broadcast_to(np.int64(0), len(votes))
    nobody = np.broadcast_to(np.int32(0), len(votes))
    return replace(votes, position=nothing, cast_at_ms=nothing, network=nobody, voter_since_ms=nothing)


def truthful_voters(crowd: Crowd, established: Mask) -> Mask:
    """By voter key: whose claims of channels established voters have made too, and next to nobody denies.

    Args:
        crowd: Votes with claims.
        established: By voter key: whose word corroborates; moderators included.
    """
    votes, size = crowd.votes, len(crowd.since_ms)
    claims = np.flatnonzero(votes.channel > 0)
    voter, row, channel = votes.voter[claims], crowd.row[claims], votes.channel[claims]
    sound = established[voter]
    pair = (row << 32) | channel
    _, which = np.unique(pair, return_inverse=True)
    witnesses = np.bincount(which[sound], minlength=len(claims))[which] - sound
    most = most_claimed(row[sound], channel[sound], len(crowd.videos))[row]
    agreed = np.bincount(voter[witnesses >= WITNESSES], minlength=size)
    denied = np.bincount(voter[(most > 0) & (most != channel)], minlength=size)
    trusted = (agreed >= CORROBORATED_CLAIMS) & (denied <= DENIED_RATIO * agreed) & ~crowd.young()
    return np.asarray(trusted | crowd.moderator)


def with_claims(crowd: Crowd, established: Mask) -> Crowd:
    """The crowd with the channels that truthful voters claim."""
    truthful = truthful_voters(crowd, established)
    return replace(crowd, truthful=truthful, channel=claimed_channels(crowd.votes, truthful, crowd.videos.video))
