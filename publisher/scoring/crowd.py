"""What a full round starts from: standing votes, who their voters are, what is decided. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data import decisions as rulings
from data.columns import Floats, Ints, Keys, Mask, Votes, standing
from data.log.read import Decisions
from data.priors import claimed_channels, most_claimed
from data.score import GLOBAL_RATE, Videos, logit, sums

CORROBORATED_CLAIMS = 3
"""A voter's claims of channels count once so many of them were made by somebody else too."""
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
    now_ms: int


def crowd_of(votes: Votes, decided: Decisions, now_ms: int) -> Crowd:
    """Gathers what a round needs.

    Args:
        votes: All votes, in any order.
        decided: All decisions.
        now_ms: By which ages are counted.
    """
    moderators, (_, labels) = rulings.moderators(decided), rulings.audits(decided)
    size = 1 + int(max(votes.voter.max(initial=0), moderators.max(initial=0)))
    since = np.full(size, now_ms, np.int64)
    seen = np.where(votes.voter_since_ms > 0, np.minimum(votes.voter_since_ms, votes.cast_at_ms), votes.cast_at_ms)
    np.minimum.at(since, votes.voter, seen)
    last_words = standing(votes)
    keys, row = np.unique(last_words.video, return_inverse=True)
    audit = audits_of(keys, decided)
    prior = float(logit((GLOBAL_RATE * RATE_AUDITS + labels.sum()) / (RATE_AUDITS + len(labels))))
    moderator = np.isin(np.arange(size), moderators)
    truthful = _truthful(last_words, row, len(keys), size) | moderator
    return Crowd(
        votes=last_words,
        row=row,
        videos=Videos(keys, np.full(len(keys), prior), audit),
        channel=claimed_channels(last_words, truthful, keys),
        channels=1 + int(votes.channel.max(initial=0)),
        truthful=truthful,
        since_ms=since,
        cast=np.bincount(last_words.voter, minlength=size),
        audited=sums(last_words.voter, (audit[row] >= 0) * 1.0, size),
        moderator=moderator,
        now_ms=now_ms,
    )


def audits_of(videos: Keys, decided: Decisions) -> npt.NDArray[np.int8]:
    """The audited label of each of these videos: 1 AI, 0 made by people, -1 not audited."""
    labels = np.full(len(videos), -1, np.int8)
    audited, found = rulings.audits(decided)
    present = np.isin(audited, videos)
    labels[np.searchsorted(videos, audited[present])] = found[present]
    return labels


def _truthful(votes: Votes, row: Ints, rows: int, size: int) -> Mask:
    """By voter key: whose claims others have made too, and next to nobody denies."""
    claims = np.flatnonzero(votes.channel > 0)
    pair = (row[claims] << 32) | votes.channel[claims]
    _, which, count = np.unique(pair, return_inverse=True, return_counts=True)
    shared = count[which] > 1
    most = most_claimed(row[claims][shared], votes.channel[claims][shared], rows)[row[claims]]
    agreed = sums(votes.voter[claims], (shared & (most == votes.channel[claims])) * 1.0, size)
    denied = sums(votes.voter[claims], ((most > 0) & (most != votes.channel[claims])) * 1.0, size)
    return np.asarray((agreed >= CORROBORATED_CLAIMS) & (denied <= DENIED_RATIO * agreed))
