"""What appending to the votes log does, and what it never does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.log import schema
from data.log.append import Appender, Decision
from tests.factories import LOG_ID, START_MS, vote, voter_id

ALL_VOTES = "SELECT position, cast_at_ms, voter, video, categories FROM votes ORDER BY position"


@pytest.fixture
def appender(tmp_path: Path) -> Iterator[Appender]:
    """An appender to an empty log."""
    path = tmp_path / "votes.db"
    schema.create(path, schema.LogIdentity(LOG_ID, START_MS))
    connection = schema.open_for_append(path)
    yield Appender(connection)
    connection.close()


def stored(appender: Appender) -> list[tuple[int, int, int, int, int]]:
    """All votes of the log."""
    return appender.connection.execute(ALL_VOTES).fetchall()


def test_change_of_mind_is_a_new_row(appender: Appender) -> None:
    """A voter's new word on a video stands beside the old one."""
    with appender.transaction():
        appender.cast(vote(1, "x", "fully_ai"))
        appender.cast(vote(1, "x", "not_ai", at_ms=START_MS + 5))

    assert stored(appender) == [(1, START_MS, 1, 1, 1), (2, START_MS + 5, 1, 1, 32)]


def test_same_word_again_appends_nothing(appender: Appender) -> None:
    """The very same vote again, even later, leaves the log as it is."""
    with appender.transaction():
        first = appender.cast(vote(1, "x", "fully_ai"))
        again = appender.cast(vote(1, "x", "fully_ai", at_ms=START_MS + 5))

    assert (first.position, again.position) == (1, None)
    assert len(stored(appender)) == 1


def test_new_channel_claim_is_a_new_word(appender: Appender) -> None:
    """The same categories with a channel that was not claimed before are stored."""
    with appender.transaction():
        appender.cast(vote(1, "x", "fully_ai"))
        appender.cast(vote(1, "x", "fully_ai", channel_id="UC1"))
        silent = appender.cast(vote(1, "x", "fully_ai"))

    assert silent.position is None
    assert appender.connection.execute("SELECT channel FROM votes").fetchall() == [(0,), (1,)]


def test_retraction_of_nothing_appends_nothing(appender: Appender) -> None:
    """Taking back what was never said, or was taken back already, stores nothing, no id either."""
    with appender.transaction():
        never = appender.cast(vote(1, "x"))
    assert (never.position, never.voter, never.video) == (None, 0, 0)
    with appender.transaction():
        appender.cast(vote(1, "x", "fully_ai"))
        appender.cast(vote(1, "x", at_ms=START_MS + 1))
        twice = appender.cast(vote(1, "x", at_ms=START_MS + 2))

    assert twice.position is None
    assert len(stored(appender)) == 2


def test_last_word_wins_when_the_clock_went_back(appender: Appender) -> None:
    """A word that comes later is later, whatever the clock says."""
    with appender.transaction():
        appender.cast(vote(1, "x", "fully_ai", at_ms=START_MS))
        appender.cast(vote(1, "x", "not_ai", at_ms=START_MS - 1000))

    assert stored(appender)[1] == (2, START_MS + 1, 1, 1, 32)


def test_failed_transaction_leaves_nothing(appender: Appender) -> None:
    """When anything fails inside a transaction, neither votes nor ids are stored, and the next one works."""

    def cast_both() -> None:
        with appender.transaction():
            appender.cast(vote(1, "x", "fully_ai"))
            appender.cast(vote(2, "y", "fully_ai", at_ms=-1))

    with pytest.raises(sqlite3.IntegrityError):
        cast_both()
    assert stored(appender) == []
    with appender.transaction():
        appender.cast(vote(3, "z", "fully_ai"))

    assert stored(appender) == [(1, START_MS, 1, 1, 1)]


def test_votes_and_decisions_share_one_sequence(appender: Appender) -> None:
    """No position is used twice, whichever of the two comes."""
    positions = []
    for n in range(3):
        with appender.transaction():
            positions.append(appender.cast(vote(n, "x", "fully_ai")).position)
            positions.append(appender.decide(Decision(START_MS, "moderator_add", "me", "why", voter_id=voter_id(n))))

    assert positions == [1, 2, 3, 4, 5, 6]


def test_rows_are_never_edited_or_deleted(appender: Appender) -> None:
    """SQLite itself refuses to change what was appended."""
    with appender.transaction():
        appender.cast(vote(1, "x", "fully_ai"))
        appender.decide(Decision(START_MS, "audit", "me", "why", video_id="x", label=1))
    for statement in (
        "UPDATE votes SET categories = 32",
        "DELETE FROM votes",
        "UPDATE decisions SET label = 0",
        "DELETE FROM decisions",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            appender.connection.execute(statement)

    assert len(stored(appender)) == 1


def test_many_processes_draw_different_positions(appender: Appender, tmp_path: Path) -> None:
    """Two appenders that take turns never draw the same position."""
    other = Appender(schema.open_for_append(tmp_path / "votes.db"))
    for n in range(5):
        for writer in (appender, other):
            with writer.transaction():
                writer.cast(vote(n, f"v{writer is other}", "fully_ai"))
    other.connection.close()

    assert [row[0] for row in stored(appender)] == list(range(1, 11))
