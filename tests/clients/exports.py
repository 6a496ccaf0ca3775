"""Parquet and compat files for test trees, made from docs/formats.md alone, one video at a time."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.clients.packing import packed
from tests.clients.signing import sha256
from tests.clients.tree import Payload, Row, Tree, in_order

CATEGORIES = ("fully_ai", "ai_voiceover", "ai_visuals", "ai_thumbnails", "ai_assisted")
NEVER = (0, 0)
FLIP_HELD_MS: int | None = None
"""Of all videos."""
Lie = Callable[[dict[str, Row | None]], dict[str, Row | None]]
ChannelLie = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]

FIELDS: dict[str, pa.DataType] = {
    "video_id": pa.string(), "score": pa.uint8(), "evidence": pa.float64(), "published": pa.bool_(),
    "locked": pa.bool_(), "prior_only": pa.bool_(), "voters": pa.int32(), "held": pa.int32(),
    "flip_held_since": pa.timestamp("ms", "UTC"),
    **{f"votes_{name}": pa.int32() for name in (*CATEGORIES, "not_ai")},
    **{f"score_{name}": pa.uint8() for name in CATEGORIES}, "channel_id": pa.string(),
    "changed_at": pa.timestamp("ms", "UTC"),
}  # fmt: skip
SCHEMA = pa.schema([pa.field(name, kind, metadata={"description": name}) for name, kind in FIELDS.items()])


def rfc3339(ms: int) -> str:
    """Time of a tick."""
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).isoformat(timespec="milliseconds")


CHANNEL_FIELDS = {
    "channel_id": pa.string(), **dict.fromkeys(("score", "low", "high"), pa.uint8()),
    **dict.fromkeys(("settled", "videos", "flagged"), pa.int32()), "changed_at": pa.timestamp("ms", "UTC"),
}  # fmt: skip
Channel = dict[str, Any]
"""A channel's row by column, `changed_at` in ms."""


def channel_list(channels: list[Channel]) -> bytes:
    """The channel scores of an epoch; a value of another type makes a column of its type."""
    fields = [pa.field(name, kind, metadata={"description": name}) for name, kind in CHANNEL_FIELDS.items()]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(channels, pa.schema(fields)), sink)
    return sink.getvalue()


def told_of(channel: Channel) -> dict[str, Any]:
    """What clients of the HTTP interface are told of a channel."""
    return {
        "channelId": channel["channel_id"], "score": channel["score"], "totalVideos": channel["videos"],
        "flaggedVideos": channel["flagged"], "lastUpdated": rfc3339(channel["changed_at"]),
    }  # fmt: skip


def parquet(
    rows: dict[str, Row | None], changed_ms: dict[str, int], schema: pa.Schema = SCHEMA, channel: str = ""
) -> bytes:
    """Verdicts of some videos; None for one that is not published.

    Args:
        rows: by id.
        changed_ms: by id, the tick that changed it last.
        schema: of the file; a column that section 11 does not know holds ids.
        channel: of all videos.
    """
    columns: dict[str, list[Any]] = {name: [] for name in FIELDS}
    for video_id in in_order(rows):
        row = rows[video_id]
        score, flags = row or NEVER
        told = {"video_id": video_id, "score": score, "published": row is not None, "locked": bool(flags & 64)}
        told["prior_only"] = bool(flags & 128)
        told |= {
            "evidence": 1.5,
            "flip_held_since": FLIP_HELD_MS,
            "voters": 1 if row else 0,
            "channel_id": channel,
            "changed_at": changed_ms.get(video_id, 0),
        }
        for name, values in columns.items():
            values.append(told.get(name, 0))
    sink = io.BytesIO()
    told_columns = [
        pa.array(columns.get(name, columns["video_id"])).cast(schema.field(name).type) for name in schema.names
    ]
    pq.write_table(pa.table(told_columns, schema), sink)
    return sink.getvalue()


