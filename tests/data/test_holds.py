"""A burst counts as far as what stood before it carries; the rest waits, and no vote ever takes from its side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.columns import NO_VOTES, Ints, Keys, Votes, standing
from data.holds import BURST_RATIO, BURST_VOTES, DAY_MS, HOLD_MS, held_until
from data.records import NOT_AI_BIT
from data.score import Videos
from data.verdicts import verdicts_of
from data.voters import Voters

NOW_MS = 1_790_000_000_000
NOBODY = np.empty(0, np.int32)
NOTHING_RELEASED = (NOBODY, np.empty(0, np.int64))


def votes(*rows: tuple[int, int, int, int]) -> Votes:
    """Votes of (voter, video, categories, age in ms), in the order of their positions."""
    table = np.array(rows, np.int64).reshape(-1, 4)
    size = len(table)
    return replace(
        NO_VOTES,
        position=np.arange(1, size + 1),
        cast_at_ms=NOW_MS - table[:, 3],
        voter=table[:, 0].astype(np.int32),
        video=table[:, 1].astype(np.int32),
        categories=table[:, 2].astype(np.uint8),
        channel=np.zeros(size, np.int32),
        network=np.zeros(size, np.int32),
        voter_since_ms=np.zeros(size, np.int64),
    )


def burst(size: int, *, first: int = 100, video: int = 1, says: int = 1, age_ms: int = 1000) -> list[tuple[int, ...]]:
    """One vote of each of so many voters, one millisecond after the other."""
    return [(first + n, video, says, age_ms - n) for n in range(size)]


def waiting(
    *rows: tuple[int, ...], moderators: Keys = NOBODY, released: tuple[Keys, Ints] = NOTHING_RELEASED, later_ms: int = 0
) -> list[int]:
    """Voters whose votes are held."""
    cast = votes(*rows)  # type: ignore[arg-type]
    words = standing(cast)
    until = held_until(cast, words, moderators, released, now_ms=NOW_MS + later_ms)
    return [int(voter) for voter in words.voter[until > 0]]


@pytest.mark.parametrize(
    ("older", "new", "held"),
    [(0, 20, 0), (0, 21, 1), (0, 60, 40), (3, 60, 40), (4, 21, 1), (5, 25, 0), (5, 26, 1), (20, 99, 0), (20, 101, 1)],
)
def test_as_many_count_as_the_older_carry(older: int, new: int, held: int) -> None:
    """Twenty votes, or five for each older one on the same side, if that is more; the last ones wait."""
    rows = [*burst(older, first=1, age_ms=9 * DAY_MS), *burst(new)]
    assert (BURST_VOTES, BURST_RATIO) == (20, 5)
    assert waiting(*rows) == list(range(100 + new - held, 100 + new))


def test_order_is_by_time_then_position() -> None:
    """Who voted first counts, wherever the vote stands in the log; of equal times the first in the log."""
    late = (7, 1, 1, 10)
    assert waiting(late, *burst(20, age_ms=1000)) == [7]
    assert waiting(*[(n, 1, 1, 500) for n in range(40, 18, -1)]) == [19, 20]


def test_sides_and_videos_are_apart() -> None:
    """Fifteen on each side are no burst, nor are fifteen on each of two videos; older counter-votes carry no flags."""
    assert waiting(*burst(15), *burst(15, first=200, says=NOT_AI_BIT), *burst(15, first=300, video=2)) == []
    old_counters = burst(50, first=500, says=NOT_AI_BIT, age_ms=9 * DAY_MS)
    assert waiting(*burst(22), *old_counters) == [120, 121]
    assert waiting(*burst(22, says=NOT_AI_BIT), *old_counters) == []


def test_a_hold_lapses() -> None:
    """Three days after a vote was cast it counts; then those that came later are carried by the older ones."""
    rows = burst(30, age_ms=1000)
    assert waiting(*rows, later_ms=HOLD_MS - 1001) == list(range(120, 130))
    assert waiting(*rows, later_ms=HOLD_MS - 1000) == list(range(121, 130))
    assert waiting(*rows, later_ms=HOLD_MS) == []


def test_until_says_when() -> None:
    """The time given is the one from which the vote counts at the latest."""
    cast = votes(*burst(21))  # type: ignore[arg-type]
    until = held_until(cast, standing(cast), NOBODY, NOTHING_RELEASED, now_ms=NOW_MS)
    assert until.tolist() == [0] * 20 + [NOW_MS - 980 + HOLD_MS]


def test_moderators_are_never_held_nor_a_burst() -> None:
    """Their votes carry others', as older ones do."""
    moderators = np.arange(100, 105, dtype=np.int32)
    assert waiting(*burst(25), moderators=moderators) == []
    assert waiting(*burst(31), moderators=moderators) == [130]


