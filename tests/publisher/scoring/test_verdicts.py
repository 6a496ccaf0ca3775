"""The verdict table: what changes, what enters, what leaves."""

from __future__ import annotations

import numpy as np
import pytest

from data.formats.rows import id_column
from data.score import Verdicts
from publisher.scoring.verdicts import Judged, VerdictTable, empty, judge

MINIMUM = 20


def entered(table: VerdictTable, score: float, *, voters: int = 3, at_ms: int = 1) -> tuple[VerdictTable, list[int]]:
    """Enters a verdict of video 1, led by fully_ai, with ai_visuals at half and ai_voiceover just below."""
    verdicts = Verdicts(
        score=np.array([score]),
        evidence=np.array([1.26]),
        flagged=np.array([1.26]),
        votes=np.array([[voters, 1, 1, 0, 0, 0]]),
        voters=np.array([voters]),
        held=np.array([0]),
        category_score=np.array([[score, score * 0.49, score * 0.5, 0.0, 0.0]]),
    )
    one = np.array([1], np.int32)
    no, never = np.array([False]), np.zeros(1, np.int64)
    found = Judged(one, verdicts, np.array([0], np.int32), locked=no, unflagged=no, hidden=no, flip_held_ms=never)
    table, changed = judge(table, found, minimum=MINIMUM, now_ms=at_ms)
    return table, changed.tolist()


@pytest.mark.parametrize(
    ("scores", "published"),
    [
        ([0.194], [False]),
        ([0.195], [True]),
        ([0.20, 0.17], [True, True]),
        ([0.20, 0.165], [True, True]),
        ([0.20, 0.164], [True, False]),
        ([0.20, 0.16, 0.19], [True, False, False]),
    ],
)
def test_hysteresis(scores: list[float], published: list[bool]) -> None:
    """A video enters at the minimum and leaves below the minimum - 3, by the published integer score."""
    table, found = empty(2), []
    for score in scores:
        table, _ = entered(table, score)
        found.append(bool(table.published[1]))

    assert found == published


def test_without_votes_nothing_is_published() -> None:
    """A video whose votes were all taken back leaves, whatever its prior says."""
    table, _ = entered(empty(2), 0.9)
    table, changed = entered(table, 0.9, voters=0)

    assert changed == [1]
    assert (bool(table.published[1]), int(table.score[1])) == (False, 0)


def test_unchanged_verdict_is_no_change() -> None:
    """The same public numbers again change nothing, not even the time."""
    table, first = entered(empty(2), 0.5, at_ms=10)
    table, second = entered(table, 0.501, at_ms=20)

    assert (first, second) == ([1], [])
    assert int(table.changed_ms[1]) == 10


def test_flags_are_categories_at_half_of_the_leader() -> None:
    """A category's flag stands when its score is at least half of the leading one's."""
    table, _ = entered(empty(2), 0.80)
    _, rows = table.rows(id_column(["", "x"]))

    assert rows.flags.tolist() == [1 + 4]
    assert rows.scores.tolist() == [80]


def test_judging_leaves_the_old_table_alone() -> None:
    """The table before stays what it was: a run that fails after scoring has changed nothing."""
    before = empty(2)
    entered(before, 0.9)

    assert not before.published.any()
    assert not before.score.any()
