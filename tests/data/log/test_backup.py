"""A backup is the whole log of one moment or nothing; a restore puts it in place or changes nothing."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from data.log import backup, schema
from data.log.append import Appender
from data.log.backup import BackupError, LogInUse, back_up, restore
from data.log.schema import LogError
from data.records import Vote
from tests.factories import LOG_ID, START_MS, voter_id

ALL_VOTES = "SELECT * FROM votes ORDER BY position"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with two hundred votes."""
    path = tmp_path / "home" / "votes.db"
    path.parent.mkdir()
    schema.create(path, schema.LogIdentity(LOG_ID, START_MS))
    cast(path, range(200))
    return path


def cast(path: Path, numbers: range) -> None:
    """Appends votes in one commit."""
    with closing(schema.open_for_append(path)) as connection:
        appender = Appender(connection)
        with appender.transaction():
            appender.cast_all([Vote(START_MS, voter_id(n), f"v{n % 40}", 1, network="n" * 64) for n in numbers])


def rows(path: Path, query: str = ALL_VOTES) -> list[tuple[object, ...]]:
    """What a log holds."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def damage(path: Path) -> None:
    """Overwrites a page of the networks, which nothing but a check of the whole reads."""
    ((page,),) = rows(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'networks'")
    with path.open("r+b") as file:
        file.seek(4096 * (int(str(page)) - 1))
        file.write(b"\xa5" * 2000)


def names(directory: Path) -> set[str]:
    """What a directory holds."""
    return {path.name for path in directory.iterdir()}


@contextmanager
def voting(path: Path) -> Iterator[None]:
    """Somebody votes all the while, in many small commits."""
    stop, began = threading.Event(), threading.Event()

    def vote() -> None:
        number = 10_000
        while not stop.is_set():
            cast(path, range(number, number + 5))
            number += 5
            began.set()

    thread = threading.Thread(target=vote)
    thread.start()
    try:
        assert began.wait(10)
        yield
    finally:
        stop.set()
        thread.join()


def test_a_backup_is_the_log_of_one_moment_while_votes_arrive(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copied page by page among commits: all positions up to its last one are in it, none twice, none later."""
    monkeypatch.setattr(backup, "STEP_PAGES", 1)
    steps: list[tuple[int, int]] = []
    with voting(log):
        copied = back_up(log, tmp_path / "copy.db", lambda done, total: steps.append((done, total)))

    assert [row[0] for row in rows(tmp_path / "copy.db")] == list(range(1, copied.last_position + 1))
    assert rows(tmp_path / "copy.db") == rows(log)[: copied.last_position]
    assert len(rows(log)) > copied.last_position
    assert (copied.log_id, copied.bytes) == (LOG_ID, (tmp_path / "copy.db").stat().st_size)
    assert [done for done, _ in steps] == list(range(1, len(steps) + 1))
    assert steps[-1][0] == steps[-1][1]


def test_a_backup_is_one_private_file(log: Path, tmp_path: Path) -> None:
    """Nothing is left beside it, others cannot read it, and it opens without the log's other files."""
    target = tmp_path / "copies" / "copy.db"
    target.parent.mkdir()
    with closing(schema.open_for_append(log)):
        back_up(log, target)

    assert names(target.parent) == {"copy.db"}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert rows(target, "PRAGMA journal_mode") == [("delete",)]


def test_a_backup_never_writes_over_a_file(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is there, or comes while the copy is made, stays as it is."""
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(BackupError, match="is there already"):
        back_up(log, target)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    with pytest.raises(BackupError, match="made meanwhile"):
        back_up(log, target)

    assert target.read_text() == "mine"
    assert names(tmp_path) == {"home", "copy.db"}


def test_a_backup_that_cannot_be_written_says_why(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing directory, and a disk that fills while the copy is flushed, leave nothing behind."""
    with pytest.raises(BackupError, match=r"cannot be written \(No such file or directory\)"):
        back_up(log, tmp_path / "nowhere" / "copy.db")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BackupError, match="No space left on device"):
        back_up(log, tmp_path / "copy.db")
    assert names(tmp_path) == {"home"}


def test_a_damaged_log_makes_no_backup(log: Path, tmp_path: Path) -> None:
    """Damage in a page that nobody asked for is found before the copy gets its name."""
    damage(log)
    with pytest.raises(BackupError, match="is damaged"):
        back_up(log, tmp_path / "copy.db")

    assert names(tmp_path) == {"home"}