class Exports:
    """More files of each tick; keeps what it needs between ticks."""

    def __init__(
        self,
        *,
        in_parquet: Lie = lambda rows: rows,
        in_compat: Lie = lambda rows: rows,
        schema: pa.Schema = SCHEMA,
        channel: str = "",
        in_channels: ChannelLie = lambda channels: channels,
        told: ChannelLie = lambda channels: channels,
    ) -> None:
        """Begin before tick 1; a lie goes over the rows that a kind of file tells.

        Args:
            in_parquet: over rows as Parquet tells them.
            in_compat: the same for the HTTP interface.
            schema: of Parquet.
            channel: of all videos; without one there are none.
            in_channels: over the channel scores of an epoch.
            told: over what clients of the HTTP interface are told of them.
        """
        self.channel, self.in_channels, self.told = channel, in_channels, told
        self.base_channels: list[Channel] = []
        self.channels: list[Channel] = []
        self.began_ms = 0
        self.in_parquet, self.in_compat, self.schema = in_parquet, in_compat, schema
        self.changed_ms: dict[str, int] = {}
        self.removed: dict[str, int] = {}
        self.epoch: dict[str, bytes] = {}
        """Files of the epoch that later ticks list too."""

    def __call__(self, tree: Tree, payload: Payload) -> dict[str, bytes]:
        """The files of a tick that is about to be published."""
        seq, day, ts_ms = payload["seq"], payload["epoch"], int(payload["ts"])
        before, after = tree.rows.get(seq - 1, {}), tree.rows[seq]
        if seq == 1:
            self.changed_ms |= dict.fromkeys(after, ts_ms)
        if not any(f"/{day}/" in key for key in self.epoch):
            assert tree.epoch
            new = self.channels_of(after, seq, ts_ms)
            self.base_channels, self.channels = (self.channels if seq > 1 else new), new
            listed = channel_list(self.in_channels(new))
            self.epoch = {f"v1/parquet/{day}/channels-{seq}-{sha256(listed)[:16]}.parquet": listed}
            self.began_ms = ts_ms
            self.epoch |= self.begin(day, payload["base"]["seq"], tree.epoch.base_rows, ts_ms)
        changed = [i for i in {*before, *after} if before.get(i) != after.get(i)] if seq > 1 else []
        self.changed_ms |= dict.fromkeys(changed, ts_ms)
        self.removed = {i: at for i, at in self.removed.items() if i not in after}
        self.removed |= {i: ts_ms for i in before if i not in after}
        if changed:
            delta = parquet(
                self.in_parquet({i: after.get(i) for i in changed}), self.changed_ms, self.schema, self.channel
            )
            self.epoch[f"v1/parquet/{day}/videos-delta-{seq}-{sha256(delta)[:16]}.parquet"] = delta
            self.epoch = {key: content for key, content in self.epoch.items() if "compat" not in key or "full" in key}
            told = self.compat_delta(tree.epoch.base_rows if tree.epoch else {}, after, ts_ms)
            self.epoch[f"v1/compat/{day}/delta-{seq}-{sha256(told)[:16]}.json.gz"] = told
        return self.epoch

    def begin(self, day: str, base_seq: int, base: dict[str, Row], ts_ms: int) -> dict[str, bytes]:
        """An epoch's snapshots."""
        snapshot = parquet(self.in_parquet(dict(base)), self.changed_ms, self.schema, self.channel)
        gone = [{"videoId": i, "removedAt": rfc3339(at)} for i, at in self.removed.items()]
        shown = {i: row for i, row in self.in_compat(dict(base)).items() if row and row[1] & 31}
        lines = ",\n".join(json.dumps(self.entry(i, shown[i], self.base_channels)) for i in in_order(shown))
        channels = self.told([told_of(channel) for channel in self.base_channels])
        rest = json.dumps({"channels": channels, "removed": gone, "generatedAt": rfc3339(ts_ms)})
        full = packed(f'{{"videos":[\n{lines}\n],{rest[1:]}'.encode())
        return {
            f"v1/parquet/{day}/videos-{base_seq}-{sha256(snapshot)[:16]}.parquet": snapshot,
            f"v1/compat/{day}/full-{sha256(full)[:16]}.json.gz": full,
        }

    def channels_of(self, rows: dict[str, Row], seq: int, ts_ms: int) -> list[Channel]:
        """The channel's scores as a tick learns them, others each time."""
        if not self.channel or not rows:
            return []
        numbers = {"score": 40 + seq % 20, "low": 40, "high": 97, "settled": 1 + seq, "videos": len(rows)}
        flagged = sum(score >= 50 for score, _ in rows.values())
        return [{"channel_id": self.channel, **numbers, "flagged": flagged, "changed_at": ts_ms}]

    def entry(self, video_id: str, row: Row, channels: list[Channel]) -> dict[str, Any]:
        """What is told of one video."""
        of_channel = {"channelId": self.channel, "channelScore": channels[0]["score"] if channels else 0}
        at = rfc3339(self.changed_ms.get(video_id, 0))
        return {
            "videoId": video_id,
            "score": row[0],
            "locked": bool(row[1] & 64),
            "categories": {},
            "lastUpdated": at,
        } | of_channel

    def compat_delta(self, base: dict[str, Row], after: dict[str, Row], ts_ms: int) -> bytes:
        """What changed since the base."""
        changes = self.in_compat({i: after.get(i) for i in {*base, *after} if base.get(i) != after.get(i)})
        videos = []
        for i, row in changes.items():
            removal = {"videoId": i, "action": "remove", "lastUpdated": rfc3339(self.changed_ms.get(i, 0))}
            videos.append(self.entry(i, row, self.channels) | {"action": "update"} if row and row[1] & 31 else removal)
        known = [channel["channel_id"] for channel in self.channels]
        channels = [told_of(one) | {"action": "update"} for one in self.channels if one not in self.base_channels]
        for one in self.base_channels:
            if one["channel_id"] not in known:
                at = rfc3339(self.began_ms)
                channels.append({"channelId": one["channel_id"], "action": "remove", "score": 0, "lastUpdated": at})
        answer = {"videos": videos, "channels": self.told(channels), "syncTimestamp": rfc3339(ts_ms)}
        return packed(json.dumps(answer).encode())
