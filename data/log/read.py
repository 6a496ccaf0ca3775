"""Reads the votes log as columns, through connections that cannot write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import adbc_driver_sqlite.dbapi
import numpy as np
import pyarrow as pa

from data.columns import NO_VOTES, Decisions, Keys, Votes
from data.log.schema import uri

LAST_POSITION = """
    SELECT max(coalesce((SELECT max(position) FROM votes), 0),
               coalesce((SELECT max(position) FROM decisions), 0)) AS last
"""
VOTES_THROUGH = """
    SELECT position, cast_at_ms, voter, video, categories, channel, network, voter_since_ms FROM votes
    WHERE position <= ? ORDER BY position
"""
VOTES_OF_TOUCHED = """
    SELECT position, cast_at_ms, voter, video, categories, channel, network, voter_since_ms FROM votes
    WHERE position <= ?2 AND video IN (
        SELECT video FROM votes WHERE position > ?1 AND position <= ?2
        UNION SELECT video FROM decisions WHERE position > ?1 AND position <= ?2 AND video > 0
        UNION SELECT v.video FROM votes v JOIN decisions d ON d.voter = v.voter
              WHERE d.position > ?1 AND d.position <= ?2 AND d.voter > 0
        UNION SELECT value FROM json_each(?3))
    ORDER BY video, voter, position
"""
DECISIONS_THROUGH = """
    SELECT position, kind, video, voter, label, score FROM decisions WHERE position <= ? ORDER BY position
"""
VIDEO_IDS = "SELECT video, video_id FROM videos ORDER BY video"
VOTER_IDS = "SELECT voter, voter_id FROM voters ORDER BY voter"
CHANNEL_IDS = "SELECT channel, channel_id FROM channels ORDER BY channel"
BATCH_ROWS = 65_536


class LogReader:
    """Questions to one votes log; answers for positions up to N never change once N was committed."""

    def __init__(self, connection: adbc_driver_sqlite.dbapi.Connection) -> None:
        """Takes an ADBC connection; use `open_columns`."""
        self._connection = connection

    def last_position(self) -> int:
        """The newest committed position, 0 in an empty log."""
        return int(self._table(LAST_POSITION, ())["last"][0].as_py())

    def votes(self, through: int) -> Votes:
        """All votes up to a position, in position order."""
        return self._votes(VOTES_THROUGH, (through,))

    def votes_of_touched(self, after: int, through: int, more: Keys) -> Votes:
        """All votes up to `through` of every video that a vote or decision in (after, through] is about.

        Args:
            after: See above.
            through: See above.
            more: Further videos whose votes are wanted.
        """
        return self._votes(VOTES_OF_TOUCHED, (after, through, json.dumps(more.tolist())))

    def decisions(self, through: int) -> Decisions:
        """All decisions up to a position."""
        table = self._table(DECISIONS_THROUGH, (through,))
        return Decisions(
            position=table["position"].to_numpy().astype(np.int64),
            kind=table["kind"].to_pylist(),
            video=table["video"].to_numpy().astype(np.int32),
            voter=table["voter"].to_numpy().astype(np.int32),
            label=table["label"].to_numpy().astype(np.uint8),
            score=table["score"].to_numpy().astype(np.uint8),
        )

    def video_ids(self) -> pa.Array:
        """Video ids by key: entry k is the id of key k, entry 0 is empty."""
        return self._ids(VIDEO_IDS, "video_id")

    def voter_ids(self) -> pa.Array:
        """Voter ids by key; never to leave the machine."""
        return self._ids(VOTER_IDS, "voter_id")

    def channel_ids(self) -> pa.Array:
        """Channel ids by key: entry 0 is empty."""
        return self._ids(CHANNEL_IDS, "channel_id")

    def _ids(self, query: str, column: str) -> pa.Array:
        table = self._table(query, ())
        keys = table.column(0).to_numpy()
        size = int(keys[-1]) + 1 if len(keys) else 1
        rows = np.zeros(size, np.int64)  # erased keys leave gaps: they read as row 0, the empty id
        rows[keys] = np.arange(1, len(keys) + 1)
        ids = pa.concat_arrays([pa.array([""]), *table[column].cast(pa.string()).chunks])
        return ids.take(pa.array(rows))

    def _votes(self, query: str, parameters: tuple[int | str, ...]) -> Votes:
        parts: dict[str, list[np.ndarray[tuple[int], np.dtype[np.generic]]]] = {f.name: [] for f in fields(Votes)}
        with self._batches(query, parameters) as batches:
            for batch in batches:
                for name, columns in parts.items():
                    columns.append(batch.column(name).to_numpy().astype(getattr(NO_VOTES, name).dtype))
        return Votes(*(np.concatenate([getattr(NO_VOTES, name), *columns]) for name, columns in parts.items()))

    def _table(self, query: str, parameters: tuple[int | str, ...]) -> pa.Table:
        with self._batches(query, parameters) as batches:
            return batches.read_all()

    @contextmanager
    def _batches(self, query: str, parameters: tuple[int | str, ...]) -> Iterator[pa.RecordBatchReader]:
        with self._connection.cursor(adbc_stmt_kwargs={"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)}) as cursor:
            cursor.execute(query, parameters or None)
            yield cursor.fetch_record_batch()


@contextmanager
def open_columns(path: Path) -> Iterator[LogReader]:
    """Opens the log for reading columns; nothing can be written through it."""
    with adbc_driver_sqlite.dbapi.connect(uri(path, "ro")) as connection:
        yield LogReader(connection)
