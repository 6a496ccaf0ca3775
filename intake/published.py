"""The published state for existing clients, composed from the published files (`docs/formats.md`, section 10)."""

from __future__ import annotations

import gzip
import logging
import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from data.formats import files, head
from data.formats.tree import HEAD, FormatError, files_key, gzipped, rfc3339, sha256

logger = logging.getLogger(__name__)

FULL = re.compile(r"v1/compat/[^/]+/full-[0-9a-f]{16}\.json\.gz")
DELTA = re.compile(r"v1/compat/[^/]+/delta-(\d+)-[0-9a-f]{16}\.json\.gz")
ANSWERS_KEPT = 16
"""How many different deltas of one tick are kept ready."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is published of one video or channel."""

    at: str
    """RFC 3339 time of the tick that changed it last; all are of one length, so text order is time order."""
    line: bytes
    """JSON object of its result, empty when it was removed."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A body, kept compressed."""

    gzip: bytes

    def body(self) -> bytes:
        """The body as it was."""
        return gzip.decompress(self.gzip)


@dataclass(slots=True)
class Tick:
    """The published state of one tick; bodies are made when they are first asked for."""

    generated_at: str
    """Time of the tick that changed content last: the token that clients send back as `since`."""
    tag: str
    """Changes with the content."""
    entries: Mapping[str, Entry]
    """By video id: everything that is published, and everything that was once and is no more."""
    channels: Mapping[str, Entry] = field(default_factory=dict)
    """By channel id: every channel that has a score, and those that lost theirs today."""
    full_key: str = ""
    """Key of the epoch's base in the store, empty before the first tick."""
    head: head.Head | None = None
    _times: list[str] = field(default_factory=list)
    _full: Packed | None = None
    _deltas: OrderedDict[str, Packed] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Sorts the times at which something changed."""
        self._times = sorted({entry.at for known in (self.entries, self.channels) for entry in known.values()})

    def full(self) -> Packed:
        """The body of a full synchronisation."""
        with self._lock:
            if self._full is None:
                videos, channels = (_lines(known) for known in (self.entries, self.channels))
                self._full = _body(videos, channels, "generatedAt", self.generated_at)
            return self._full

    def place_after(self, since_ms: int) -> str:
        """The newest change at or before a moment, empty when there is none."""
        place = bisect_right(self._times, rfc3339(since_ms))
        return self._times[place - 1] if place else ""

    def delta(self, place: str) -> Packed:
        """The body of all changes after a place of `place_after`, removals included."""
        with self._lock:
            if place not in self._deltas:
                videos = [_change(key, entry) for key, entry in self.entries.items() if entry.at > place]
                channels = [_channel_change(key, entry) for key, entry in self.channels.items() if entry.at > place]
                self._deltas[place] = _body(videos, channels, "syncTimestamp", self.generated_at)
            self._deltas.move_to_end(place)
            while len(self._deltas) > ANSWERS_KEPT:
                self._deltas.popitem(last=False)
            return self._deltas[place]


class Published:
    """Follows the head of a store that is a directory."""

    def __init__(self, directory: Path, created_ms: int) -> None:
        """Takes the directory that holds `v1/`, or will, and when the home was made."""
        self._directory = directory
        self._lock = threading.Lock()
        self._seen: object = None
        self._base: tuple[str, Mapping[str, Entry], Mapping[str, Entry], str] = ("", {}, {}, "")
        self._tick = Tick(rfc3339(created_ms), "nothing", {})
        self.failure = ""
        """Why the newest head could not be followed, empty when it was."""
        self.newest()

    def newest(self) -> Tick:
        """The newest tick that could be read whole; one `stat` when nothing changed.

        While one thread reads a new tick, the others go on with the one before.
        """
        signature = self._signature()
        if signature not in (None, self._seen) and self._lock.acquire(blocking=False):
            try:
                if signature != self._seen:
                    self._follow()
                    self._seen, self.failure = signature, ""
            except (FormatError, OSError, ValueError, KeyError, TypeError) as error:
                reason = str(error) or type(error).__name__
                if reason != self.failure:
                    logger.warning("the published tree cannot be read, going on with the tick before: %s", reason)
                self.failure = reason
            finally:
                self._lock.release()
        return self._tick

    def _follow(self) -> None:
        text = (self._directory / HEAD).read_bytes()
        newest, _ = head.parse(text)
        listed = files.parse(self._read(files_key(newest.seq, newest.files.sha256), newest.files)).files
        full_key, delta_key = _compat_keys(listed)
        tag = "".join(listed[key].sha256[:16] for key in (full_key, delta_key) if key)
        if tag == self._tick.tag:
            self._tick.head = newest
            return
        if full_key != self._base[0]:
            whole, tail = _parsed(gzip.decompress(self._read(full_key, listed[full_key])))
            self._base = full_key, whole, _channels(tail), tail["generatedAt"]
        _, entries, channels, generated_at = self._base
        if delta_key:
            changed, tail = _parsed(gzip.decompress(self._read(delta_key, listed[delta_key])))
            entries, channels = {**entries, **changed}, {**channels, **_channels(tail)}
            generated_at = tail["syncTimestamp"]
        self._tick = Tick(generated_at, tag, entries, channels, full_key, newest)

    def _read(self, key: str, file: head.File) -> bytes:
        body = (self._directory / key).read_bytes()
        if sha256(body) != file.sha256:
            raise FormatError(f"{key}: expected hash {file.sha256}, found {sha256(body)}")
        return body

    def _signature(self) -> object:
        try:
            status = (self._directory / HEAD).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _compat_keys(listed: Mapping[str, head.File]) -> tuple[str, str]:
    """Keys of the base's full file, and of the newest delta or empty."""
    full = [key for key in listed if FULL.fullmatch(key)]
    deltas = {int(match[1]): key for key in listed if (match := DELTA.fullmatch(key))}
    if len(full) != 1:
        raise FormatError(f"expected one full file in the list of files, found {len(full)}")
    return full[0], deltas[max(deltas)] if deltas else ""


