"""Connections that only read the votes log, for the threads that answer look-ups."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.log import schema

CACHE_KIB = 8_192
"""Page cache of one connection; the operating system's cache does the rest."""


class Readers:
    """Lends connections; there are as many as were ever lent at once."""

    def __init__(self, path: Path) -> None:
        """Takes the votes log."""
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._lock = threading.Lock()
        self.active = 0
        """Connections that are lent now."""

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Lends a connection that nobody else uses meanwhile.

        Raises:
            LogError: The log cannot be opened.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = schema.open_for_reading(self._path)
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._count(1)
        try:
            yield connection
        finally:
            self._count(-1)
            self._idle.append(connection)

    def _count(self, more: int) -> None:
        with self._lock:
            self.active += more

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()
