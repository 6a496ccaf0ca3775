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
from data.records import hash_prefix

FIND_VOTERS = "SELECT voter FROM json_each(?) LEFT JOIN voters ON voter_id = value ORDER BY json_each.key"
LAST_VOTER = "SELECT coalesce(max(voter), 0) FROM voters"
ADD_VOTER = "INSERT INTO voters (voter, voter_id) VALUES (?, ?)"
FIND_VIDEOS = "SELECT video FROM json_each(?) LEFT JOIN videos ON video_id = value ORDER BY json_each.key"
LAST_VIDEO = "SELECT coalesce(max(video), 0) FROM videos"
ADD_VIDEO = "INSERT INTO videos (video, video_id, hash_prefix) VALUES (?, ?, ?)"
FIND_CHANNELS = "SELECT channel FROM json_each(?) LEFT JOIN channels ON channel_id = value ORDER BY json_each.key"
LAST_CHANNEL = "SELECT coalesce(max(channel), 0) FROM channels"
ADD_CHANNEL = "INSERT INTO channels (channel, channel_id) VALUES (?, ?)"
FIND_NETWORKS = "SELECT network FROM json_each(?) LEFT JOIN networks ON token = value ORDER BY json_each.key"
LAST_NETWORK = "SELECT coalesce(max(network), 0) FROM networks"
ADD_NETWORK = "INSERT INTO networks (network, token) VALUES (?, ?)"
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
        voter = _keys(connection, batch.voter_id, FIND_VOTERS, LAST_VOTER, ADD_VOTER)
        video = _keys(connection, batch.video_id, FIND_VIDEOS, LAST_VIDEO, ADD_VIDEO)
        channel = _keys(connection, batch.channel_id, FIND_CHANNELS, LAST_CHANNEL, ADD_CHANNEL)
        network = _keys(connection, batch.network, FIND_NETWORKS, LAST_NETWORK, ADD_NETWORK)
        position = np.array(appender.take_positions(len(batch)), np.int64)
        # In the order of the unique index: neighbours share its pages. The stable sort keeps the first of two equals.
        order = np.lexsort((batch.categories, batch.cast_at_ms, voter, video))
        columns = (position, batch.cast_at_ms, voter, video, batch.categories, channel, network, batch.voter_since_ms)
        rows = zip(*(column[order].tolist() for column in columns), strict=True)
        stored = connection.executemany(ADD_VOTES, rows).rowcount
    return Imported(stored=max(stored, 0), already_there=len(batch) - max(stored, 0))


def _keys(connection: sqlite3.Connection, ids: pa.DictionaryArray, find: str, last: str, add: str) -> Ints:
    """The key of each row's id, new ids interned in order of first appearance, 0 for the empty id."""
    names = ids.dictionary.to_pylist()
    keys = [key for (key,) in connection.execute(find, (orjson.dumps(names).decode(),))]
    new = [place for place, key in enumerate(keys) if key is None and names[place]]
    first = connection.execute(last).fetchone()[0] + 1
    for key, place in enumerate(new, first):
        keys[place] = key
    more = (hash_prefix,) if add is ADD_VIDEO else ()
    connection.executemany(add, ((keys[place], names[place], *(of(names[place]) for of in more)) for place in new))
    by_index = np.array([key or 0 for key in keys], np.int64)
    return np.asarray(by_index[ids.indices.to_numpy()], np.int64)
