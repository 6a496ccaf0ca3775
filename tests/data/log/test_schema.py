"""The votes log is created whole, opens only as what it is, and is append-only."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from data.log import schema
from data.log.append import Appender
from data.log.schema import LogError, LogIdentity
from data.records import Vote

IDENTITY = LogIdentity("ab" * 16, 1_790_000_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty votes log."""
    schema.create(tmp_path / "votes.db", IDENTITY)
    return tmp_path / "votes.db"


def test_a_new_log_knows_who_it_is(path: Path) -> None:
    """Identity and schema version can be read back, and only the owner may read the file."""
    with closing(schema.open_for_reading(path)) as connection:
        assert schema.identity(connection) == IDENTITY
        assert schema.version(connection) == schema.newest_version() == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == ["votes.db"]


def test_an_existing_log_is_never_created_over(path: Path) -> None:
    """Creating twice fails and leaves the first."""
    with pytest.raises(FileExistsError):
        schema.create(path, LogIdentity("cd" * 16, 0))
    with closing(schema.open_for_reading(path)) as connection:
        assert schema.identity(connection) == IDENTITY


def test_what_an_interrupted_creation_left_is_replaced(tmp_path: Path) -> None:
    """A half-written file beside the log is not the log."""
    (tmp_path / "votes.db.new").write_bytes(b"half")
    schema.create(tmp_path / "votes.db", IDENTITY)
    with closing(schema.open_for_reading(tmp_path / "votes.db")) as connection:
        assert schema.identity(connection) == IDENTITY


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no votes log at .*: run `realtube init`"),
        (b"", "is not a votes log"),
        (b"not a database, and long enough to be looked at" * 40, "cannot be read as a votes log"),
    ],
)
@pytest.mark.parametrize("opened", [schema.open_for_append, schema.open_for_reading])
def test_another_file_is_no_votes_log(tmp_path: Path, content: bytes | None, message: str, opened: object) -> None:
    """The message says what is wrong and what to do."""
    path = tmp_path / "votes.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LogError, match=message):
        opened(path)  # type: ignore[operator]


def test_a_log_of_a_newer_version_is_left_alone(path: Path) -> None:
    """An old program must not write into a schema that it does not know."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9999")
    with pytest.raises(LogError, match=r"newer \(schema 9999\)"):
        schema.open_for_append(path)


def test_migrating_twice_changes_nothing(path: Path) -> None:
    """A log that is up to date has nothing to apply."""
    with closing(schema.open_for_append(path)) as connection:
        assert schema.migrate(connection) == []


@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ("UPDATE votes SET categories = 32", "append a new vote"),
        ("DELETE FROM votes", "append a retraction"),
        ("UPDATE decisions SET label = 1", "append a new decision"),
        ("DELETE FROM decisions", "append a new decision"),
    ],
)
def test_the_log_is_append_only(path: Path, statement: str, advice: str) -> None:
    """Invariant 2: no row is edited or deleted, and the message says what to do instead."""
    with closing(schema.open_for_append(path)) as connection:
        appender = Appender(connection)
        with appender.transaction():
            appender.cast(Vote(5, "aa", "v1", 1))
        connection.execute(
            "INSERT INTO decisions (position, decided_at_ms, kind, actor, reason) VALUES (2, 0, 'audit', '', '')"
        )
        with pytest.raises(sqlite3.IntegrityError, match=advice):
            connection.execute(statement)


def test_a_reader_cannot_write(path: Path) -> None:
    """Invariant 4: whatever reads the log is opened so that it cannot change it."""
    with (
        closing(schema.open_for_reading(path)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly database"),
    ):
        connection.execute("INSERT INTO voters (voter_id) VALUES ('aa')")


def test_a_commit_survives_a_power_cut(path: Path) -> None:
    """Invariant 1 rests on WAL with synchronous=FULL (2)."""
    with closing(schema.open_for_append(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO votes (position, cast_at_ms, voter, video, categories) VALUES (0, 0, 1, 1, 1)",
        "INSERT INTO votes (position, cast_at_ms, voter, video, categories) VALUES (1, -1, 1, 1, 1)",
        "INSERT INTO votes (position, cast_at_ms, voter, video, categories) VALUES (1, 253402300800000, 1, 1, 1)",
        "INSERT INTO votes (position, cast_at_ms, voter, video, categories) VALUES (1, 0, 1, 1, 33)",
        "INSERT INTO votes (position, cast_at_ms, voter, video, categories) VALUES (1, 0, 1, 1, -1)",
        "INSERT INTO votes (position, cast_at_ms, voter, video, categories) VALUES (1, 'x', 1, 1, 1)",
        "INSERT INTO voters (voter_id) VALUES ('')",
        "INSERT INTO videos (video_id, hash_prefix) VALUES ('aaaaaaaaaaaaaaaaa', 0)",
        "INSERT INTO decisions (position, decided_at_ms, kind, actor, reason) VALUES (1, 0, 'pardon', '', '')",
        "INSERT INTO decisions (position, decided_at_ms, kind, label, actor, reason) VALUES (1, 0, 'audit', 2, '', '')",
    ],
)
def test_the_schema_refuses_what_no_vote_can_be(path: Path, statement: str) -> None:
    """The table is the last guard: what code lets through by mistake does not enter."""
    with closing(schema.open_for_append(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)


def test_every_column_is_described() -> None:
    """The DDL explains each column in a comment beside it."""
    for ddl_file, count in (("0001_votes_log.sql", 28), ("0002_idempotency.sql", 5)):
        ddl = Path(schema.__file__).with_name(ddl_file).read_text()
        columns = [line for line in ddl.splitlines() if line.startswith("  ") and line.strip()[0].islower()]
        assert len(columns) == count
        assert [line.split()[0] for line in columns if "--" not in line] in ([], ["kind"])  # its CHECK says it all


def test_a_log_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    """Its votes stay, and each later file is applied once, in order."""
    with closing(schema.open_for_append(path)) as connection:
        appender = Appender(connection)
        with appender.transaction():
            appender.cast(Vote(5, "aa", "v1", 1))
        later = "DROP TABLE replies; DROP INDEX votes_by_voter; DROP TABLE tokens; DROP TABLE appeals;"
        connection.executescript(f"{later} DROP TABLE pseudonym_key; PRAGMA user_version = 1")
    with closing(schema.open_for_reading(path)) as connection:
        assert schema.version(connection) == 1
    with closing(schema.open_for_append(path)) as connection:
        assert schema.version(connection) == schema.newest_version()
        assert connection.execute("SELECT count(*) FROM votes").fetchone() == (1,)
        plan = connection.execute("EXPLAIN QUERY PLAN SELECT * FROM votes WHERE voter = 1").fetchone()
        assert "votes_by_voter" in plan[3]
        assert connection.execute("SELECT count(*) FROM replies").fetchone() == (0,)
