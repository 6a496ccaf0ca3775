"""A prior is never a flag by itself, and no vote ever takes anything from its side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.columns import NO_VOTES, Votes
from data.records import NOT_AI_BIT
from data.score import Verdicts, Videos, percent, score
from data.verdicts import unflagged, verdicts_of
from data.voters import ESTABLISHED, MODERATOR, NEWCOMER, Voters

NOBODY_SAYS, SPAMMER, NEW, KNOWN, APPOINTED = range(5)
VOTERS = Voters(
    level=np.array([NEWCOMER, ESTABLISHED, NEWCOMER, ESTABLISHED, MODERATOR], np.uint8),
    flag_weight=np.array([0.0, 0.0, 0.9, 1.5, 4.0]),
    counter_weight=np.array([0.0, 0.0, 0.5, 1.5, 4.0]),
)


def votes(*rows: tuple[int, int]) -> Votes:
    """Votes of (voter, categories) on video 1."""
    size, table = len(rows), np.array(rows, np.int64).reshape(-1, 2)
    return replace(
        NO_VOTES,
        position=np.arange(1, size + 1),
        cast_at_ms=np.zeros(size, np.int64),
        voter=table[:, 0].astype(np.int32),
        video=np.ones(size, np.int32),
        categories=table[:, 1].astype(np.uint8),
        channel=np.zeros(size, np.int32),
        network=np.zeros(size, np.int32),
        voter_since_ms=np.zeros(size, np.int64),
    )


def video(prior: float, audit: int = -1) -> Videos:
    """Video 1."""
    return Videos(np.array([1], np.int32), np.array([prior]), np.array([audit], np.int8))


def judged(prior: float, *rows: tuple[int, int], audit: int = -1, voters: Voters = VOTERS) -> Verdicts:
    """What votes say of it when none is held."""
    return verdicts_of(votes(*rows), np.zeros(len(rows), np.bool_), voters, video(prior, audit))


@pytest.mark.parametrize(
    ("prior", "rows", "shown", "alone"),
    [
        (1.7, [(SPAMMER, 1)], 49, True),
        (1.7, [(NEW, NOT_AI_BIT)], 49, True),
        (1.7, [(KNOWN, NOT_AI_BIT), (SPAMMER, 2)], 49, True),
        (-0.1, [(SPAMMER, 1)], 48, True),
        (1.7, [(NEW, 1)], 93, False),
        (1.7, [(NEW, 1), (KNOWN, NOT_AI_BIT)], 76, False),
        (-2.0, [(APPOINTED, 1)], 88, False),
    ],
)
def test_a_prior_is_never_a_flag(prior: float, rows: list[tuple[int, int]], shown: int, alone: bool) -> None:
    """Whatever the channel, a video stays below 50 until a flag that counts for something speaks."""
    found = judged(prior, *rows)
    assert (int(percent(found.score)[0]), bool(unflagged(found, video(prior))[0])) == (shown, alone)


def test_audits_go_before() -> None:
    """An audited video is not prior only, and keeps its audit's score."""
    found = judged(1.7, (NEW, NOT_AI_BIT), audit=1)
    assert int(percent(found.score)[0]) == 99
    assert unflagged(found, video(1.7, 1)).tolist() == [False]


def test_categories_follow_the_score() -> None:
    """The leading category still carries the score, the others keep their share."""
    found = judged(1.7, (SPAMMER, 1))
    whole = score(votes((SPAMMER, 1)), VOTERS, video(1.7))
    assert whole.score[0] > 0.8
    assert found.category_score[0].tolist() == pytest.approx([0.49, 0, 0, 0, 0])


one_vote = st.tuples(st.integers(1, 19), st.sampled_from([1, 2, 9, 32]))
voter_votes = st.lists(one_vote, max_size=12, unique_by=lambda vote: vote[0])


@settings(max_examples=300, deadline=None)
@given(voter_votes, st.floats(-4, 1.8), st.integers(0, 9999), st.sampled_from([1, 4, 17]))
def test_one_more_vote_never_works_against_its_side(
    rows: list[tuple[int, int]], prior: float, seed: int, says: int
) -> None:
    """A flag never lowers the score and a counter-vote never raises it, on any channel, by any voter."""
    chance = np.random.default_rng(seed)
    flag, counter = chance.uniform(-1, 1.7, (2, 21)).clip(0)
    voters = Voters(chance.integers(0, 3, 21).astype(np.uint8), flag, counter, chance.uniform(0, 1, 21))
    now = judged(prior, *rows, voters=voters).score[0]
    assert judged(prior, *rows, (20, says), voters=voters).score[0] >= now - 1e-12
    assert judged(prior, *rows, (20, NOT_AI_BIT), voters=voters).score[0] <= now + 1e-12
