"""Why a video scores what it scores, and why a voter counts for what they count for. Pure; no voter ids anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data import decisions as rulings
from data.columns import Votes, standing
from data.log.read import Decisions
from data.priors import claimed_channels, priors
from data.records import names_of
from data.score import Videos, contributions, score
from data.standing import Standing
from publisher.scoring.crowd import audits_of

LEVEL_NAMES = ("newcomer", "established", "moderator")


@dataclass(frozen=True, slots=True)
class Part:
    """One standing vote's share of a verdict."""

    voter: int
    """Key of the voter: the caller turns it into a pseudonym."""
    categories: list[str]
    level: str
    weight: float
    """Log-odds of the vote by itself."""
    log_odds: float
    """Log-odds that it adds (takes, for a counter-vote) after everything below."""
    because: list[str]
    """Why it counts for less than its weight; empty when it does not."""


@dataclass(frozen=True, slots=True)
class VideoExplanation:
    """A verdict taken apart: prior + flags - counter-votes = logit(score), unless it is fixed."""

    score: float
    """0-1."""
    neutral: float
    """Log-odds of a video of which nothing is known."""
    prior: float
    """Log-odds before any vote."""
    channel: int
    """Key of the channel that truthful voters claim, 0 none."""
    flags: float
    counters: float
    fixed_by: str
    """`audit`, `moderator` or empty."""
    hidden: bool
    parts: list[Part]
    """Heaviest first."""
    lacks: float
    """Log-odds that would take the verdict to the other side of 50; 0 when the score is fixed."""


@dataclass(frozen=True, slots=True)
class VoterExplanation:
    """What a voter counts for."""

    level: str
    flag_weight: float
    """Log-odds of a flag, before what audits say that flags are worth."""
    counter_weight: float
    proven: float
    """Share of it that rests on a long record."""
    cluster: int
    """Key of the first voter that they vote together with, 0 nobody."""
    truthful: bool
    """Whether their claims of channels count."""
    banned: bool
    standing_votes: int


def explain_video(video: int, votes: Votes, learned: Standing, decided: Decisions) -> VideoExplanation:
    """Takes a verdict apart.

    Args:
        video: The video's key.
        votes: All votes about it.
        learned: The last full round.
        decided: All decisions.
    """
    words, keys = standing(votes), np.array([video], np.int32)
    prior = priors(learned, words, keys)
    voters = rulings.with_moderators(learned.voters, rulings.moderators(decided))
    voters = rulings.with_bans(voters, rulings.banned(decided))
    videos = Videos(keys, prior, audits_of(keys, decided))
    verdicts, locked = rulings.with_locks(score(words, voters, videos), keys, decided)
    parts = contributions(words, voters, videos)
    flags = float(parts.log_odds[parts.flag].sum())
    counters = float(parts.log_odds[~parts.flag].sum())
    known = voters.of(words.voter)
    assert known.cluster is not None
    by_vote = [
        Part(
            voter=int(words.voter[row]),
            categories=names_of(int(words.categories[row])),
            level=LEVEL_NAMES[parts.level[row]],
            weight=float(parts.weight[row]),
            log_odds=float(parts.log_odds[row]),
            because=_because(float(parts.weight[row]), float(parts.log_odds[row]), int(known.cluster[row])),
        )
        for row in np.argsort(-parts.weight, kind="stable")
    ]
    fixed = "moderator" if locked[0] else "audit" if videos.audit[0] >= 0 else ""
    return VideoExplanation(
        score=float(verdicts.score[0]),
        neutral=learned.prior,
        prior=float(prior[0]),
        channel=int(claimed_channels(words, learned.channels.truthful, keys)[0]),
        flags=flags,
        counters=counters,
        fixed_by=fixed,
        hidden=bool(np.isin(video, rulings.hidden(decided))),
        parts=by_vote,
        lacks=0.0 if fixed else abs(float(prior[0]) + flags - counters),
    )


def explain_voter(voter: int, votes: Votes, learned: Standing, decided: Decisions) -> VoterExplanation:
    """What a voter counts for.

    Args:
        voter: The voter's key.
        votes: All votes of theirs, at least.
        learned: The last full round.
        decided: All decisions.
    """
    voters = rulings.with_moderators(learned.voters, rulings.moderators(decided))
    one = voters.of(np.array([voter], np.int32))
    assert one.proven is not None
    assert one.cluster is not None
    truthful = learned.channels.truthful
    return VoterExplanation(
        level=LEVEL_NAMES[one.level[0]],
        flag_weight=float(one.flag_weight[0]),
        counter_weight=float(one.counter_weight[0]),
        proven=float(one.proven[0]),
        cluster=int(one.cluster[0]),
        truthful=bool(voter < len(truthful) and truthful[voter]),
        banned=bool(np.isin(voter, rulings.banned(decided))),
        standing_votes=int((standing(votes).voter == voter).sum()),
    )


def _because(weight: float, log_odds: float, cluster: int) -> list[str]:
    reasons = []
    if weight == 0.0:
        reasons.append("the voter counts for nothing: banned, or no better than chance")
    elif log_odds == 0.0 and cluster:
        reasons.append("another voter of the same cluster stands for this vote")
    elif log_odds < weight - 1e-9:
        reasons.append("votes of one kind count less the more there are, within what they may add together")
    return reasons