def test_a_restored_log_is_the_backup(log: Path, tmp_path: Path) -> None:
    """In a new home, byte for byte of its votes, and it takes new ones."""
    target, elsewhere = tmp_path / "copy.db", tmp_path / "new"
    back_up(log, target)
    elsewhere.mkdir()
    copied = restore(target, elsewhere / "votes.db")
    assert rows(elsewhere / "votes.db") == rows(log)
    assert (copied.log_id, copied.last_position) == (LOG_ID, 200)
    cast(elsewhere / "votes.db", range(500, 501))

    assert len(rows(elsewhere / "votes.db")) == 201
    assert names(elsewhere) == {"votes.db"}
    assert len(rows(target)) == 200, "the backup itself stays as it is"


def test_a_log_that_is_there_stays_unless_it_is_to_be_replaced(log: Path, tmp_path: Path) -> None:
    """Without a name for it nothing is changed; with one it is kept whole under that name, its last votes included."""
    target = tmp_path / "copy.db"
    back_up(log, target)
    cast(log, range(300, 310))
    with pytest.raises(BackupError, match="--replace"):
        restore(target, log)
    assert len(rows(log)) == 210
    restore(target, log, aside=".old")

    assert len(rows(log)) == 200
    assert len(rows(log.with_name("votes.db.old"))) == 210
    assert names(log.parent) == {"votes.db", "votes.db.old"}
    with pytest.raises(BackupError, match=r"votes\.db\.old is there already"):
        restore(target, log, aside=".old")


def test_a_log_in_use_is_never_replaced(log: Path, tmp_path: Path) -> None:
    """As long as another connection has the log open, even one that does nothing, nothing is changed."""
    target = tmp_path / "copy.db"
    back_up(log, target)
    for opened in (schema.open_for_append, schema.open_for_reading):
        with closing(opened(log)) as other:
            other.execute("SELECT count(*) FROM votes").fetchone()
            with pytest.raises(LogInUse, match="stop `realtube serve`"):
                restore(target, log, aside=".old")
            cast(log, range(400, 401))
    assert {name for name in names(log.parent) if not name.endswith(("-wal", "-shm"))} == {"votes.db"}
    assert len(rows(log)) == 201


def test_what_is_no_whole_log_is_never_put_in_place(log: Path, tmp_path: Path) -> None:
    """A missing file, another file, a damaged one, one cut short, one of a newer version: nothing is changed."""
    whole = tmp_path / "whole.db"
    back_up(log, whole)
    bad = tmp_path / "bad.db"
    with pytest.raises(LogError, match="there is no votes log"):
        restore(bad, log, aside=".old")
    for body in (b"some text " * 900, whole.read_bytes()[: 4096 * 11]):
        bad.write_bytes(body)
        with pytest.raises(LogError, match="cannot be read as a votes log"):
            restore(bad, log, aside=".old")
    bad.write_bytes(whole.read_bytes())
    damage(bad)
    with pytest.raises(BackupError, match="is damaged"):
        restore(bad, log, aside=".old")
    with closing(sqlite3.connect(whole)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(LogError, match=r"newer \(schema 99\) than this RealTube: upgrade it"):
        restore(whole, log, aside=".old")

    assert len(rows(log)) == 200
    assert names(log.parent) == {"votes.db"}


def test_a_damaged_log_is_kept_aside_whole(log: Path, tmp_path: Path) -> None:
    """What a backup is wanted for: a log that cannot even be opened is moved with all its files, and replaced."""
    target = tmp_path / "copy.db"
    back_up(log, target)
    log.write_bytes(b"broken" * 1000)
    log.with_name("votes.db-wal").write_bytes(b"also broken")
    restore(target, log, aside=".old")

    assert len(rows(log)) == 200
    assert names(log.parent) - {"votes.db.old-shm"} == {"votes.db", "votes.db.old", "votes.db.old-wal"}
    assert log.with_name("votes.db.old").read_bytes() == b"broken" * 1000


def test_the_log_itself_is_no_backup(log: Path) -> None:
    """A log is not restored from itself."""
    with pytest.raises(BackupError, match="the votes log itself"):
        restore(log, log, aside=".old")
