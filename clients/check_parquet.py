"""Parquet: that snapshot and deltas give the published rows (formats, section 11)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from clients.head import FileEntry, Head
from clients.promises import Shelf, expect, promise
from clients.rows import CATEGORIES, NumberedRows, check_order
from clients.tables import read_table
from clients.verdicts import Verdicts, check_against_rows, checked_ids, without_votes

SNAPSHOT = re.compile(r"v1/parquet/(\d{4}-\d{2}-\d{2})/videos-(\d+)-[0-9a-f]{16}\.parquet")
DELTA = re.compile(r"v1/parquet/(\d{4}-\d{2}-\d{2})/videos-delta-(\d+)-[0-9a-f]{16}\.parquet")

COLUMNS: dict[str, pa.DataType] = {
    "video_id": pa.string(),
    "score": pa.uint8(),
    "evidence": pa.float64(),
    "published": pa.bool_(),
    "locked": pa.bool_(),
    "prior_only": pa.bool_(),
    "voters": pa.int32(),
    "held": pa.int32(),
    "flip_held_since": pa.timestamp("ms", "UTC"),
    **{f"votes_{category}": pa.int32() for category in (*CATEGORIES, "not_ai")},
    **{f"score_{category}": pa.uint8() for category in CATEGORIES},
    "channel_id": pa.string(),
    "changed_at": pa.timestamp("ms", "UTC"),
}
SOMETIMES = "flip_held_since"
"""The one column that may be empty."""
HOLD_MS = 3 * 86_400_000
"""A flip is held no longer."""
KEPT = ("score", "published", "locked", "prior_only", "voters", SOMETIMES, "changed_at")
"""Columns that later ticks are compared with."""


class ParquetCheck:
    """The Parquet files of successive ticks."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin with no verdicts."""
        self.shelf = shelf
        self.files = 0
        self.verdicts: Verdicts | None = None
        """`KEPT` and `channel_id` at the last tick that was checked; None before the first snapshot."""
        self.begun = ""
        self.applied: set[str] = set()
        """The epoch's deltas that are in `verdicts`."""
        self.seq = 0
        """The last tick that was checked."""

    def forget(self) -> None:
        """Begin anew with the next epoch: a file of this one is not there any more."""
        self.verdicts = None

    def check_tick(
        self, head: Head, files: Mapping[str, FileEntry], rows: NumberedRows, times_ms: Mapping[int, int]
    ) -> None:
        """Check one tick's snapshot and deltas against its rows; a tree without Parquet files passes.

        Args:
            head: the tick.
            files: its list of files.
            rows: its rows.
            times_ms: when each earlier tick was, as far as known.

        Raises:
            VerifyError: when a file breaks a promise, or the verdicts are not those of the rows.
        """
        if head.epochs_key != self.begun:
            self._begin_epoch(head, files, times_ms.get(head.base.seq, head.ts_ms))
        elif self.verdicts is None:
            return
        for seq, key in _named(DELTA, files, head.epoch):
            expect(head.base.seq < seq <= head.seq, key, promised=f"a tick of {head.epoch} so far", found=seq)
            if key not in self.applied:
                self._apply(head, key, files[key], seq, times_ms)
        if self.verdicts is not None:
            self._check_flips(head)
            published = self.verdicts.pick(self.verdicts.columns["published"])
            where = f"{head.commit_key} (Parquet of {head.epoch})"
            check_against_rows(published, without_votes(rows, published.ids), where)
        self.seq = head.seq

    def _check_flips(self, head: Head) -> None:
        assert self.verdicts is not None
        since, changed = self.verdicts.columns[SOMETIMES], self.verdicts.columns["changed_at"]
        wrong = (since > 0) & ((since > changed) | (since + HOLD_MS <= head.ts_ms) | self.verdicts.columns["locked"])
        promised = f"{SOMETIMES} of the last three days, no later than changed_at, and of no locked video"
        found = self.verdicts.ids[wrong][:1]
        expect(not wrong.any(), f"{head.commit_key} (Parquet of {head.epoch})", promised=promised, found=found)

    def _apply(self, head: Head, key: str, entry: FileEntry, seq: int, times_ms: Mapping[int, int]) -> None:
        expect(seq > self.seq, key, promised=f"a place in the list of tick {seq}", found=head.list_key)
        expect(self.verdicts is not None, key, promised="a snapshot before its deltas", found="none")
        delta = self._table(key, entry, head.list_key)
        times = delta.columns["changed_at"]
        ts_ms = times_ms.get(seq)
        right = ts_ms is None or np.all(times == ts_ms)
        expect(right, key, promised=f"changed_at {ts_ms}, the tick's", found=np.unique(times))
        assert self.verdicts is not None
        self.verdicts = self.verdicts.overlay(delta)
        self.applied.add(key)

    def _begin_epoch(self, head: Head, files: Mapping[str, FileEntry], base_ts_ms: int) -> None:
        self.begun, self.applied = head.epochs_key, set()
        snapshots = _named(SNAPSHOT, files, head.epoch)
        if not snapshots and self.verdicts is None:
            return
        expect(len(snapshots) == 1, head.list_key, promised="one Parquet snapshot", found=len(snapshots))
        key = snapshots[0][1]
        snapshot = self._table(key, files[key], head.list_key)
        newest = snapshot.columns["changed_at"].max(initial=0)
        expect(newest <= base_ts_ms, key, promised=f"changed_at up to {base_ts_ms}, the base's tick", found=newest)
        if self.verdicts is not None and self.seq == head.base.seq:
            promised = f"of videos with votes the verdicts of tick {head.base.seq}: snapshot and deltas before"
            same = _voted(self.verdicts).same(_voted(snapshot))
            expect(same, key, promised=promised, found="other verdicts")
        self.verdicts = snapshot

    def _table(self, key: str, entry: FileEntry, said_by: str) -> Verdicts:
        packed = self.shelf.fetch(key, entry, said_by)
        table = read_table(key, packed, COLUMNS, sometimes=(SOMETIMES,))
        evidence = table["evidence"].to_numpy()
        exact = np.array_equal(np.round(evidence, 1), evidence)
        expect(exact, key, promised="evidence with one decimal", found="more of them, or no number")
        with promise(key, "video ids in the order of section 6"):
            ids = checked_ids(table["video_id"].to_pylist())
            check_order(ids)
        self.files += 1
        times = {name: table[name].cast(pa.int64()).fill_null(0) for name in ("changed_at", SOMETIMES)}
        kept = {name: times.get(name, table[name]).to_numpy() for name in KEPT}
        return Verdicts(ids, kept | {"channel_id": table["channel_id"].to_numpy().astype("S32")})


def _named(pattern: re.Pattern[str], files: Mapping[str, FileEntry], epoch: str) -> list[tuple[int, str]]:
    """The keys of one kind in an epoch, by tick."""
    matches = (pattern.fullmatch(key) for key in files)
    return sorted((int(match[2]), match[0]) for match in matches if match and match[1] == epoch)


def _voted(verdicts: Verdicts) -> Verdicts:
    """The verdicts of videos that have votes; the others may leave with the epoch."""
    return verdicts.pick(verdicts.columns["voters"] > 0)
