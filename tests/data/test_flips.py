"""Few voters who turn many videos at once turn none; whoever else agrees, and whatever is voted more, loses nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.columns import Decisions, Ints, Keys, Votes
from data.decisions import audits_and_moderators
from data.flips import FLIPS_AT_ONCE, held_since, still_held
from data.holds import DAY_MS, HOLD_MS
from data.judging import Grounds, grounds_of, ruled, said
from data.records import NOT_AI_BIT
from data.score import percent
from data.standing import HeldFlips, Standing
from data.voters import ESTABLISHED, MODERATOR, NEWCOMER, Voters
from tests.data.test_holds import NOW_MS, votes

TRUSTED, WEIGHTLESS, MODERATING = range(1, 50), range(50, 60), 60
"""Two trusted voters turn a neutral video, one does not."""
PEOPLE = 61
LEVEL = np.array([NEWCOMER] + [ESTABLISHED] * 49 + [NEWCOMER] * 10 + [MODERATOR], np.uint8)
WEIGHT = np.where(LEVEL == ESTABLISHED, 1.5, 0.0)
LEARNED = Standing(
    "", 0, NOW_MS, prior=-1.9, voters=Voters(LEVEL, WEIGHT, WEIGHT, proven=np.where(LEVEL == ESTABLISHED, 1.0, 0.0))
)
NO_DECISIONS = audits_and_moderators(np.empty(0, np.int32), np.empty(0, np.uint8), np.array([MODERATING], np.int32))
Row = tuple[int, int, int, int]


def grounds(decided: Decisions = NO_DECISIONS, flips: HeldFlips | None = None) -> Grounds:
    """What holds besides votes."""
    return grounds_of(replace(LEARNED, flips=flips or HeldFlips()), decided)


def raid(videos: range, *who: int, says: int = 1, age_ms: int = 1000) -> list[Row]:
    """One vote of each of these voters on each of these videos."""
    return [(voter, video, says, age_ms) for video in videos for voter in who]


def held(
    rows: list[Row],
    *,
    above: Keys | None = None,
    since: dict[int, int] | None = None,
    after: int = 0,
    later_ms: int = 0,
    first: bool = False,
    decided: Decisions = NO_DECISIONS,
) -> list[int]:
    """Videos whose flips are held at a tick; unless said otherwise none stood at 50 or more before."""
    found = said(votes(*rows), grounds(decided), now_ms=NOW_MS + later_ms)
    keys = found.videos.video
    was = np.isin(keys, above if above is not None else [])
    begun = np.array([(since or {}).get(int(key), 0) for key in keys], np.int64)
    now_ms = NOW_MS + later_ms
    until = held_since(found, grounds(decided), was, begun, after=after, now_ms=now_ms, first=first)
    return [int(key) for key in keys[until > 0]]


def rule(kind: str, *videos: int, position: int = 10**6) -> Decisions:
    """One decision on each of some videos."""
    made = audits_and_moderators(
        np.array(videos, np.int32), np.ones(len(videos), np.uint8), np.array([MODERATING], np.int32)
    )
    kinds = [kind] * len(videos) + ["moderator_add"]
    return replace(made, kind=kinds, position=np.full(len(videos) + 1, position), score=np.full(len(kinds), 88))


MANY = range(1, FLIPS_AT_ONCE + 2)


def test_more_than_twenty_at_once_are_held() -> None:
    """Two voters turn twenty videos, but not twenty-one; only flips count, and only those that they turned."""
    assert FLIPS_AT_ONCE == 20
    assert held(raid(MANY, 1, 2)) == list(MANY)
    assert held(raid(MANY[:-1], 1, 2)) == []
    assert held(raid(MANY, 1)) == []
    assert held([*raid(MANY, 1, 2), *raid(range(90, 92), 3, 4)]) == list(MANY)


def test_who_shares_flips_with_others_is_one_of_a_crowd() -> None:
    """What others turn as well is free, and so is what many voters turn a few videos each of."""
    assert held([*raid(MANY, 1, 2), *raid(MANY[:10], 3, 4)]) == list(MANY[10:])
    crowd = [row for video in range(1, 201) for row in raid(range(video, video + 1), 1 + video % 48, 2 + video % 48)]
    assert held(crowd) == []


def test_nobody_holds_what_others_turn() -> None:
    """A voter without weight who joins every flip changes nothing."""
    pairs = [row for n in range(40) for row in raid(range(n + 1, n + 2), 1 + n, 2 + n)]
    assert held([*pairs, *raid(range(1, 41), WEIGHTLESS[0])]) == []


def test_votes_of_old_are_no_raid() -> None:
    """What was cast more than three days ago, as imported votes were, and what the first tick finds, is not held."""
    assert held(raid(MANY, 1, 2, age_ms=HOLD_MS)) == []
    assert held(raid(MANY, 1, 2, age_ms=HOLD_MS - 1)) == list(MANY)
    assert held(raid(MANY, 1, 2), first=True) == []


def test_counter_votes_are_held_alike() -> None:
    """Videos at 50 or more that few voters counter stay there; one without a flag of weight may not."""
    old = [*raid(MANY, 10, 11, age_ms=9 * DAY_MS)]
    attack = raid(MANY, 1, 2, 3, says=NOT_AI_BIT)
    assert held([*old, *attack], above=np.array(MANY)) == list(MANY)
    assert held([*raid(MANY, WEIGHTLESS[0], age_ms=9 * DAY_MS), *attack], above=np.array(MANY)) == []


@pytest.mark.parametrize("kind", ["audit", "lock", "confirm_human", "hide"])
def test_what_was_decided_is_not_held(kind: str) -> None:
    """Nor does it count towards the twenty."""
    assert held(raid(MANY, 1, 2), decided=rule(kind, 1)) == []
    assert held(raid(range(1, 23), 1, 2), decided=rule(kind, 1)) == list(range(2, 23))


def test_a_moderator_goes_before_a_hold() -> None:
    """Where one says the same as the few, nothing is held."""
    assert held([*raid(range(1, 23), 1, 2), *raid(range(1, 2), MODERATING)]) == list(range(2, 23))


def test_a_hold_goes_on_until_it_lapses() -> None:
    """Three days after it was first seen it ends, even if votes are newer; it goes on though fewer are left."""
    since = dict.fromkeys(MANY, NOW_MS)
    assert held(raid(MANY[:3], 1, 2), since=since, later_ms=HOLD_MS - 1) == list(MANY[:3])
    assert held(raid(MANY, 1, 2, age_ms=-HOLD_MS), since=since, later_ms=HOLD_MS) == []
    assert held([], since=since) == []
    assert held(raid(MANY, 1), since=since) == []  # no flip any more


def test_who_is_held_goes_on_being_held() -> None:
    """While their flips wait, the next ones of the same voters wait too, one by one."""
    since = dict.fromkeys(MANY, NOW_MS - 1)
    assert held(raid(range(1, 23), 1, 2), since=since) == list(range(1, 23))
    assert held([*raid(MANY, 1, 2), *raid(range(40, 41), 3, 4)], since=since) == list(MANY)


def test_a_release_ends_a_hold() -> None:
    """One that is newer than the last tick; an old one does not excuse votes that were cast after it."""
    since, rows = dict.fromkeys(MANY, NOW_MS - 1), raid(MANY, 1, 2)
    assert held(rows, since=since, after=100, decided=rule("release", 1, 2, position=101)) == list(MANY[2:])
    assert held(rows, since=since, after=101, decided=rule("release", 1, 2, position=101)) == list(MANY)
    assert held(rows, decided=rule("release", *MANY, position=100)) == []
    assert held(rows, decided=rule("release", *MANY[:1], position=1)) == list(MANY)


def test_between_two_ticks() -> None:
    """What the last tick held is shown on its old side until it lapses or is released; nothing else is."""
    rows = [*raid(range(1, 4), 1, 2), *raid(range(4, 5), 10, 11)]
    flips = HeldFlips(np.array([1, 2], np.int32), np.full(2, NOW_MS - 5), np.zeros(2, np.bool_), position=100)

    def shown(decided: Decisions = NO_DECISIONS, later_ms: int = 0) -> list[bool]:
        base = grounds(decided, flips)
        found = said(votes(*rows), base, now_ms=NOW_MS + later_ms)
        since, above = still_held(found, base, now_ms=NOW_MS + later_ms)
        verdicts, _ = ruled(found, base, held=since > 0, above=above)
        return [bool(points < 50) for points in percent(verdicts.score)]

    assert shown() == [True, True, False, False]
    assert shown(later_ms=HOLD_MS - 5) == [False] * 4
    assert shown(rule("release", 2, position=101)) == [True, False, False, False]
    assert shown(rule("release", 2, position=100)) == [True, True, False, False]
    assert shown(rule("audit", 1)) == [False, True, False, False]


def published(rows: list[Row], above: Ints) -> dict[int, int]:
    """The scores of a tick, by video."""
    base = grounds()
    found = said(votes(*rows), base, now_ms=NOW_MS)
    was = np.isin(found.videos.video, above)
    since = held_since(found, base, was, np.zeros(len(was), np.int64), after=0, now_ms=NOW_MS, first=False)
    verdicts, _ = ruled(found, base, held=since > 0, above=was)
    return dict(zip(found.videos.video.tolist(), percent(verdicts.score).tolist(), strict=True))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6))
@example(286_366)
def test_one_more_vote_takes_nothing_from_its_side(seed: int) -> None:
    """Whoever casts it, also the one that makes its voter a raider."""
    chance = np.random.default_rng(seed)
    says = int(chance.choice([1, NOT_AI_BIT]))
    above = np.arange(1, 40) if says == NOT_AI_BIT else np.empty(0, np.int64)
    rows = raid(range(1, int(chance.integers(15, 24))), 1, 2, says=says)
    rows += [
        (
            int(chance.integers(1, 61)),
            int(chance.integers(1, 30)),
            int(chance.choice([says, says, 33 - says])),
            int(age),
        )
        for age in chance.integers(1, 4 * DAY_MS, 60)
    ]
    rows += raid(range(1, 30), 30, 31, age_ms=9 * DAY_MS) if says == NOT_AI_BIT else []
    voter, video = int(chance.choice(np.array([1, 1, 2, chance.integers(1, 61)]))), int(chance.integers(1, 30))
    before, then = published(rows, above), published([*rows, (voter, video, says, 0)], above)
    was = before.get(video, 13)
    assert then[video] >= was if says == 1 else then[video] <= was


def test_votes_of_nobody() -> None:
    """No votes, no flips."""
    empty: Votes = votes()
    found = said(empty, grounds(), now_ms=NOW_MS)
    assert len(still_held(found, grounds(), now_ms=NOW_MS)[0]) == 0
    assert held([]) == []
