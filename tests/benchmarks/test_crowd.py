"""The simulated crowd: reproducible, valid, and as honest as it says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.crowd import BRIGADE, CARELESS, DAY_MS, HONEST, TROLL, Crowd, Plan, draw, last_words
from data.records import CHANNEL_ID, NETWORK, NOT_AI_BIT, RETRACTION, VIDEO_ID, VOTER_ID, Vote, mask_of, names_of

START_MS = 1_767_225_600_000


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    """A tenth of the usual crowd."""
    return draw(Plan().scaled(0.1), seed=3)


@pytest.fixture(scope="module")
def votes(crowd: Crowd) -> list[Vote]:
    """Its votes."""
    return list(crowd.votes(START_MS))


def test_the_seed_decides_everything(crowd: Crowd, votes: list[Vote]) -> None:
    """The same plan and seed give the same votes, another seed gives others."""
    assert list(draw(Plan().scaled(0.1), seed=3).votes(START_MS)) == votes
    assert list(draw(Plan().scaled(0.1), seed=4).votes(START_MS)) != votes


def test_votes_are_valid(votes: list[Vote]) -> None:
    """Every vote would be accepted by the intake."""
    for vote in votes:
        assert VOTER_ID.fullmatch(vote.voter_id)
        assert len(vote.voter_id) == 64
        assert VIDEO_ID.fullmatch(vote.video_id)
        assert not vote.channel_id or CHANNEL_ID.fullmatch(vote.channel_id)
        assert NETWORK.fullmatch(vote.network)
        assert vote.categories == RETRACTION or mask_of(names_of(vote.categories)) == vote.categories


def test_ids_have_several_lengths(crowd: Crowd) -> None:
    """Most video ids are 64-bit numbers of 11 characters, some are not; no two are equal."""
    lengths = [len(video_id) for video_id in crowd.video_ids]
    assert 0.9 < lengths.count(11) / len(lengths) < 1.0
    assert set(lengths) == {6, 8, 10, 11, 16}
    assert len(set(crowd.video_ids)) == len(crowd.video_ids)


def test_votes_come_in_time_order(votes: list[Vote]) -> None:
    """The stream is ordered by time, within the plan's days."""
    times = [vote.cast_at_ms for vote in votes]
    assert times == sorted(times)
    assert times[0] >= START_MS
    assert times[-1] <= START_MS + Plan().days * DAY_MS


def test_kinds_of_voters_vote_as_they_are_called(crowd: Crowd) -> None:
    """Honest voters are mostly right, careless ones less often, trolls and the brigade hardly ever."""
    standing = last_words(crowd.events)
    said_ai = standing.categories != NOT_AI_BIT
    right = said_ai == crowd.cast.is_ai[standing.video]
    kind = crowd.cast.kind[standing.voter]
    share = {name: right[kind == name].mean() for name in (HONEST, CARELESS, TROLL, BRIGADE)}
    assert share[HONEST] > 0.7
    assert share[HONEST] > share[CARELESS] > share[TROLL]
    assert share[TROLL] < 0.4
    assert share[BRIGADE] < 0.2


def test_minds_are_changed(votes: list[Vote]) -> None:
    """Some votes are changed to the opposite, some taken back, some sent twice; categories are all in use."""
    words: dict[tuple[str, str], list[int]] = {}
    for vote in votes:
        words.setdefault((vote.voter_id, vote.video_id), []).append(vote.categories)
    steps = [step for said in words.values() for step in pairwise(said)]
    assert any(after == RETRACTION for _, after in steps)
    assert any(before == after for before, after in steps)
    assert any(before == NOT_AI_BIT and after not in {NOT_AI_BIT, RETRACTION} for before, after in steps)
    assert any(before not in {NOT_AI_BIT, RETRACTION} and after == NOT_AI_BIT for before, after in steps)
    assert np.bitwise_or.reduce([vote.categories for vote in votes]) == 63


def test_last_words_leave_out_what_was_taken_back(crowd: Crowd, votes: list[Vote]) -> None:
    """The standing votes are each pair's last word, retractions left out."""
    words = {(vote.voter_id, vote.video_id): vote.categories for vote in votes}
    expected = {pair: said for pair, said in words.items() if said != RETRACTION}
    standing = last_words(crowd.events)
    pairs = zip(standing.voter.tolist(), standing.video.tolist(), standing.categories.tolist(), strict=True)
    assert {(crowd.voter_ids[voter], crowd.video_ids[video]): said for voter, video, said in pairs} == expected


def test_a_part_of_the_time_is_a_part_of_the_votes(crowd: Crowd, votes: list[Vote]) -> None:
    """Cut anywhere, the two parts hold every vote once."""
    cut_ms = 9 * DAY_MS
    before, after = crowd.between(0, cut_ms), crowd.between(cut_ms, 1_000 * DAY_MS)
    assert [*before.votes(START_MS), *after.votes(START_MS)] == votes
