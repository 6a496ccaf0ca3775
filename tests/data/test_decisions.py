"""What decisions mean: the later one wins, and today's moderators are moderators whatever the last round knew."""

from __future__ import annotations

import numpy as np

from data.columns import Keys
from data.decisions import audits, moderators, with_moderators
from data.log.read import Decisions
from data.score import (
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


def decisions(*rows: tuple[str, int, int]) -> Decisions:
    """Decisions from (kind, whom or what it is about, label), one after the other."""
    about = np.array([row[1] for row in rows], np.int32)
    is_audit = np.array([row[0] == "audit" for row in rows], np.bool_)
    return Decisions(
        position=np.arange(1, len(rows) + 1),
        kind=[row[0] for row in rows],
        video=np.where(is_audit, about, 0).astype(np.int32),
        voter=np.where(is_audit, 0, about).astype(np.int32),
        label=np.array([row[2] for row in rows], np.uint8),
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
