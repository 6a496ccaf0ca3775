"""What decisions mean: the later one wins, and today's moderators are moderators whatever the last round knew."""

from __future__ import annotations

import numpy as np

from data.columns import Decisions, Keys
from data.decisions import audits, banned, hidden, locks, moderators, released, with_locks, with_moderators
from data.score import Verdicts
from data.voters import (
    ESTABLISHED,
    MODERATOR,
    MODERATOR_WEIGHT,
    NEWCOMER,
    NEWCOMER_COUNTER,
    NEWCOMER_FLAG,
    NO_VOTERS,
    YOUNG_SHARE,
    Voters,
)

ON_VIDEOS = {"audit", "lock", "confirm_human", "unlock", "hide", "unhide", "release"}


def decisions(*rows: tuple[str, int, int]) -> Decisions:
    """Decisions from (kind, whom or what it is about, label), one after the other."""
    about = np.array([row[1] for row in rows], np.int32)
    on_video = np.array([row[0] in ON_VIDEOS for row in rows], np.bool_)
    return Decisions(
        position=np.arange(1, len(rows) + 1),
        kind=[row[0] for row in rows],
        video=np.where(on_video, about, 0).astype(np.int32),
        voter=np.where(on_video, 0, about).astype(np.int32),
        label=np.array([row[2] for row in rows], np.uint8),
        score=np.array([row[2] for row in rows], np.uint8),
    )


def keys(*numbers: int) -> Keys:
    """Keys as a column."""
    return np.array(numbers, np.int32)


LEARNED = Voters(
    level=np.array([NEWCOMER, ESTABLISHED, MODERATOR, NEWCOMER], np.uint8),
    flag_weight=np.array([0.0, 1.5, MODERATOR_WEIGHT, 0.3]),
    counter_weight=np.array([0.0, 1.1, MODERATOR_WEIGHT, 0.7]),
)


def test_the_last_audit_of_a_video_counts() -> None:
    """A video keeps the label of its newest audit; moderators' appointments are no audits."""
    found, labels = audits(
        decisions(("audit", 5, 1), ("moderator_add", 3, 0), ("audit", 2, 1), ("audit", 5, 0), ("audit", 9, 1))
    )

    assert found.tolist() == [2, 5, 9]
    assert labels.tolist() == [1, 0, 1]
    assert labels.dtype == np.int8


def test_who_was_removed_is_no_moderator_and_who_came_back_is() -> None:
    """The newest appointment or removal of a voter counts; audits of the same number do not."""
    found = moderators(
        decisions(
            ("moderator_add", 4, 0), ("moderator_add", 2, 0), ("moderator_remove", 4, 0), ("audit", 2, 1),
            ("moderator_add", 7, 0), ("moderator_remove", 7, 0), ("moderator_add", 7, 0), ("moderator_remove", 8, 0),
        )
    )  # fmt: skip

    assert found.tolist() == [2, 7]


def test_without_decisions_there_is_nothing() -> None:
    """No decisions: no audits, no moderators, and nobody's weight changes."""
    nothing = decisions()

    assert [column.tolist() for column in audits(nothing)] == [[], []]
    assert moderators(nothing).tolist() == []
    assert with_moderators(NO_VOTERS, keys()).level.tolist() == [NEWCOMER]


def test_a_new_moderator_counts_at_once() -> None:
    """Whoever is a moderator now has a moderator's weights, known to the last round or not."""
    found = with_moderators(LEARNED, keys(1, 2, 6))

    assert found.level[[1, 2, 6]].tolist() == [MODERATOR] * 3
    assert found.flag_weight[[1, 2, 6]].tolist() == [MODERATOR_WEIGHT] * 3
    assert found.counter_weight[[1, 2, 6]].tolist() == [MODERATOR_WEIGHT] * 3


def test_everybody_else_keeps_what_the_round_found() -> None:
    """Appointing one voter changes nobody else; voters that the round did not see stay newcomers of today."""
    found = with_moderators(LEARNED, keys(2, 6))

    assert (found.level[1], found.flag_weight[1], found.counter_weight[1]) == (ESTABLISHED, 1.5, 1.1)
    assert (found.level[3], found.flag_weight[3], found.counter_weight[3]) == (NEWCOMER, 0.3, 0.7)
    assert found.level[[4, 5]].tolist() == [NEWCOMER] * 2
    assert found.flag_weight[[4, 5]].tolist() == [NEWCOMER_FLAG * YOUNG_SHARE] * 2


def test_a_removed_moderator_is_a_newcomer_until_the_next_round() -> None:
    """A round that took a voter for a moderator says nothing else about them, so they start from nothing."""
    found = with_moderators(LEARNED, keys())

    assert found.level[2] == NEWCOMER
    assert found.flag_weight[2] == NEWCOMER_FLAG * YOUNG_SHARE
    assert found.counter_weight[2] == NEWCOMER_COUNTER * YOUNG_SHARE


def test_the_round_itself_is_not_changed() -> None:
    """The given voters stay as they are: they are the last round's."""
    before = LEARNED.level.copy()
    with_moderators(LEARNED, keys(1))

    assert LEARNED.level.tolist() == before.tolist()


def test_the_last_lock_stands() -> None:
    """A lock is replaced by a later one, by a confirmation, or taken back."""
    found = locks(
        decisions(
            ("lock", 1, 90),
            ("lock", 2, 80),
            ("lock", 3, 70),
            ("lock", 1, 95),
            ("unlock", 2, 0),
            ("confirm_human", 3, 0),
        )
    )

    assert (found[0].tolist(), found[1].tolist()) == ([1, 3], [95, 0])


def test_hiding_and_banning_can_be_taken_back() -> None:
    """Who is hidden or banned follows from the last word on each; the two do not touch each other."""
    decided = decisions(("hide", 1, 0), ("hide", 2, 0), ("unhide", 1, 0), ("ban", 7, 0), ("ban", 8, 0), ("unban", 8, 0))

    assert hidden(decided).tolist() == [2]
    assert banned(decided).tolist() == [7]
    assert moderators(decided).tolist() == []


def test_a_locked_video_shows_the_locked_score() -> None:
    """The categories keep their shares of the score; other videos are left alone; unknown ones do no harm."""
    verdicts = Verdicts(
        score=np.array([0.4, 0.4]),
        evidence=np.zeros(2),
        flagged=np.zeros(2),
        votes=np.zeros((2, 6), np.int64),
        voters=np.ones(2, np.int64),
        held=np.zeros(2, np.int64),
        category_score=np.array([[0.4, 0.2, 0, 0, 0], [0.4, 0.2, 0, 0, 0]]),
    )
    shown, locked = with_locks(verdicts, keys(3, 5), keys(5, 9), np.array([90, 10], np.uint8))

    assert locked.tolist() == [False, True]
    assert shown.score.tolist() == [0.4, 0.9]
    assert shown.category_score.round(9).tolist() == [[0.4, 0.2, 0, 0, 0], [0.9, 0.45, 0, 0, 0]]


def test_the_last_release_of_a_video_counts() -> None:
    """Each release is a moment: the position of the newest one says which votes are no longer held."""
    videos, positions = released(decisions(("release", 5, 0), ("hide", 2, 0), ("release", 2, 0), ("release", 5, 0)))

    assert (videos.tolist(), positions.tolist()) == ([2, 5], [3, 4])
    assert [len(column) for column in released(decisions(("lock", 1, 9)))] == [0, 0]
