"""Whether a log that is open still stands at its path: what is written to a deleted file is lost when it is closed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

FILES = ("", "-wal", "-shm")
"""A log in use: the file, its write-ahead log, and what its users agree by."""
ADVICE = {
    sqlite3.SQLITE_FULL: "free space on its disk; votes go on by themselves then",
    sqlite3.SQLITE_IOERR: "free space on its disk or repair it; votes go on by themselves when it works again",
    sqlite3.SQLITE_BUSY: "another process holds it; votes go on by themselves when it is done",
    sqlite3.SQLITE_READONLY: "make the log and its directory writable for this server",
    sqlite3.SQLITE_PERM: "make the log and its directory writable for this server",
    sqlite3.SQLITE_CANTOPEN: "make the log and its directory writable for this server",
    sqlite3.SQLITE_CORRUPT: "stop the server, then `realtube restore --replace` with the newest backup",
    sqlite3.SQLITE_NOTADB: "stop the server, then `realtube restore --replace` with the newest backup",
}
"""What to do about an error of SQLite, by its primary code."""
OTHERWISE = "see `realtube doctor`"


class LogMoved(Exception):
    """The log's files were deleted, moved or replaced while it was open; what is written to it would be lost."""


class Place:
    """The files of a log at the time when it was opened."""

    def __init__(self, log: Path) -> None:
        """Takes a log that is open for writing."""
        self._paths = [log.with_name(log.name + end) for end in FILES]
        self._known = [_identity(path) for path in self._paths]

    def check(self) -> None:
        """Looks whether they are still the same.

        Raises:
            LogMoved: One is not.
        """
        for place, path in enumerate(self._paths):
            found = _identity(path)
            if found != self._known[place]:
                if self._known[place] is None:
                    self._known[place] = found  # SQLite makes it when it is first needed
                    continue
                what = "is gone" if found is None else "was replaced by another file"
                raise LogMoved(f"{path} {what} below the running server: put it back, or restart the server")


def told(error: sqlite3.Error) -> str:
    """An error of SQLite and what to do about it."""
    advice = ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, OTHERWISE)
    return f"{type(error).__name__}: {error}: {advice}"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
