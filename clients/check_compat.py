"""The files for clients of the HTTP interface: that full and delta give the rows (formats, section 10)."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clients.check_channels import Channels, ChannelsCheck
from clients.errors import Malformed
from clients.head import FileEntry, Head
from clients.promises import Shelf, expect, inflated, promise
from clients.rows import MAX_SCORE, NumberedRows, check_order
from clients.strict import shown
from clients.verdicts import Verdicts, check_against_rows, checked_ids, named

FULL = re.compile(r"v1/compat/(\d{4}-\d{2}-\d{2})/full-[0-9a-f]{16}\.json\.gz")
DELTA = re.compile(r"v1/compat/(\d{4}-\d{2}-\d{2})/delta-(\d+)-[0-9a-f]{16}\.json\.gz")
ENTRY_BYTES = 4096
"""More than one video takes: bounds what is inflated."""
UNIX_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

Entry = dict[str, Any]


@dataclass(slots=True)
class Chronicle:
    """What the ticks so far leave behind for those after them."""

    times_ms: set[int] = field(default_factory=set)
    """When they were."""
    begins_ms: int = 0
    """The first of these; what was before cannot be told."""
    gone: set[bytes] = field(default_factory=set)
    """Ids that had a row once and lost it; some may have come again."""

    def check_time(self, text: object, what: str) -> None:
        """Check that a time is a tick's.

        Raises:
            Malformed: when it is none.
        """
        ms = time_of(text, what)
        if ms not in self.times_ms and ms >= self.begins_ms:
            raise Malformed(f"{what} must be the time of a tick, found {shown(text)}")


def time_of(text: object, what: str) -> int:
    """An RFC 3339 time as Unix milliseconds, UTC.

    Raises:
        Malformed: when it is none.
    """
    try:
        time = datetime.datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise Malformed(f"{what} must be an RFC 3339 time, found {shown(text)}")
    return (time - UNIX_EPOCH) // datetime.timedelta(milliseconds=1)


class CompatCheck:
    """The compat files of successive ticks."""

    def __init__(self, shelf: Shelf, chronicle: Chronicle) -> None:
        """Begin with no files.

        Args:
            shelf: the published files.
            chronicle: kept by the caller: a tick's time goes in before its check, its removals after it.
        """
        self.shelf = shelf
        self.chronicle = chronicle
        self.keys: set[str] = set()
        """Files that were checked."""
        self.full: Verdicts | None = None
        """Of the epoch's base; None where the tree has no compat files."""
        self.begun = ""

    def forget(self) -> None:
        """Begin anew with the next epoch: a file of this one is not there any more."""
        self.full = None

    def check_tick(
        self,
        head: Head,
        files: Mapping[str, FileEntry],
        rows: NumberedRows,
        base: NumberedRows,
        channels: ChannelsCheck,
    ) -> None:
        """Check one tick's full and delta against its rows; a tree without compat files passes.

        Args:
            head: the tick.
            files: its list of files.
            rows: its rows.
            base: the rows of the epoch's base.
            channels: its channel scores, checked.

        Raises:
            VerifyError: when a file breaks a promise, or full and delta are not the rows.
        """
        if head.epochs_key != self.begun:
            self._begin_epoch(head, files, base, channels.base)
        if self.full is None:
            return
        matches = [match for key in files if (match := DELTA.fullmatch(key)) and match[1] == head.epoch]
        newest = max(matches, key=lambda match: int(match[2]), default=None)
        told = self.full
        if newest:
            expect(int(newest[2]) <= head.seq, newest[0], promised=f"a tick up to {head.seq}", found=newest[2])
            told = told.overlay(self._delta(newest[0], files[newest[0]], head, channels))
        present = told.pick(told.columns["present"])
        check_against_rows(present, named(rows), newest[0] if newest else f"{head.list_key} (without a compat delta)")

    def _begin_epoch(
        self, head: Head, files: Mapping[str, FileEntry], base: NumberedRows, channels: Channels | None
    ) -> None:
        self.begun = head.epochs_key
        keys = [key for key in files if (match := FULL.fullmatch(key)) and match[1] == head.epoch]
        if not keys and self.full is None:
            return
        expect(len(keys) == 1, head.list_key, promised="one compat full file", found=len(keys))
        key = keys[0]
        text = self._text(key, files[key], head)
        with promise(key, "a full answer, one video a line"):
            lines, rest = _split_full(text)
            self.full = self._verdicts((_read(line) for line in lines), channels)
            if channels is not None:
                _check_channels(rest, {(i, "", *row.told(), row.changed_ms) for i, row in channels.items()})
            check_order(self.full.ids)
            time_of(rest.get("generatedAt"), "generatedAt")
            removed = {id_.encode() for id_ in _ids(rest, "removed")}
        check_against_rows(self.full, named(base), key)
        present = set(self.full.ids.tolist())
        expect(not removed & present, key, promised="no video both shown and removed", found=len(removed & present))
        forgotten = self.chronicle.gone - present - removed
        expect(not forgotten, key, promised="every id that ever lost its row in removed", found=f"{forgotten!r:.80}")

    def _delta(self, key: str, entry: FileEntry, head: Head, channels: ChannelsCheck) -> Verdicts:
        text = self._text(key, entry, head)
        with promise(key, "a delta answer"):
            answer = _read(text)
            if not isinstance(answer.get("videos"), list):
                raise Malformed("videos must be an array")
            if channels.now is not None and channels.base is not None:
                _check_channels(answer, _changed(channels.now, channels.base, channels.begun_ms))
            time_of(answer.get("syncTimestamp"), "syncTimestamp")
            return self._verdicts(answer["videos"], channels.now)

    def _text(self, key: str, entry: FileEntry, head: Head) -> bytes:
        self.keys.add(key)
        packed = self.shelf.fetch(key, entry, head.list_key)
        return inflated(key, packed, (64 << 20) + ENTRY_BYTES * max(head.n, 1))

    def _verdicts(self, entries: Iterable[Any], channels: Channels | None) -> Verdicts:
        """Ids, scores, locks, and whether the video is there: `present` is false for a removal."""
        ids: list[str] = []
        told: list[tuple[float, bool, bool]] = []
        for entry in entries:
            ids.append(entry.get("videoId"))
            self.chronicle.check_time(entry.get("lastUpdated"), f"lastUpdated of {shown(ids[-1])}")
            told.append(_told(entry))
            if channels is not None:
                _check_channel_score(entry, channels)
        scores, locked, present = zip(*told, strict=True) if told else ((), (), ())
        columns = {"score": np.array(scores), "locked": np.array(locked, bool), "present": np.array(present, bool)}
        return Verdicts(checked_ids(ids), columns)