def _parsed(body: bytes) -> tuple[dict[str, Entry], dict[str, Any]]:
    """Reads a full or delta file: its entries by video id, removals included, and the object without its videos."""
    lines = body.split(b"\n")
    tail = orjson.loads(lines[0] + lines[-1])
    entries = {gone["videoId"]: Entry(gone["removedAt"], b"") for gone in tail.get("removed", ())}
    for line in lines[1:-1]:
        if line:
            said = orjson.loads(line.removesuffix(b","))
            entries[said["videoId"]] = _entry(said)
    return entries, tail


def _channels(tail: Mapping[str, Any]) -> dict[str, Entry]:
    """The channels of a full or delta file, by id."""
    return {said["channelId"]: _entry(said) for said in tail["channels"]}


def _entry(said: dict[str, Any]) -> Entry:
    action = said.pop("action", "update")
    return Entry(said["lastUpdated"], orjson.dumps(said) if action == "update" else b"")


def _lines(known: Mapping[str, Entry]) -> list[bytes]:
    return [entry.line for entry in known.values() if entry.line]


def _change(video_id: str, entry: Entry) -> bytes:
    if entry.line:
        return b'{"action":"update",' + entry.line[1:]
    return orjson.dumps({"videoId": video_id, "action": "remove", "lastUpdated": entry.at})


def _channel_change(channel_id: str, entry: Entry) -> bytes:
    if entry.line:
        return b'{"action":"update",' + entry.line[1:]
    return orjson.dumps({"channelId": channel_id, "action": "remove", "score": 0, "lastUpdated": entry.at})


def _body(videos: Iterable[bytes], channels: Iterable[bytes], name: str, at: str) -> Packed:
    lists = b",".join(videos), b",".join(channels)
    return Packed(gzipped(b'{"videos":[%b],"channels":[%b],"%b":"%b"}' % (*lists, name.encode(), at.encode())))
