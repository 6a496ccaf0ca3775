"""Copies a votes log while votes arrive, and puts a copy back in a log's place; both whole or not at all."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from data.log import schema
from data.log.lookup import last_position
from data.log.schema import LogError

STEP_PAGES = 2_048
"""Pages between two reports of progress; another program's writes never wait for a copy."""
BESIDE = ("", "-wal", "-shm")
"""A log's files."""
Progress = Callable[[int, int], object]
"""Told how many pages are copied, of how many."""


class BackupError(Exception):
    """The copy was not made or not put in place; what was there before is as it was."""


class LogInUse(BackupError):
    """Another process has the log open."""

    exit_code = 75


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of a log, checked."""

    log_id: str
    last_position: int
    """Everything up to here is in it."""
    schema_version: int
    bytes: int


def silent(_done: int, _total: int) -> None:
    """Tells nobody how far a copy is."""


def back_up(log: Path, target: Path, progress: Progress = silent) -> Copied:
    """Copies a log as it is at this moment, while others read and write it.

    Args:
        log: The votes log.
        target: Where the copy goes; must not be there.
        progress: See `Progress`.

    Raises:
        BackupError: There is a file at the target, it cannot be written, or the copy is not whole; no copy was made.
        LogError: There is no votes log.
    """
    if target.exists():
        raise BackupError(f"{target} is there already: a backup never writes over a file, choose another name")
    with _unfinished(target) as copy:
        copied = _copy(log, copy, progress)
        try:
            os.link(copy, target)  # appears whole or not at all, and never over another file
        except FileExistsError as error:
            raise BackupError(f"{target} was made meanwhile: choose another name") from error
    _flush_directory(target.parent)
    return copied


def restore(backup: Path, log: Path, *, aside: str = "", progress: Progress = silent) -> Copied:
    """Puts a backup in a log's place, after it was checked.

    Args:
        backup: Of `back_up`, or any whole votes log.
        log: Where it goes.
        aside: The log that is there is kept under its name with this at the end; empty: there must be none.
        progress: See `Progress`.

    Raises:
        BackupError: There is a log that nobody wants replaced, or the backup is not whole; nothing was changed.
        LogInUse: Another process has the log that is there open; nothing was changed.
        LogError: The backup is missing, is no votes log, or one of a newer version; nothing was changed.
    """
    there = log.exists()
    if there and not aside:
        raise BackupError(f"{log} is there already: --replace keeps it aside and puts the backup in its place")
    if there and backup.exists() and log.samefile(backup):
        raise BackupError(f"{backup} is the votes log itself: name a backup")
    if there and log.with_name(log.name + aside).exists():
        raise BackupError(f"{log.name + aside} is there already: move it elsewhere")
    with _unfinished(log) as copy:
        copied = _copy(backup, copy, progress)
        with _alone_with(log):
            for end in BESIDE:  # the backup must not be read with another log's write-ahead log
                with suppress(FileNotFoundError):
                    os.replace(log.with_name(log.name + end), log.with_name(log.name + aside + end))
            try:
                os.link(copy, log)
            except FileExistsError as error:
                raise BackupError(f"{log} was made meanwhile: stop whatever uses this home") from error
    _flush_directory(log.parent)
    return copied


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """An empty file beside a target, readable by its owner only; it is gone afterwards."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield unfinished
    except OSError as error:
        raise BackupError(
            f"{target} cannot be written ({os.strerror(error.errno or 0)}): choose another place"
        ) from error
    finally:
        for end in (*BESIDE, "-journal"):
            with suppress(OSError):
                unfinished.with_name(unfinished.name + end).unlink(missing_ok=True)


def _copy(source: Path, target: Path, progress: Progress) -> Copied:
    with closing(schema.open_for_reading(source)) as reading:
        try:
            reading.execute("BEGIN")  # one moment of the log: without it a copy starts over with each vote that arrives
            wanted = last_position(reading)
            identity = schema.identity(reading)
        except sqlite3.DatabaseError as error:
            raise BackupError(f"{source} is damaged ({error}): take an older backup") from error
        if schema.version(reading) > schema.newest_version():
            raise LogError(f"{source} is newer (schema {schema.version(reading)}) than this RealTube: upgrade it")
        with closing(sqlite3.connect(schema.uri(target, "rw"), uri=True, isolation_level=None)) as writing:
            try:
                writing.execute("PRAGMA synchronous = OFF")  # it is flushed once, when it is whole
                reading.backup(writing, pages=STEP_PAGES, progress=lambda _, left, all_: progress(all_ - left, all_))
                writing.execute("PRAGMA journal_mode = DELETE")  # one file, which holds all
                damage = [row[0] for row in writing.execute("PRAGMA integrity_check(3)")]
                found = last_position(writing)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
                    raise BackupError(f"{source} is damaged ({error}): take an older backup") from error
                raise BackupError(f"the copy of {source} could not be made ({error}): free space, try again") from error
            if damage != ["ok"]:
                raise BackupError(f"{source} is damaged ({'; '.join(damage)}): take an older backup")
            if (schema.identity(writing), found) != (identity, wanted):
                raise BackupError(f"the copy of {source} ends at position {found}, not {wanted}: check the disk")
            version = schema.version(writing)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return Copied(identity.log_id, wanted, version, target.stat().st_size)


@contextmanager
def _alone_with(log: Path) -> Iterator[None]:
    """Keeps all others out of a log that is there, its write-ahead log folded into its file."""
    if not log.exists():
        yield
        return
    with closing(sqlite3.connect(schema.uri(log, "rw"), uri=True, isolation_level=None, timeout=0)) as alone:
        try:
            alone.execute("PRAGMA journal_mode = DELETE")  # takes that nobody else has it open
            alone.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise LogInUse(f"{log} is in use: stop `realtube serve` and what else works on this home") from error
            # a damaged log cannot be asked; it is what a backup is wanted for, and is kept aside with all its files
        yield


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
