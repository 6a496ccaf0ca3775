"""The published state of one tick, as existing clients are told of it."""

from __future__ import annotations

import gzip
import threading
from bisect import bisect_right
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from data.formats.head import Head
from data.formats.tree import gzipped, rfc3339

ANSWERS_KEPT = 16
"""How many different deltas of one tick are kept ready."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is published of one video."""

    at: str
    """RFC 3339 time of the tick that changed it last; all are of one length, so text order is time order."""
    line: bytes
    """JSON object of its result, empty when it was removed."""
    score: int = 0
    """0-100."""
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class ChannelEntry:
    """What is published of one channel."""

    at: str
    """As of an `Entry`."""
    said: Mapping[str, Any]
    """Its fields by their public names, empty when it was removed."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Videos and channels by id: all that is published, and all that was once and is no more."""

    videos: Mapping[str, Entry] = field(default_factory=dict)
    channels: Mapping[str, ChannelEntry] = field(default_factory=dict)

    def changed_by(self, later: Entries) -> Entries:
        """These entries with later ones in their place."""
        return Entries({**self.videos, **later.videos}, {**self.channels, **later.channels})


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
    entries: Entries
    full_key: str = ""
    """Key of the epoch's base in the store, empty before the first tick."""
    export_key: str = ""
    """Key of the epoch's research snapshot, empty when there is none."""
    head: Head | None = None
    _times: list[str] = field(default_factory=list)
    _full: Packed | None = None
    _deltas: OrderedDict[str, Packed] = field(default_factory=OrderedDict)
    _by_channel: Mapping[str, Sequence[str]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Sorts the times at which something changed."""
        times = {entry.at for entry in self.entries.videos.values()}
        self._times = sorted(times | {entry.at for entry in self.entries.channels.values()})

    def full(self) -> Packed:
        """The body of a full synchronisation."""
        with self._lock:
            if self._full is None:
                lines = (entry.line for entry in self.entries.videos.values() if entry.line)
                channels = (orjson.dumps(entry.said) for entry in self.entries.channels.values() if entry.said)
                self._full = _body(lines, channels, "generatedAt", self.generated_at)
            return self._full

    def place_after(self, since_ms: int) -> str:
        """The newest change at or before a moment, empty when there is none."""
        place = bisect_right(self._times, rfc3339(since_ms))
        return self._times[place - 1] if place else ""

    def delta(self, place: str) -> Packed:
        """The body of all changes after a place of `place_after`, removals included."""
        with self._lock:
            if place not in self._deltas:
                entries = self.entries
                lines = (_change(video_id, one) for video_id, one in entries.videos.items() if one.at > place)
                channels = (_channel_change(name, one) for name, one in entries.channels.items() if one.at > place)
                self._deltas[place] = _body(lines, channels, "syncTimestamp", self.generated_at)
            self._deltas.move_to_end(place)
            while len(self._deltas) > ANSWERS_KEPT:
                self._deltas.popitem(last=False)
            return self._deltas[place]

    def score(self, video_id: str) -> int | None:
        """The published score of a video, None when it is not published."""
        entry = self.entries.videos.get(video_id)
        return entry.score if entry and entry.line else None

    def top_categories(self, channel_id: str) -> list[str]:
        """The categories that the votes on a channel's published videos name, most votes first."""
        votes: Counter[str] = Counter()
        for video_id in self._videos_of(channel_id):
            categories = orjson.loads(self.entries.videos[video_id].line)["categories"]
            votes.update({name: found["votes"] for name, found in categories.items()})
        return [name for name, _ in votes.most_common()]

    def _videos_of(self, channel_id: str) -> Sequence[str]:
        with self._lock:
            if self._by_channel is None:
                by_channel = defaultdict(list)
                for video_id, entry in self.entries.videos.items():
                    if entry.channel_id and entry.line:
                        by_channel[entry.channel_id].append(video_id)
                self._by_channel = dict(by_channel)
            return self._by_channel.get(channel_id, ())


def _change(video_id: str, entry: Entry) -> bytes:
    if entry.line:
        return b'{"action":"update",' + entry.line[1:]
    return orjson.dumps({"videoId": video_id, "action": "remove", "lastUpdated": entry.at})


def _channel_change(channel_id: str, entry: ChannelEntry) -> bytes:
    if entry.said:
        return orjson.dumps({"action": "update", **entry.said})
    return orjson.dumps({"channelId": channel_id, "action": "remove", "score": 0, "lastUpdated": entry.at})


def _body(lines: Iterable[bytes], channels: Iterable[bytes], name: str, at: str) -> Packed:
    parts = (b",".join(lines), b",".join(channels), name.encode(), at.encode())
    return Packed(gzipped(b'{"videos":[%b],"channels":[%b],"%b":"%b"}' % parts))
