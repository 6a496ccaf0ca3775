"""Interns ids: each distinct text of a table has a small integer key, drawn in order of first appearance."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection
from typing import NamedTuple

from data.records import hash_prefix

LONGEST_MEMORY = 200_000
"""How many ids of a table are remembered; beyond it the memory starts over (about 30 MB)."""


class Table(NamedTuple):
    """How one table of ids is asked, and what is stored with an id."""

    find: str
    """Takes a JSON array of ids; gives (id, key) of those that are there."""
    last: str
    add: str
    """Takes key, id and `more`."""
    more: Callable[[str], tuple[int, ...]] = lambda _: ()


VOTERS = Table(
    "SELECT voter_id, voter FROM json_each(?) CROSS JOIN voters ON voter_id = value",
    "SELECT coalesce(max(voter), 0) FROM voters",
    "INSERT INTO voters (voter, voter_id) VALUES (?, ?)",
)
VIDEOS = Table(
    "SELECT video_id, video FROM json_each(?) CROSS JOIN videos ON video_id = value",
    "SELECT coalesce(max(video), 0) FROM videos",
    "INSERT INTO videos (video, video_id, hash_prefix) VALUES (?, ?, ?)",
    lambda video_id: (hash_prefix(video_id),),
)
CHANNELS = Table(
    "SELECT channel_id, channel FROM json_each(?) CROSS JOIN channels ON channel_id = value",
    "SELECT coalesce(max(channel), 0) FROM channels",
    "INSERT INTO channels (channel, channel_id) VALUES (?, ?)",
)
NETWORKS = Table(
    "SELECT token, network FROM json_each(?) CROSS JOIN networks ON token = value",
    "SELECT coalesce(max(network), 0) FROM networks",
    "INSERT INTO networks (network, token) VALUES (?, ?)",
)


class Interned:
    """The ids of one table, as one writer knows them; all of it inside the writer's transactions."""

    def __init__(self, connection: sqlite3.Connection, table: Table) -> None:
        """Takes a connection whose transactions the caller begins and ends."""
        self._connection, self._table = connection, table
        self._keys: dict[str, int] = {}
        self._next = 0
        """The next key to draw, 0 when it is to be asked for."""
        self._drawn: list[str] = []
        """Ids that have a key but no row yet, in key order."""

    def begin(self) -> None:
        """A transaction has begun: others may have drawn keys since the last one."""
        self._next = 0

    def forget(self) -> None:
        """What is remembered may not be so any more."""
        self._keys.clear()
        self._drawn.clear()

    def find(self, texts: Collection[str]) -> None:
        """Looks up all ids that are not remembered, in one query."""
        unknown = {text for text in texts if text and text not in self._keys}
        if not unknown:
            return
        if len(self._keys) + len(unknown) > LONGEST_MEMORY:
            self._keys = {text: self._keys[text] for text in texts if text in self._keys}
        self._keys.update(self._connection.execute(self._table.find, (json.dumps(list(unknown)),)))

    def known(self, text: str) -> int:
        """The key of an id that was looked up, 0 when the log does not know it, or when it is empty."""
        return self._keys.get(text, 0)

    def key(self, text: str) -> int:
        """The key of an id that was looked up, drawn now when the log does not know it; 0 for the empty id.

        A drawn key has its row after the next `store`.
        """
        if not text:
            return 0
        key = self._keys.get(text, 0)
        if not key:
            if not self._next:
                self._next = self._connection.execute(self._table.last).fetchone()[0] + 1
            key, self._next = self._next, self._next + 1
            self._keys[text] = key
            self._drawn.append(text)
        return key

    def store(self) -> None:
        """Inserts the rows of all keys that were drawn."""
        if self._drawn:
            rows = [(self._keys[text], text, *self._table.more(text)) for text in self._drawn]
            self._connection.executemany(self._table.add, rows)
            self._drawn.clear()
