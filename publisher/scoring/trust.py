"""The full round: what each voter's vote counts for, learned from all standing votes.

`docs/scoring.md` gives the formulas, their sources and the reason of every constant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data import decisions as rulings
from data.columns import Decisions, Floats, Ints, Keys, Mask, Votes, standing
from data.score import (
    ESTABLISHED,
    GLOBAL_RATE,
    MODERATOR,
    NEWCOMER,
    NEWCOMER_COUNTER,
    NEWCOMER_FLAG,
    YOUNG_SHARE,
    Contributions,
    Videos,
    Voters,
    contributions,
    logit,
    probability,
    sums,
)
from data.standing import Standing

ROUNDS = 5
DAY_MS = 86_400_000
YOUNG_MS = 7 * DAY_MS
"""A voter younger than this is never established, and counts `YOUNG_SHARE` as a newcomer."""
CREDITED_TO_ESTABLISH = 3.0
"""So many credited votes make a voter established."""
NEWCOMER_VOTES = 8
"""A newcomer's weight is spread over at most this many votes."""
FLAG_PRIOR = (1.0, 3.0)
"""Beta prior of a voter's flags being right."""
COUNTER_PRIOR = (3.88, 0.12)
"""Beta prior of a voter's counter-votes being right."""
ESTABLISHED_LEVEL = 2.0
"""Log-odds of an established voter who is exactly as reliable as the pool."""
ESTABLISHED_CAP = 1.7
"""No established voter's vote counts for more: below 1.99, what a neutral video lacks to 50."""
CREDIT_SLOPE = 0.6
"""An established vote counts for at most this times ln(1 + credited votes)."""
EVIDENCE_HALF = 2.0
"""Credit is weighted e / (e + this), e being the log-odds that established others gave."""
RATE_PSEUDO_AUDITS = 20.0
"""How many audits the global rate is worth when the share of AI is estimated."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a full round starts from."""

    votes: Votes
    """Standing votes."""
    videos: Videos
    since_ms: Ints
    """When each voter was first seen, by voter key."""
    moderator: Mask
    """By voter key."""
    now_ms: int
    prior: float
    """Log-odds that a voted video is AI before any vote."""


@dataclass(frozen=True, slots=True)
class Credit:
    """How far each voter's votes of one side were confirmed, by voter key."""

    amount: Floats
    """Credited votes: the sum of the credits' weights."""
    right: Floats
    """How many of them were right."""

    def reliability(self, prior: tuple[float, float]) -> Floats:
        """Posterior mean of Beta(prior) after these credits."""
        return (prior[0] + self.right) / (sum(prior) + self.amount)

    def pool(self, prior: tuple[float, float]) -> float:
        """Reliability of all voters together."""
        return float((prior[0] + self.right.sum()) / (sum(prior) + self.amount.sum()))


