"""Moderators' decisions: the later one wins, and each can be taken back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data import decisions as rulings
from data.columns import standing
from data.log import schema
from data.log.append import Appender, Decision
from data.log.read import Decisions, open_columns
from data.log.schema import LogIdentity
from data.score import NO_VOTERS, Videos, score
from tests.publisher.scoring.crowds import votes


def _decisions(rows: list[tuple[str, int, int, int]]) -> Decisions:
    return Decisions(
        position=np.arange(1, len(rows) + 1, dtype=np.int64),
        kind=[row[0] for row in rows],
        video=np.array([row[1] for row in rows], np.int32),
        voter=np.array([row[2] for row in rows], np.int32),
        label=np.zeros(len(rows), np.uint8),
        score=np.array([row[3] for row in rows], np.uint8),
    )


def test_a_lock_fixes_a_score_until_it_is_taken_back() -> None:
    """Lock, then confirm human, then unlock: each replaces what stood before."""
    decided = _decisions([("lock", 1, 0, 90), ("lock", 2, 0, 70), ("confirm_human", 3, 0, 0), ("unlock", 2, 0, 0)])
    keys, scores = rulings.locks(decided)
    assert keys.tolist() == [1, 3]
    assert scores.tolist() == [0.9, 0.01]


def test_locked_categories_follow_the_score() -> None:
    """The leading category carries the fixed score."""
    words = standing(votes([(1, 1, 1), (2, 2, 2)]))
    videos = np.array([1, 2], np.int32)
    found = score(words, NO_VOTERS, Videos(videos, np.full(2, -2.0), np.full(2, -1, np.int8)))
    fixed, locked = rulings.with_locks(found, videos, _decisions([("lock", 2, 0, 80)]))
    assert locked.tolist() == [False, True]
    assert fixed.score.tolist() == [found.score[0], 0.8]
    assert fixed.category_score[1].max() == pytest.approx(0.8)


def test_hidden_and_banned_can_be_taken_back() -> None:
    """Only the last word of each pair counts."""
    decided = _decisions([("hide", 5, 0, 0), ("ban", 0, 4, 0), ("ban", 0, 9, 0), ("unban", 0, 4, 0), ("hide", 6, 0, 0)])
    assert rulings.hidden(decided).tolist() == [5, 6]
    assert rulings.banned(decided).tolist() == [9]


def test_a_banned_voters_votes_weigh_nothing() -> None:
    """They are counted, and move nothing."""
    words = standing(votes([(7, 1, 1), (8, 1, 1)]))
    videos = Videos(np.array([1], np.int32), np.array([-2.0]), np.array([-1], np.int8))
    silent = score(words, rulings.with_bans(NO_VOTERS, np.array([7, 8], np.int32)), videos)
    assert silent.evidence[0] == 0.0
    assert silent.voters[0] == 2


def test_decisions_of_every_kind_come_back_from_the_log(tmp_path: Path) -> None:
    """The migrated table takes them, keeps them, and still refuses to forget."""
    path = tmp_path / "votes.sqlite"
    schema.create(path, LogIdentity("0" * 32, 1))
    connection = schema.open_for_append(path)
    appender = Appender(connection)
    with appender.transaction():
        appender.decide(Decision(1, "lock", "me", "seen", video_id="v", score=77))
        appender.decide(Decision(2, "ban", "me", "spam", voter_id="aa"))
    with open_columns(path) as log:
        found = log.decisions(2)
    assert found.kind == ["lock", "ban"]
    assert found.score is not None
    assert found.score.tolist() == [77, 0]
    with pytest.raises(Exception, match="append-only"):
        connection.execute("DELETE FROM decisions")
    connection.close()
