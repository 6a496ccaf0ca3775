"""The published state for existing clients, composed from the published files (`docs/formats.md`, section 10)."""

from __future__ import annotations

import gzip
import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from data.formats import files, head
from data.formats.tree import HEAD, FormatError, files_key, rfc3339, sha256
from intake.live import time_stands_still
from intake.tick import ChannelEntry, Entries, Entry, Tick

logger = logging.getLogger(__name__)

FULL = re.compile(r"v1/compat/[^/]+/full-[0-9a-f]{16}\.json\.gz")
DELTA = re.compile(r"v1/compat/[^/]+/delta-(\d+)-[0-9a-f]{16}\.json\.gz")
SNAPSHOT = re.compile(r"v1/parquet/[^/]+/videos-\d+-[0-9a-f]{16}\.parquet")
RETRY_S = 5.0
"""After so long a head that could not be followed is tried again: what it lacks may have come."""


class Published:
    """Follows the head of a store that is a directory."""

    def __init__(self, directory: Path, created_ms: int, clock_s: Callable[[], float] = time_stands_still) -> None:
        """Takes the directory that holds `v1/`, or will.

        Args:
            directory: See above.
            created_ms: When the home was made.
            clock_s: Never goes back; seconds. When it stands still, a head that cannot be followed is tried once.
        """
        self.directory = directory
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._seen: object = None
        self._retry_s = 0.0
        """When to try the head again that was seen and could not be followed."""
        self._base: tuple[str, Entries, str] = ("", Entries(), "")
        self._tick = Tick(rfc3339(created_ms), "nothing", Entries())
        self.failure = ""
        """Why the newest head could not be followed, empty when it was."""
        self.newest()

    def newest(self) -> Tick:
        """The newest tick that could be read whole; one `stat` when nothing changed.

        While one thread reads a new tick, the others go on with the one before.
        """
        signature = self._signature()
        if self._is_news(signature) and self._lock.acquire(blocking=False):
            try:
                if self._is_news(signature):
                    self._seen = signature
                    self._follow()
                    self.failure = ""
            except (FormatError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                self._retry_s = self._clock_s() + RETRY_S
                reason = str(error) or type(error).__name__
                if reason != self.failure:
                    logger.warning("the published tree cannot be read, going on with the tick before: %s", reason)
                self.failure = reason
            finally:
                self._lock.release()
        return self._tick

    def _is_news(self, signature: object) -> bool:
        """Whether a head is there that was not tried yet, or not for a while."""
        if signature is None:
            return False
        return signature != self._seen or bool(self.failure and self._clock_s() >= self._retry_s)

    def _follow(self) -> None:
        text = (self.directory / HEAD).read_bytes()
        newest, _ = head.parse(text)
        listed = files.parse(self._read(files_key(newest.seq, newest.files.sha256), newest.files)).files
        full_key, delta_key = _compat_keys(listed)
        tag = "".join(listed[key].sha256[:16] for key in (full_key, delta_key) if key)
        export_key = next((key for key in listed if SNAPSHOT.fullmatch(key)), "")
        if tag == self._tick.tag:
            self._tick.head, self._tick.export_key = newest, export_key
            return
        if full_key != self._base[0]:
            whole, tail = _parsed(gzip.decompress(self._read(full_key, listed[full_key])))
            self._base = full_key, whole, tail["generatedAt"]
        _, entries, generated_at = self._base
        if delta_key:
            changed, tail = _parsed(gzip.decompress(self._read(delta_key, listed[delta_key])))
            entries, generated_at = entries.changed_by(changed), tail["syncTimestamp"]
        self._tick = Tick(generated_at, tag, entries, full_key, export_key, newest)

    def _read(self, key: str, file: head.File) -> bytes:
        body = (self.directory / key).read_bytes()
        if sha256(body) != file.sha256:
            raise FormatError(f"{key}: expected hash {file.sha256}, found {sha256(body)}")
        return body

    def _signature(self) -> object:
        try:
            status = (self.directory / HEAD).stat()
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


def _parsed(body: bytes) -> tuple[Entries, dict[str, Any]]:
    """Reads a full or delta file: its entries by id, removals included, and the object without its videos."""
    lines = body.split(b"\n")
    tail = orjson.loads(lines[0] + lines[-1])
    videos = {gone["videoId"]: Entry(gone["removedAt"], b"") for gone in tail.get("removed", ())}
    for line in lines[1:-1]:
        if line:
            said = orjson.loads(line.removesuffix(b","))
            videos[said["videoId"]] = _entry(said)
    channels = {said["channelId"]: _channel_entry(said) for said in tail.get("channels", ())}
    return Entries(videos, channels), tail


def _entry(said: dict[str, Any]) -> Entry:
    at = said["lastUpdated"]
    if said.pop("action", "update") != "update":
        return Entry(at, b"")
    return Entry(at, orjson.dumps(said), said["score"], sys.intern(said["channelId"]))


def _channel_entry(said: dict[str, Any]) -> ChannelEntry:
    return ChannelEntry(said["lastUpdated"], said if said.pop("action", "update") == "update" else {})
