"""A batch of votes enters the log whole, once, in file order."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from data.input import votefile
from data.input.votebatch import VoteBatch
from data.log import bulk, schema
from data.log.append import Appender, Decision
from data.records import Vote, hash_prefix

NOW_MS = 1_790_000_000_000
VOTES = """
    SELECT position, cast_at_ms, voter, video, categories, channel, network, voter_since_ms FROM votes ORDER BY position
"""


@pytest.fixture
def appender(tmp_path: Path) -> Iterator[Appender]:
    """A writer of an empty log."""
    schema.create(tmp_path / "votes.db", schema.LogIdentity("0" * 32, 0))
    with closing(schema.open_for_append(tmp_path / "votes.db")) as connection:
        bulk.prepare(connection)
        yield Appender(connection)


def batch(*rows: str) -> VoteBatch:
    """One batch of CSV rows with all columns."""
    text = "cast_at_ms,voter_id,video_id,category,channel_id,network,voter_since_ms\n" + "".join(
        f"{row}\n" for row in rows
    )
    (read,) = votefile.read_stream(io.BytesIO(text.encode()), "votes", NOW_MS)
    return read


def votes(appender: Appender) -> list[tuple[int, ...]]:
    """Every stored vote."""
    return appender.connection.execute(VOTES).fetchall()


def test_a_batch_is_stored_in_file_order(appender: Appender) -> None:
    """Positions follow the rows; ids get dense keys by first appearance; empty ids have key 0."""
    read = batch("7,bb,v2,fully_ai,UC,n1,3", "5,aa,v1,not_ai,,,", "9,bb,v1,,UC,n2,")
    assert bulk.append(appender, read) == bulk.Imported(stored=3, already_there=0)
    assert votes(appender) == [
        (1, 7, 1, 1, 1, 1, 1, 3),
        (2, 5, 2, 2, 32, 0, 0, 0),
        (3, 9, 1, 2, 0, 1, 2, 0),
    ]
    execute = appender.connection.execute
    assert execute("SELECT voter, voter_id FROM voters ORDER BY voter").fetchall() == [(1, "bb"), (2, "aa")]
    assert execute("SELECT channel, channel_id FROM channels").fetchall() == [(1, "UC")]
    assert execute("SELECT network, token FROM networks ORDER BY network").fetchall() == [(1, "n1"), (2, "n2")]
    assert execute("SELECT video, video_id, hash_prefix FROM videos ORDER BY video").fetchall() == [
        (1, "v2", hash_prefix("v2")), (2, "v1", hash_prefix("v1")),
    ]  # fmt: skip


def test_the_same_vote_is_stored_once(appender: Appender) -> None:
    """Voter, video, time and categories make a vote: a rerun, and a repeat in the file, store nothing."""
    read = batch("7,aa,v1,fully_ai,,,", "7,aa,v1,fully_ai,UC,n,5", "7,aa,v1,not_ai,,,")
    assert bulk.append(appender, read) == bulk.Imported(stored=2, already_there=1)
    stored = votes(appender)
    assert bulk.append(appender, read) == bulk.Imported(stored=0, already_there=3)
    assert votes(appender) == stored
    assert [row[4:6] for row in stored] == [(1, 0), (32, 0)]  # of two equals, the first in the file


def test_positions_are_one_sequence_with_single_votes_and_decisions(appender: Appender) -> None:
    """Whoever appends, the next position is free and greater."""
    with appender.transaction():
        appender.decide(Decision(1, "audit", "tests", "tests", video_id="v9", label=1))
        appender.cast(Vote(2, "cc", "v1", 1))
    bulk.append(appender, batch("7,aa,v1,fully_ai,,,", "8,cc,v1,fully_ai,,,"))
    with appender.transaction():
        appender.cast(Vote(9, "dd", "v1", 1))
    assert [row[0] for row in votes(appender)] == [2, 3, 4, 5]
    assert [row[2] for row in votes(appender)] == [1, 2, 1, 3]


def test_a_later_batch_reuses_keys(appender: Appender) -> None:
    """Ids that the log knows keep their keys, new ones go on from there."""
    bulk.append(appender, batch("1,aa,v1,fully_ai,UC,n,"))
    bulk.append(appender, batch("2,bb,v2,fully_ai,UD,m,", "2,aa,v1,fully_ai,UC,n,"))
    assert [row[2:4] + row[5:7] for row in votes(appender)] == [(1, 1, 1, 1), (2, 2, 2, 2), (1, 1, 1, 1)]


def test_an_empty_batch_changes_nothing(appender: Appender) -> None:
    """Rows that were all rejected leave no ids behind."""
    assert bulk.append(appender, batch("1,zz,v1,fully_ai,UC,n,")) == bulk.Imported(stored=0, already_there=0)
    assert appender.connection.execute("SELECT count(*) FROM videos").fetchone() == (0,)


def test_ids_of_rejected_rows_are_not_interned(appender: Appender) -> None:
    """A bad row leaves nothing in the log, not even its good ids."""
    bulk.append(appender, batch("1,zz,bad,fully_ai,BAD,bad,", "1,aa,v1,fully_ai,UC,n,"))
    execute = appender.connection.execute
    assert execute("SELECT video_id FROM videos").fetchall() == [("v1",)]
    assert execute("SELECT channel_id FROM channels").fetchall() == [("UC",)]


def test_a_failed_batch_leaves_nothing(appender: Appender) -> None:
    """A batch is stored whole or not at all."""
    appender.connection.execute(
        "CREATE TEMP TRIGGER full_disk BEFORE INSERT ON votes WHEN new.cast_at_ms = 2 "
        "BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        bulk.append(appender, batch("1,aa,v1,fully_ai,,,", "2,bb,v2,fully_ai,,,"))
    appender.connection.execute("DROP TRIGGER full_disk")
    assert votes(appender) == []
    assert bulk.append(appender, batch("3,bb,v2,fully_ai,,,")) == bulk.Imported(stored=1, already_there=0)
    assert votes(appender) == [(1, 3, 1, 1, 1, 0, 0, 0)]


def test_what_the_schema_forbids_is_an_error(appender: Appender) -> None:
    """Only a repeat is passed over: a value that breaks a CHECK is never dropped in silence."""
    good = batch("1,aa,v1,fully_ai,,,")
    good = replace(good, cast_at_ms=good.cast_at_ms - 2)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed"):
        bulk.append(appender, good)
