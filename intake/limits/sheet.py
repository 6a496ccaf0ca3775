"""The file of what was spent: it outlives a process, and several processes share it.

It holds keyed hashes, times, and the keys of today and yesterday; no address, no voter's id. It is no part of the
votes log: damaged or deleted, it is made anew, and everybody has a whole quota.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

KEY_BYTES = 32
BUSY_MS = 1_000
SCHEMA = """
    CREATE TABLE IF NOT EXISTS spent (n INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,
                                      full_at REAL NOT NULL);
    CREATE TABLE IF NOT EXISTS keys (day INTEGER PRIMARY KEY, key BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS last (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL);
    INSERT OR IGNORE INTO last VALUES (1, 0);
"""
SPEND = """
    INSERT OR REPLACE INTO spent (n, name, full_at)
    VALUES (:n, :name, max(:base, coalesce((SELECT full_at FROM spent WHERE name = :name), 0)) + :more)
"""  # replacing gives a row a new `n`: so what is new is what lies behind the last `n` that was seen
NEWER = "SELECT n, name, full_at FROM spent WHERE n > ? ORDER BY n"
Spent = Mapping[bytes, float]


class Sheet:
    """One process's connection to the file; for one thread at a time."""

    def __init__(self, path: Path, draw: Callable[[int], bytes]) -> None:
        """Opens the file, or makes it.

        Args:
            path: Readable by its owner only.
            draw: Gives that many random bytes.

        Raises:
            sqlite3.Error, OSError: It cannot be opened or made.
        """
        self._path, self._draw = path, draw
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
                raise
            logger.warning("the file of limits was damaged and is made anew")
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)
            self._connection = _open(path)
        self._seen = 0
        self._version: int | None = None

    def key(self, day: int) -> bytes:
        """The key of a day, drawn when it is new; those before yesterday are destroyed with what they hid."""
        with self._connection as transaction:
            transaction.execute("BEGIN IMMEDIATE")
            transaction.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (day, self._draw(KEY_BYTES)))
            transaction.execute("DELETE FROM keys WHERE day < ?", (day - 1,))
            (key,) = transaction.execute("SELECT key FROM keys WHERE day = ?", (day,)).fetchone()
        return bytes(key)

    def spend(self, more: Mapping[bytes, tuple[float, float]]) -> Spent:
        """Adds what was spent to what other processes have spent.

        Args:
            more: By name: `full_at` without what is added, and how many seconds are.

        Returns:
            All that changed since the last call, when other processes have changed anything; the first call gives all.
        """
        if not more and self._data_version() == self._version:
            return {}
        with self._connection as transaction:
            transaction.execute("BEGIN IMMEDIATE")
            version = self._data_version()
            (last,) = transaction.execute("SELECT n FROM last").fetchone()
            rows = [
                {"n": n, "name": name, "base": base, "more": added}
                for n, (name, (base, added)) in enumerate(more.items(), last + 1)
            ]
            transaction.executemany(SPEND, rows)
            changed: dict[bytes, float] = {}
            if version != self._version:
                changed = {name: full_at for _, name, full_at in transaction.execute(NEWER, (self._seen,))}
            transaction.execute("UPDATE last SET n = ?", (last + len(rows),))
        self._seen, self._version = last + len(rows), version
        return changed

    def sweep(self, now_s: float) -> None:
        """Removes whom nothing limits any more."""
        with self._connection as transaction:
            transaction.execute("DELETE FROM spent WHERE full_at <= ?", (now_s,))

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _data_version(self) -> int:
        """Another number whenever another connection has changed the file."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # no flush a commit: a power cut may cost the last seconds
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