def full_round(
    votes: Votes,
    decided: Decisions,
    *,
    log_id: str,
    position: int,
    now_ms: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Standing:
    """Learns every voter's reliability: a pure function of the log up to a position, and of a time.

    Args:
        votes: All votes up to `position`, in any order.
        decided: All decisions up to `position`.
        log_id: The log they come from.
        position: How far the log was read.
        now_ms: By which ages are counted, Unix milliseconds.
        progress: Called with the count of finished rounds.
    """
    crowd = _crowd(votes, decided, now_ms)
    nothing = np.zeros(len(crowd.since_ms))
    voters = _voters(crowd, Credit(nothing, nothing), Credit(nothing, nothing))
    for done in range(ROUNDS):
        parts = contributions(crowd.votes, voters, crowd.videos)
        chance, weight = _confirmations(crowd, parts)
        flags = _credit(crowd, parts.flag, chance, weight)
        counters = _credit(crowd, ~parts.flag, 1.0 - chance, weight)
        voters = _voters(crowd, flags, counters)
        progress(done + 1)
    return Standing(log_id, round_position=position, round_ms=now_ms, prior=crowd.prior, voters=voters)


def audits_of(videos: Keys, decided: Decisions) -> npt.NDArray[np.int8]:
    """The audited label of each of these videos: 1 AI, 0 made by people, -1 not audited."""
    labels = np.full(len(videos), -1, np.int8)
    audited, found = rulings.audits(decided)
    present = np.isin(audited, videos)
    labels[np.searchsorted(videos, audited[present])] = found[present]
    return labels


def _crowd(votes: Votes, decided: Decisions, now_ms: int) -> Crowd:
    votes = rulings.counting(votes, rulings.banned(decided))
    moderators, (_, labels) = rulings.moderators(decided), rulings.audits(decided)
    size = 1 + int(max(votes.voter.max(initial=0), moderators.max(initial=0)))
    since = np.full(size, now_ms, np.int64)
    seen = np.where(votes.voter_since_ms > 0, np.minimum(votes.voter_since_ms, votes.cast_at_ms), votes.cast_at_ms)
    np.minimum.at(since, votes.voter, seen)
    last_words = standing(votes)
    keys = np.flatnonzero(np.bincount(last_words.video)).astype(np.int32)
    prior = float(logit((GLOBAL_RATE * RATE_PSEUDO_AUDITS + labels.sum()) / (RATE_PSEUDO_AUDITS + len(labels))))
    return Crowd(
        votes=last_words,
        videos=Videos(keys, np.full(len(keys), prior), audits_of(keys, decided)),
        since_ms=since,
        moderator=np.isin(np.arange(size), moderators),
        now_ms=now_ms,
        prior=prior,
    )


def _confirmations(crowd: Crowd, parts: Contributions) -> tuple[Floats, Floats]:
    """For each vote: the chance that the video is AI by all but this vote, and how far that can be relied on."""
    signed = np.where(parts.flag, parts.log_odds, -parts.log_odds)
    rows = len(crowd.videos)
    total = crowd.videos.prior + sums(parts.row, signed, rows)
    others = total[parts.row] - signed
    reliable = np.where(parts.level == NEWCOMER, 0.0, parts.log_odds)
    evidence = sums(parts.row, reliable, rows)[parts.row] - reliable
    audit = crowd.videos.audit[parts.row]
    chance = np.where(audit >= 0, np.clip(audit, 0, 1), probability(others))
    weight = np.where(audit >= 0, 1.0, evidence / (evidence + EVIDENCE_HALF))
    return chance, weight


def _credit(crowd: Crowd, side: Mask, right: Floats, weight: Floats) -> Credit:
    voter, size = crowd.votes.voter[side], len(crowd.since_ms)
    return Credit(
        amount=sums(voter, weight[side], size),
        right=sums(voter, weight[side] * right[side], size),
    )


def _voters(crowd: Crowd, flags: Credit, counters: Credit) -> Voters:
    credited = flags.amount + counters.amount
    young = crowd.now_ms - crowd.since_ms < YOUNG_MS
    established = (credited >= CREDITED_TO_ESTABLISH) & ~young
    spread = NEWCOMER_VOTES / np.maximum(np.bincount(crowd.votes.voter, minlength=len(young)), NEWCOMER_VOTES)
    newcomer_share = np.where(young, YOUNG_SHARE, 1.0) * spread
    level = np.where(crowd.moderator, MODERATOR, np.where(established, ESTABLISHED, NEWCOMER)).astype(np.uint8)
    ceiling = np.minimum(ESTABLISHED_CAP, CREDIT_SLOPE * np.log1p(credited))
    learned = Voters(
        level=level,
        flag_weight=np.where(established, _learned(flags, FLAG_PRIOR, ceiling), NEWCOMER_FLAG * newcomer_share),
        counter_weight=np.where(
            established, _learned(counters, COUNTER_PRIOR, ceiling), NEWCOMER_COUNTER * newcomer_share
        ),
    )
    return rulings.with_moderators(learned, np.flatnonzero(crowd.moderator).astype(np.int32))


def _learned(credit: Credit, prior: tuple[float, float], ceiling: Floats) -> Floats:
    relative = logit(credit.reliability(prior)) - float(logit(credit.pool(prior)))
    return np.clip(ESTABLISHED_LEVEL + relative, 0.0, ceiling)
