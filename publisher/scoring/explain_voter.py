"""What a voter's votes count for, and what that rests on. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data import decisions as rulings
from data.columns import Decisions, Votes, standing
from data.flips import still_held
from data.judging import grounds_of, said
from data.records import names_of
from data.score import percent, probability
from data.standing import Standing
from data.verdicts import within_side
from publisher.scoring.explain import LEVELS


@dataclass(frozen=True, slots=True)
class VotedLine:
    """One standing vote of a voter, and what is thought of its video now."""

    video_id: str
    says: list[str]
    score: int
    """0-100, of the video, by votes alone."""
    audit: str
    """`AI`, `made by people`, or empty."""


@dataclass(frozen=True, slots=True)
class VoterExplanation:
    """What a voter's votes count for, and what that rests on."""

    voter: str
    """Pseudonym."""
    level: str
    flag_weight: float
    """Log-odds of a flag."""
    counter_weight: float
    """Log-odds of a counter-vote."""
    trust: float
    """0-1: the chance that a flag of theirs is right where nothing else is known."""
    proven: float
    """Share of the weight, 0-1, that rests on a long record."""
    together: int
    """How many voters they vote together with, themselves included; 0 alone."""
    truthful: bool
    """Whether their claims of channels count."""
    banned: bool
    votes: list[VotedLine]


def explain_voter(
    voter: int,
    votes: Votes,
    decided: Decisions,
    learned: Standing,
    *,
    pseudonym: Callable[[int], str],
    video_ids: dict[int, str],
    now_ms: int,
) -> VoterExplanation:
    """Says what a voter's votes count for.

    Args:
        voter: Key of the voter.
        votes: All votes about every video that the voter has voted on.
        decided: All decisions.
        learned: What the last full round found.
        pseudonym: Names a voter by key without giving their id away.
        video_ids: Ids of those videos by key.
        now_ms: The time by which holds are counted, Unix milliseconds.
    """
    voters = rulings.with_moderators(learned.voters, rulings.moderators(decided))
    one = voters.of(np.array([voter], np.int32))
    assert one.proven is not None
    assert one.cluster is not None
    cluster, truthful = int(one.cluster[0]), learned.channels.truthful
    members = int((voters.cluster == cluster).sum()) if cluster and voters.cluster is not None else 0
    return VoterExplanation(
        voter=pseudonym(voter),
        level=LEVELS[int(one.level[0])],
        flag_weight=float(one.flag_weight[0]),
        counter_weight=float(one.counter_weight[0]),
        trust=round(float(probability(one.flag_weight)[0]), 3),
        proven=float(one.proven[0]),
        together=members,
        truthful=bool(voter < len(truthful) and truthful[voter]),
        banned=bool(np.isin(voter, rulings.banned(decided))),
        votes=_voted(voter, votes, decided, learned, video_ids, now_ms=now_ms),
    )


def _voted(
    voter: int,
    votes: Votes,
    decided: Decisions,
    learned: Standing,
    video_ids: dict[int, str],
    *,
    now_ms: int,
) -> list[VotedLine]:
    last_words, grounds = standing(votes), grounds_of(learned, decided)
    heard = said(votes, grounds, np.unique(last_words.video), now_ms=now_ms)
    since_ms, above = still_held(heard, grounds, now_ms=now_ms)
    keys = heard.videos.video
    scores = percent(within_side(heard.verdicts, since_ms > 0, above).score)
    mine = last_words.take(last_words.voter == voter)
    rows = np.searchsorted(keys, mine.video)
    return [
        VotedLine(video_ids[key], names_of(mask), points, {1: "AI", 0: "made by people"}.get(audit, ""))
        for key, mask, points, audit in zip(
            mine.video.tolist(),
            mine.categories.tolist(),
            scores[rows].tolist(),
            heard.videos.audit[rows].tolist(),
            strict=True,
        )
    ]
