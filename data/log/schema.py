"""Opens the votes log and brings its schema up to date."""

from __future__ import annotations

import os
import re
import sqlite3
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

NUMBERED_DDL = re.compile(r"(\d{4})_\w+\.sql")
BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process's transaction before it gives up."""


class LogError(Exception):
    """The votes log is missing, damaged, or of a schema that this version does not know."""


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """What tells one votes log from every other."""

    log_id: str
    """32 hex digits."""
    created_ms: int
    """When the home was made."""


def uri(path: Path, mode: str) -> str:
    """The SQLite URI of a file, whatever characters its path has.

    Args:
        path: The file.
        mode: `ro` or `rw`: neither makes a file that is not there.
    """
    return f"{path.absolute().as_uri()}?mode={mode}"


def create(path: Path, identity: LogIdentity) -> None:
    """Creates an empty votes log.

    Raises:
        FileExistsError: There is one already; nothing was changed.
    """
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    connection = _connect(uri(unfinished, "rw"))
    try:
        migrate(connection)
        connection.execute(
            "INSERT INTO log_identity (log_id, created_ms) VALUES (?, ?)", (identity.log_id, identity.created_ms)
        )
    finally:
        connection.close()
    os.link(unfinished, path)  # appears whole or not at all, and never over an existing log
    unfinished.unlink()


def open_for_append(path: Path) -> sqlite3.Connection:
    """Opens the log for its writer; a 200 rests on these settings.

    Returns:
        A connection in autocommit mode, usable from any one thread at a time.

    Raises:
        LogError: The file is missing or is not a votes log.
    """
    connection = _open(path, "rw")
    # WAL lets readers work beside the writer; FULL makes each commit survive a power cut (https://sqlite.org/pragma.html).
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(
        "PRAGMA foreign_keys = OFF"
    )  # keys are interned in the same transaction; checking doubles the cost
    migrate(connection)
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Opens the log so that nothing can be written through the connection.

    Raises:
        LogError: The file is missing or is not a votes log.
    """
    connection = _open(path, "ro")
    connection.execute("PRAGMA query_only = ON")
    return connection


def identity(connection: sqlite3.Connection) -> LogIdentity:
    """Reads which log this is.

    Raises:
        LogError: The log names no identity or more than one.
    """
    rows = connection.execute("SELECT log_id, created_ms FROM log_identity").fetchall()
    if len(rows) != 1:
        raise LogError(f"the votes log must have exactly one identity, found {len(rows)}: restore it from a backup")
    return LogIdentity(*rows[0])


def migrate(connection: sqlite3.Connection) -> list[int]:
    """Applies the numbered DDL files that this log has not seen, each in a transaction of its own.

    Returns:
        The numbers applied now.

    Raises:
        LogError: The log was written by a newer version; nothing was changed.
    """
    ddl_files, applied = _numbered_ddl(), []
    if version(connection) > max(ddl_files):
        newer = f"newer (schema {version(connection)}) than this RealTube (schema {max(ddl_files)})"
        raise LogError(f"the votes log is {newer}: upgrade it")
    for number, ddl in sorted(ddl_files.items()):
        if number <= version(connection):
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            if number > version(connection):  # another process may have been faster
                for statement in _statements(ddl):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
                applied.append(number)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    return applied


def version(connection: sqlite3.Connection) -> int:
    """Number of the last DDL file that was applied."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def newest_version() -> int:
    """Number of the newest DDL file of this RealTube."""
    return max(_numbered_ddl())


def _numbered_ddl() -> dict[int, str]:
    files = resources.files("data.log").iterdir()
    found = ((NUMBERED_DDL.fullmatch(file.name), file) for file in files)
    return {int(match[1]): file.read_text(encoding="utf-8") for match, file in found if match}


def _statements(ddl: str) -> list[str]:
    statements, lines = [], []
    for line in ddl.splitlines():
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):
            statements.append("\n".join(lines))
            lines = []
    return statements


def _open(path: Path, mode: str) -> sqlite3.Connection:
    if not path.is_file():
        raise LogError(f"there is no votes log at {path}: run `realtube init`, or set REALTUBE_HOME to its home")
    connection = _connect(uri(path, mode))
    try:
        known = version(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise LogError(f"{path} cannot be read as a votes log ({error}): restore it from a backup") from error
    if known == 0:
        connection.close()
        raise LogError(f"{path} is not a votes log: run `realtube init` in an empty home")
    return connection


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return connection
