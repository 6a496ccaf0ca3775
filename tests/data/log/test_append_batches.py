"""A batch of votes leaves the log as the same votes one by one do, in few statements, whatever others wrote before."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from data.log import interning, schema
from data.log.append import Appended, Appender
from data.records import RETRACTION, Vote
from tests.factories import LOG_ID, START_MS, voter_id

TABLES = ("votes", "voters", "videos", "channels", "networks")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An empty log."""
    path = tmp_path / "votes.db"
    schema.create(path, schema.LogIdentity(LOG_ID, START_MS))
    with closing(schema.open_for_append(path)) as connection:
        yield connection


def rows(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """All that the log holds."""
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}


def some_votes(chance: random.Random, count: int) -> list[Vote]:
    """Votes of few voters on few videos: repeats, changes of mind, retractions, clocks that go back."""
    return [
        Vote(
            START_MS + chance.randrange(50),
            voter_id(chance.randrange(6)),
            f"v{chance.randrange(4)}",
            chance.choice((RETRACTION, 1, 1, 3, 32)),
            channel_id=chance.choice(("", "", "UC1", "UC2")),
            network=chance.choice(("", "n1", "n2")),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("memory", [0, 200_000])
def test_a_batch_is_worth_its_votes_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, memory: int
) -> None:
    """Rows, keys, positions and what each vote is told are the same, even when nothing is remembered."""
    monkeypatch.setattr(interning, "LONGEST_MEMORY", memory)
    votes = some_votes(random.Random(seed), 120)
    found: list[tuple[list[Appended], dict[str, list[tuple[object, ...]]]]] = []
    for size in (1, 7, 120):
        path = tmp_path / f"{size}.db"
        schema.create(path, schema.LogIdentity(LOG_ID, START_MS))
        with closing(schema.open_for_append(path)) as connection:
            appender, appended = Appender(connection), []
            for first in range(0, len(votes), size):
                with appender.transaction():
                    appended += appender.cast_all(votes[first : first + size])
            found.append((appended, rows(connection)))

    assert found[0] == found[1] == found[2]
    assert {done.position is None for done in found[0][0]} == {True, False}


def test_a_batch_takes_few_statements(log: sqlite3.Connection) -> None:
    """How many statements a batch of known voters takes does not grow with it: each one may cost a wait for others."""
    appender = Appender(log)
    with appender.transaction():
        appender.cast_all([Vote(START_MS, voter_id(n), "v", 1) for n in range(100)])
    said: list[str] = []
    log.set_trace_callback(said.append)
    with appender.transaction():
        appender.cast_all([Vote(START_MS + 9, voter_id(n), "v", 32) for n in range(100)])
    log.set_trace_callback(None)

    assert sum("INSERT" not in statement for statement in said) <= 6


def test_what_others_wrote_between_is_seen(log: sqlite3.Connection, tmp_path: Path) -> None:
    """Keys that another process drew, and rows that it erased, are not taken from memory."""
    appender = Appender(log)
    with appender.transaction():
        appender.cast(Vote(START_MS, voter_id(1), "a", 1))
    with closing(schema.open_for_append(tmp_path / "votes.db")) as other:
        elsewhere = Appender(other)
        with elsewhere.transaction():
            elsewhere.cast(Vote(START_MS, voter_id(2), "b", 1))
        other.execute("DELETE FROM voters WHERE voter_id = ?", (voter_id(1),))
    with appender.transaction():
        again, new = appender.cast_all([Vote(START_MS, voter_id(1), "b", 1), Vote(START_MS, voter_id(3), "b", 1)])

    assert dict(log.execute("SELECT voter, voter_id FROM voters").fetchall()) == {
        2: voter_id(2), 3: voter_id(1), 4: voter_id(3)
    }  # fmt: skip
    assert (again.voter, new.voter) == (3, 4)
    assert (again.video, new.video) == (2, 2)


def test_a_failed_batch_forgets_its_keys(log: sqlite3.Connection) -> None:
    """Keys drawn in a transaction that came to nothing are drawn again."""
    appender = Appender(log)
    with pytest.raises(sqlite3.IntegrityError), appender.transaction():
        appender.cast_all([Vote(START_MS, voter_id(1), "a", 1, network="n"), Vote(START_MS, voter_id(2), "a", 99)])
    assert all(not found for found in rows(log).values())
    with appender.transaction():
        done = appender.cast(Vote(START_MS, voter_id(2), "b", 1))

    assert (done.video, done.voter, done.position) == (1, 1, 1)
    assert log.execute("SELECT voter_id FROM voters").fetchall() == [(voter_id(2),)]
