"""Appends whole batches of votes to the log, some twenty times as fast as one by one."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
import orjson
import pyarrow as pa

from data.columns import Ints
from data.input.votebatch import VoteBatch
from data.log.append import Appender
from data.log.interning import CHANNELS, NETWORKS, VIDEOS, VOTERS, Table

ADD_VOTES = """
    INSERT INTO votes (position, cast_at_ms, voter, video, categories, channel, network, voter_since_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (video, voter, cast_at_ms, categories) DO NOTHING
"""
CACHE_BYTES = 64 << 20
CHECKPOINT_PAGES = 16_000
"""The WAL may grow to some 64 MB: the index is then written back once for many batches, not for each."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a batch."""

    stored: int
    already_there: int
    """Votes with the same voter, video, time and categories as a stored one."""


def prepare(connection: sqlite3.Connection) -> None:
    """Gives a connection the memory that bulk appends need; durability stays as it is."""
    connection.execute(f"PRAGMA cache_size = -{CACHE_BYTES >> 10}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


def append(appender: Appender, batch: VoteBatch) -> Imported:
    """Appends a batch in one transaction, positions in file order.

    Raises:
        sqlite3.OperationalError: Another process held the lock too long, or the disk is full; nothing of the batch
            was stored.
    """
    with appender.transaction():
        connection = appender.connection
        voter = _keys(connection, batch.voter_id, VOTERS)
        video = _keys(connection, batch.video_id, VIDEOS)
        channel = _keys(connection, batch.channel_id, CHANNELS)
        network = _keys(connection, batch.network, NETWORKS)
        position = np.array(appender.take_positions(len(batch)), np.int64)
        # In the order of the unique index: neighbours share its pages. The stable sort keeps the first of two equals.
        order = np.lexsort((batch.categories, batch.cast_at_ms, voter, video))
        columns = (position, batch.cast_at_ms, voter, video, batch.categories, channel, network, batch.voter_since_ms)
        rows = zip(*(column[order].tolist() for column in columns), strict=True)
        stored = connection.executemany(ADD_VOTES, rows).rowcount
    return Imported(stored=max(stored, 0), already_there=len(batch) - max(stored, 0))


def _keys(connection: sqlite3.Connection, ids: pa.DictionaryArray, table: Table) -> Ints:
    """The key of each row's id, new ids interned in order of first appearance, 0 for the empty id."""
    names = ids.dictionary.to_pylist()
    keys = dict(connection.execute(table.find, (orjson.dumps(names).decode(),)))
    first = connection.execute(table.last).fetchone()[0] + 1
    new = {name: key for key, name in enumerate((name for name in names if name and name not in keys), first)}
    connection.executemany(table.add, ((key, name, *table.more(name)) for name, key in new.items()))
    keys |= new
    by_index = np.array([keys.get(name, 0) for name in names], np.int64)
    return np.asarray(by_index[ids.indices.to_numpy()], np.int64)