Told = tuple[str, str, int, int, int, int]
"""Channel id, action, score, videos, flagged videos, time in ms."""


def _changed(now: Channels, base: Channels, begun_ms: int) -> set[Told]:
    """What an epoch's channels change of those of its base."""
    updates = {i: row for i, row in now.items() if base.get(i) != row}
    gone = {(i, "remove", 0, 0, 0, begun_ms) for i in base if i not in now}
    return gone | {(i, "update", *row.told(), row.changed_ms) for i, row in updates.items()}


def _check_channels(answer: Entry, expected: set[Told]) -> None:
    """Check the channels of an answer.

    Raises:
        Malformed: when they are not the expected ones.
    """
    entries = answer.get("channels")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Malformed(f"channels must be an array of objects, found {shown(entries)}")
    found = [
        (
            entry.get("channelId"), entry.get("action", ""), entry.get("score"), entry.get("totalVideos", 0),
            entry.get("flaggedVideos", 0), time_of(entry.get("lastUpdated"), "lastUpdated of a channel"),
        )
        for entry in entries
    ]  # fmt: skip
    strange = [told for told in found if told not in expected] or sorted(expected.difference(found))
    if strange or len(found) != len(expected):
        raise Malformed(f"channels must be those of the list of channel scores, found otherwise: {strange[:1]}")


def _check_channel_score(entry: Entry, channels: Channels) -> None:
    channel, score = entry.get("channelId", ""), entry.get("channelScore", 0)
    known = channels.get(channel) if isinstance(channel, str) else None
    if score != (known.numbers[0] if known else 0):
        raise Malformed(f"channelScore of {shown(entry.get('videoId'))} must be its channel's, found {shown(score)}")


def _told(entry: Entry) -> tuple[float, bool, bool]:
    """Score, lock and presence that one entry tells."""
    if entry.get("action", "update") == "remove":
        return 0.0, False, False
    score, locked = entry.get("score"), entry.get("locked")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= MAX_SCORE:
        raise Malformed(f"score of {shown(entry.get('videoId'))} must be a number from 0 to 100, found {shown(score)}")
    if not isinstance(locked, bool) or entry.get("action", "update") != "update":
        raise Malformed(f"entry of {shown(entry.get('videoId'))} must have a lock, and update or remove as its action")
    return float(score), locked, True


def _read(text: bytes) -> Entry:
    """One JSON object; these documents may have fractions."""
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from None
    if not isinstance(entry, dict):
        raise Malformed(f"expected an object, found {shown(entry)}")
    return entry


def _split_full(text: bytes) -> tuple[list[bytes], Entry]:
    """The videos, a line each, and what surrounds them: parsed at once, a million of them would take gigabytes."""
    first, _, rest = text.partition(b"\n")
    lines, _, last = (b"\n" + rest).rpartition(b"\n]")
    if first != b'{"videos":[':
        raise Malformed(f"the first line must open the array of videos, found {shown(first)}")
    return [line.removesuffix(b",") for line in lines.split(b"\n") if line], _read(first + b"]" + last)


def _ids(answer: Entry, name: str) -> list[str]:
    """The ids in an array of objects."""
    entries = answer.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Malformed(f"{name} must be an array of objects, found {shown(entries)}")
    ids = [entry.get("videoId") for entry in entries]
    checked_ids(ids)
    return ids
