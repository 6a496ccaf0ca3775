"""A log of every earlier version is brought up to date with all that it holds, in steps that happen whole or not."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from data.log import schema
from data.log.append import Appender
from data.log.schema import LogError
from data.records import Vote
from tests.factories import LOG_ID, START_MS, voter_id
from tests.homes import CommandLine, new_home

FIRST_DATA = f"""
    INSERT INTO log_identity VALUES ('{LOG_ID}', {START_MS});
    INSERT INTO voters VALUES (1, '{voter_id(1)}'), (2, '{voter_id(2)}'), (5, '{voter_id(5)}');
    INSERT INTO videos VALUES (1, 'dQw4w9WgXcQ', 1600881545), (2, '-abc_efgh-k', 7);
    INSERT INTO channels VALUES (1, 'UCuAXFkgsw1L7xaCfnd5JJOw');
    INSERT INTO networks VALUES (1, 'net-1');
    INSERT INTO votes VALUES
        (1, {START_MS}, 1, 1, 1, 1, 1, 0), (2, {START_MS}, 2, 1, 32, 0, 0, 0), (4, {START_MS + 5}, 1, 1, 0, 0, 1, 0),
        (5, {START_MS + 9}, 5, 2, 12, 0, 0, {START_MS - 9});
    INSERT INTO decisions VALUES (3, {START_MS}, 'audit', 1, 0, 1, 0, 'anna', 'seen'),
        (6, {START_MS}, 'ban', 0, 5, 0, 0, 'anna', 'spam');
"""
"""What a log of the first version may hold: gaps, a retraction, a mask of two, decisions among the votes."""
FIRST_TABLES = ("log_identity", "voters", "videos", "channels", "networks", "votes", "decisions")
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
VERSIONS = sorted(schema._numbered_ddl())
OPEN = "import sys; from pathlib import Path; from data.log import schema; schema.open_for_append(Path(sys.argv[1]))"


def log_of_version(path: Path, version: int) -> Path:
    """A log as an earlier version left it: with data from the first one on."""
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        for number, ddl in sorted(schema._numbered_ddl().items()):
            if number <= version:
                log.executescript(ddl)
            if number == 1:
                log.executescript(FIRST_DATA)
        log.execute(f"PRAGMA user_version = {version}")
    return path


def held(log: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """What the tables of the first version hold."""
    return {table: log.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in FIRST_TABLES}


def with_more(monkeypatch: pytest.MonkeyPatch, *ddl: str) -> int:
    """Adds numbered files after the newest; gives the newest number there was."""
    files, newest = schema._numbered_ddl(), max(VERSIONS)
    more = dict(enumerate(ddl, newest + 1))
    monkeypatch.setattr(schema, "_numbered_ddl", lambda: files | more)
    return newest


def test_the_numbers_have_no_gap() -> None:
    """Files are numbered from 1, so that a log's version says all that it has seen."""
    assert list(range(1, len(VERSIONS) + 1)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    """From each version on: nothing that it held is lost or changed, and its schema is that of a new log."""
    path = log_of_version(tmp_path / "votes.db", version)
    schema.create(tmp_path / "new.db", schema.LogIdentity(LOG_ID, START_MS))
    with closing(sqlite3.connect(path)) as log:
        before = held(log)
    assert all(before.values())
    with closing(schema.open_for_append(path)) as log, closing(sqlite3.connect(tmp_path / "new.db")) as new:
        assert schema.version(log) == schema.newest_version() == max(VERSIONS)
        assert held(log) == before
        assert log.execute(SCHEMA).fetchall() == new.execute(SCHEMA).fetchall()
        assert log.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        appender = Appender(log)
        with appender.transaction():
            assert appender.cast(Vote(START_MS, voter_id(9), "dQw4w9WgXcQ", 1)).position == 7


def test_each_step_happens_whole_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails in its middle leaves the log as the step before made it, and usable; mended, it goes on."""
    path = log_of_version(tmp_path / "votes.db", max(VERSIONS))
    newest = with_more(
        monkeypatch,
        "ALTER TABLE voters ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';",
        "CREATE TABLE half (x INTEGER) STRICT;\nINSERT INTO nowhere VALUES (1);",
    )
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        schema.open_for_append(path)
    with closing(sqlite3.connect(path)) as log:
        assert schema.version(log) == newest + 1
        assert log.execute("SELECT DISTINCT colour FROM voters").fetchall() == [("blue",)]
        assert log.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").fetchone() == (0,)
        monkeypatch.undo()
        with_more(monkeypatch, "SELECT 1;", "CREATE TABLE half (x INTEGER) STRICT;")
        assert schema.migrate(log) == [newest + 2]
        assert len(held(log)["votes"]) == 4


def test_two_processes_at_once_apply_each_step_once(tmp_path: Path) -> None:
    """Opened by several processes at the same moment, an old log is brought up to date once, and all can use it."""
    path = log_of_version(tmp_path / "votes.db", 1)
    processes = [subprocess.Popen([sys.executable, "-c", OPEN, path], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in processes] == [(b"", 0)] * 4

    with closing(sqlite3.connect(path)) as log:
        assert schema.version(log) == max(VERSIONS)
        assert len(held(log)["votes"]) == 4


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """A home whose log a newer version has written."""
    home = new_home(tmp_path)
    with closing(sqlite3.connect(home.home.votes_log)) as log:
        log.execute("PRAGMA user_version = 99")
    return home


@pytest.mark.parametrize("command", ["serve", "import-votes votes.csv", "audit labels.csv", "ban ab --reason spam"])
def test_every_command_that_writes_refuses_a_newer_log(line: CommandLine, tmp_path: Path, command: str) -> None:
    """One line says that this RealTube is too old, and the log is left as it is."""
    (tmp_path / "votes.csv").write_text("cast_at_ms,voter_id,video_id,category\n1,ab,x,fully_ai\n")
    (tmp_path / "labels.csv").write_text("video_id,label\nx,1\n")
    name, *rest = command.split()
    arguments = [str(tmp_path / part) if part.endswith(".csv") else part for part in rest]
    said = line.run(name, *arguments, exit_code=1).stderr

    assert f"newer (schema 99) than this RealTube (schema {max(VERSIONS)}): upgrade it" in said
    assert line.rows("SELECT count(*) FROM votes") == [(0,)]
    assert line.rows("PRAGMA user_version") == [(99,)]


def test_doctor_shows_the_version(line: CommandLine) -> None:
    """The log's version stands beside this RealTube's, with what to do."""
    findings = {finding["name"]: finding for finding in line.facts("doctor", exit_code=1)}
    assert findings["schema"]["found"] == f"version 99, this RealTube has {max(VERSIONS)}"
    assert findings["schema"]["advice"] == "upgrade this RealTube"


def test_a_newer_backup_is_refused(line: CommandLine, tmp_path: Path) -> None:
    """A backup of a newer version is no log for this one."""
    backup = tmp_path / "newer.db"
    backup.write_bytes(line.home.votes_log.read_bytes())
    said = line.run("restore", "--replace", backup, exit_code=1).stderr

    assert "newer (schema 99)" in said
    with pytest.raises(LogError, match="upgrade it"):
        schema.open_for_append(backup)
