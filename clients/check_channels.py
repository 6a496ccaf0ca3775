"""Channel scores: that an epoch has one list of them, with the counts of its verdicts (formats, section 11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from clients.head import FileEntry, Head
from clients.promises import Shelf, expect
from clients.rows import Ints
from clients.tables import read_table
from clients.verdicts import Verdicts

FILE = re.compile(r"v1/parquet/(\d{4}-\d{2}-\d{2})/channels-(\d+)-[0-9a-f]{16}\.parquet")
CHANNEL = re.compile(r"[A-Za-z0-9_-]{1,32}")
NUMBERS = ("score", "low", "high", "settled", "videos", "flagged")
COLUMNS: dict[str, pa.DataType] = {
    "channel_id": pa.string(),
    "score": pa.uint8(),
    "low": pa.uint8(),
    "high": pa.uint8(),
    "settled": pa.int32(),
    "videos": pa.int32(),
    "flagged": pa.int32(),
    "changed_at": pa.timestamp("ms", "UTC"),
}
FLAGGED = 50


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """What is published of one channel."""

    numbers: tuple[int, ...]
    """Of `NUMBERS`."""
    changed_ms: int

    def told(self) -> tuple[int, int, int]:
        """Score, videos and flagged videos: what clients of the HTTP interface are told."""
        return self.numbers[0], self.numbers[4], self.numbers[5]


Channels = Mapping[str, ChannelRow]


class ChannelsCheck:
    """The channel scores of successive epochs."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin with no channels."""
        self.shelf = shelf
        self.files = 0
        self.begun = ""
        """The epochs file that the newest list began with."""
        self.key = ""
        self.seq = 0
        """The last tick that was checked."""
        self.begun_ms = 0
        """Time of the epoch's first tick."""
        self.base: Channels | None = {}
        """At the epoch's base: those of the epoch before, of the first epoch its own; None when that is not known."""
        self.now: Channels | None = {}
        """Of the epoch; None when they are not known."""

    def forget(self, head: Head) -> None:
        """Begin anew with the next epoch: a file of this one is not there any more."""
        self.begun, self.base, self.now = head.epochs_key, None, None

    def check_tick(self, head: Head, files: Mapping[str, FileEntry], verdicts: Verdicts | None) -> None:
        """Check that a tick lists its epoch's channels, and at the epoch's first tick these against the verdicts.

        Args:
            head: the tick.
            files: its list of files.
            verdicts: of all videos at this tick; None for a tree without Parquet files, which passes.

        Raises:
            VerifyError: when a file breaks a promise, or its counts are not those of the verdicts.
        """
        follows, self.seq = head.seq == self.seq + 1, head.seq
        if head.epochs_key == self.begun and self.now is None:
            return
        keys = [key for key in files if (match := FILE.fullmatch(key)) and match[1] == head.epoch]
        if verdicts is None:
            expect(not keys, head.list_key, promised="verdicts beside channel scores", found=keys)
            return
        expect(len(keys) == 1, head.list_key, promised="one list of channel scores", found=len(keys))
        if head.epochs_key == self.begun:
            expect(keys[0] == self.key, head.list_key, promised=f"{self.key} all day", found=keys[0])
            return
        before = self.now if follows else None
        first = _seq(keys[0]) == head.seq
        expect(first or not follows, keys[0], promised=f"tick {head.seq}, the epoch's first", found=_seq(keys[0]))
        rows = self._rows(head, keys[0], files[keys[0]], verdicts if first else None)
        _check_times(head, keys[0], rows, before)
        self.base, self.now = before if self.begun or before is None else rows, rows
        self.begun, self.key, self.begun_ms = head.epochs_key, keys[0], head.ts_ms

    def _rows(self, head: Head, key: str, entry: FileEntry, verdicts: Verdicts | None) -> Channels:
        table = read_table(key, self.shelf.fetch(key, entry, head.list_key), COLUMNS)
        self.files += 1
        ids = table["channel_id"].to_pylist()
        bad = [text for text in ids if not CHANNEL.fullmatch(text)]
        expect(not bad, key, promised="channel ids", found=bad[:1])
        expect(ids == sorted(set(ids)), key, promised="each channel once, in the order of ids", found="another order")
        columns = {name: table[name].to_numpy().astype(np.int64) for name in NUMBERS}
        _check_numbers(key, columns)
        if verdicts is not None:
            _check_counts(key, ids, columns, verdicts)
        numbers = zip(*(columns[name].tolist() for name in NUMBERS), strict=True)
        times = table["changed_at"].cast(pa.int64()).to_pylist()
        return {i: ChannelRow(row, at) for i, row, at in zip(ids, numbers, times, strict=True)}


def _seq(key: str) -> int:
    """The tick in the file's name."""
    return int(key.rsplit("/", 1)[1].split("-")[1])


def _check_times(head: Head, key: str, rows: Channels, before: Channels | None) -> None:
    """Check when each channel changed; without the epoch before, only that it was not later than the tick."""
    for channel_id, row in rows.items():
        if before is None:
            expect(row.changed_ms <= head.ts_ms, key, promised=f"changed_at up to {head.ts_ms}", found=row.changed_ms)
            continue
        known = before.get(channel_id)
        at = known.changed_ms if known and known.numbers == row.numbers else head.ts_ms
        promised = f"changed_at {at} of {channel_id}: the tick that changed its numbers last"
        expect(row.changed_ms == at, key, promised=promised, found=row.changed_ms)


def _check_numbers(key: str, columns: Mapping[str, Ints]) -> None:
    within = (columns["low"] <= columns["score"]) & (columns["score"] <= columns["high"])
    expect(within.all(), key, promised="a score within its interval", found="one outside")
    counted = (columns["settled"] > 0) & (columns["videos"] > 0) & (columns["flagged"] >= 0)
    expect(counted.all(), key, promised="a settled video and a voted one of each channel", found="a channel without")


def _check_counts(key: str, ids: list[str], columns: Mapping[str, Ints], verdicts: Verdicts) -> None:
    told = verdicts.columns
    voted = told["voters"] > 0
    flagged = voted & told["published"] & (told["score"] >= FLAGGED)
    wanted = np.array([text.encode() for text in ids], "S32")
    for name, chosen in (("videos", voted), ("flagged", flagged)):
        known, count = np.unique(told["channel_id"][chosen], return_counts=True)
        of = dict(zip(known.tolist(), count.tolist(), strict=True))
        expected = np.array([of.get(channel, 0) for channel in wanted.tolist()], np.int64)
        wrong = np.flatnonzero(expected != columns[name])[:1]
        promised = f"{name} of {ids[wrong[0]]} as in the verdicts: {expected[wrong[0]]}" if len(wrong) else ""
        expect(not len(wrong), key, promised=promised, found=columns[name][wrong])