def test_a_release_ends_the_hold_of_what_was_cast_before() -> None:
    """Votes after the release are held as soon as they are a burst of their own, carried by those before it."""
    released = (np.array([1, 9], np.int32), np.array([31, 1000]))
    assert waiting(*burst(30), released=released) == []
    assert waiting(*burst(40, age_ms=1000), released=(np.array([1], np.int32), np.array([30]))) == []
    rows = [*burst(2, age_ms=2000), *burst(30, first=200)]
    assert waiting(*rows, released=(np.array([1], np.int32), np.array([2]))) == list(range(220, 230))
    assert waiting(*rows, released=(np.array([2], np.int32), np.array([99]))) == list(range(218, 230))


def test_saying_it_again_keeps_the_place() -> None:
    """Who names other categories, or votes again, stands where they first took this side; who turned does not."""
    again = [(100, 1, 4, 1), (101, 1, NOT_AI_BIT, 3), (101, 1, 1, 2), (102, 1, 0, 3), (102, 1, 1, 1)]
    assert waiting(*burst(22), *again) == [101, 102]


def test_retracted_votes_are_no_burst() -> None:
    """Who took the vote back does not count, and frees the place for the next."""
    assert waiting(*burst(21), (100, 1, 0, 1)) == []
    assert waiting() == []


def test_held_votes_are_counted_and_weigh_nothing() -> None:
    """The score is that of the others; the counts are those of all."""
    cast = standing(votes(*burst(20), *burst(5, first=300, says=2 | 4, age_ms=10), (9, 1, NOT_AI_BIT, 5)))  # type: ignore[arg-type]
    held = cast.voter >= 300
    voters = Voters(np.zeros(400, np.uint8), np.full(400, 0.9), np.full(400, 1.4))
    videos = Videos(np.array([1, 2], np.int32), np.array([-2.0, -1.0]), np.array([-1, -1], np.int8))
    found, without = verdicts_of(cast, held, voters, videos), verdicts_of(cast.take(~held), held[:0], voters, videos)
    assert found.score.tolist() == without.score.tolist()
    assert found.category_score.tolist() == without.category_score.tolist()
    assert (found.voters.tolist(), found.held.tolist()) == ([26, 0], [5, 0])
    assert found.votes.tolist() == [[20, 5, 5, 0, 0, 1], [0] * 6]


crowds = st.lists(
    st.tuples(
        st.integers(1, 99), st.sampled_from([1, 1, 1, 2]), st.sampled_from([1, 2, 5, 32, 0]), st.integers(0, 4 * DAY_MS)
    ),
    min_size=60,
    max_size=120,
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 7), st.integers(16, 45), st.integers(0, 9999), st.sampled_from([1, 3, 16]))
def test_one_more_flag_never_lowers_a_score(older: int, new: int, seed: int, says: int) -> None:
    """Whoever casts it, and however many are held: a vote more on a side takes nothing from it."""
    chance = np.random.default_rng(seed)
    size = older + new
    voters = Voters(
        level=chance.choice(3, size + 40, p=[0.6, 0.35, 0.05]).astype(np.uint8),
        flag_weight=chance.uniform(0, 1.7, size + 40),
        counter_weight=chance.uniform(0, 1.7, size + 40),
        proven=chance.uniform(0, 1, size + 40),
    )
    ages = [*chance.integers(3 * DAY_MS, 9 * DAY_MS, older), *-np.sort(-chance.integers(1, 3 * DAY_MS, new))]
    rows = [(1 + n, 1, 1, int(age)) for n, age in enumerate(ages)]
    rows += burst(int(chance.integers(0, 30)), first=size + 2, says=NOT_AI_BIT)  # type: ignore[arg-type]
    moderators = np.flatnonzero(voters.level == 2).astype(np.int32)
    videos = Videos(np.array([1], np.int32), np.array([-2.0]), np.array([-1], np.int8))

    def scored(*more: tuple[int, ...]) -> float:
        cast = votes(*rows, *more)  # type: ignore[arg-type]
        words = standing(cast)
        held = held_until(cast, words, moderators, NOTHING_RELEASED, now_ms=NOW_MS) > 0
        return float(verdicts_of(words, held, voters, videos).score[0])

    again = rows[int(chance.integers(0, size))][0]
    assert scored((size + 1, 1, says, 0)) >= scored() - 1e-12
    assert scored((again, 1, 1, 0)) >= scored() - 1e-12


@settings(max_examples=100, deadline=None)
@given(crowds, st.integers(0, HOLD_MS))
def test_time_only_ends_holds(rows: list[tuple[int, ...]], later_ms: int) -> None:
    """Nothing becomes held because time passes: so a tick need only look again at what is held."""
    words = standing(votes(*rows))  # type: ignore[arg-type]
    assert len(words) <= len(rows)
    cast = votes(*rows)  # type: ignore[arg-type]
    now, then = (held_until(cast, words, NOBODY, NOTHING_RELEASED, now_ms=NOW_MS + ms) > 0 for ms in (0, later_ms))
    assert not (then & ~now).any()
