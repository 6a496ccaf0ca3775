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
Lie = Callable[[dict[str, Row | None]], dict[str, Row | None]]

FIELDS: dict[str, pa.DataType] = {
    "video_id": pa.string(), "score": pa.uint8(), "evidence": pa.float64(), "published": pa.bool_(),
    "locked": pa.bool_(), "prior_only": pa.bool_(), "voters": pa.int32(), "held": pa.int32(),
    **{f"votes_{name}": pa.int32() for name in (*CATEGORIES, "not_ai")},
    **{f"score_{name}": pa.uint8() for name in CATEGORIES}, "channel_id": pa.string(),
    "changed_at": pa.timestamp("ms", "UTC"),
}  # fmt: skip
SCHEMA = pa.schema([pa.field(name, kind, metadata={"description": name}) for name, kind in FIELDS.items()])


def rfc3339(ms: int) -> str:
    """Time of a tick."""
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).isoformat(timespec="milliseconds")


def parquet(rows: dict[str, Row | None], changed_ms: dict[str, int], schema: pa.Schema = SCHEMA) -> bytes:
    """Verdicts of some videos; None for one that is not published.

    Args:
        rows: by id.
        changed_ms: by id, the tick that changed it last.
        schema: of the file; a column that section 11 does not know holds ids.
    """
    columns: dict[str, list[Any]] = {name: [] for name in FIELDS}
    for video_id in in_order(rows):
        row = rows[video_id]
        score, flags = row or NEVER
        told = {"video_id": video_id, "score": score, "published": row is not None, "locked": bool(flags & 64)}
        told["prior_only"] = bool(flags & 128)
        told |= {
            "evidence": 1.5,
            "voters": 1 if row else 0,
            "channel_id": "",
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
        self, *, in_parquet: Lie = lambda rows: rows, in_compat: Lie = lambda rows: rows, schema: pa.Schema = SCHEMA
    ) -> None:
        """Begin before tick 1; a lie goes over the rows that a kind of file tells."""
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
            self.epoch = self.begin(day, payload["base"]["seq"], tree.epoch.base_rows, ts_ms)
        changed = [i for i in {*before, *after} if before.get(i) != after.get(i)] if seq > 1 else []
        self.changed_ms |= dict.fromkeys(changed, ts_ms)
        self.removed = {i: at for i, at in self.removed.items() if i not in after}
        self.removed |= {i: ts_ms for i in before if i not in after}
        if changed:
            delta = parquet(self.in_parquet({i: after.get(i) for i in changed}), self.changed_ms, self.schema)
            self.epoch[f"v1/parquet/{day}/videos-delta-{seq}-{sha256(delta)[:16]}.parquet"] = delta
            self.epoch = {key: content for key, content in self.epoch.items() if "compat" not in key or "full" in key}
            told = self.compat_delta(tree.epoch.base_rows if tree.epoch else {}, after, ts_ms)
            self.epoch[f"v1/compat/{day}/delta-{seq}-{sha256(told)[:16]}.json.gz"] = told
        return self.epoch

    def begin(self, day: str, base_seq: int, base: dict[str, Row], ts_ms: int) -> dict[str, bytes]:
        """An epoch's snapshots."""
        snapshot = parquet(self.in_parquet(dict(base)), self.changed_ms, self.schema)
        gone = [{"videoId": i, "removedAt": rfc3339(at)} for i, at in self.removed.items()]
        shown = {i: row for i, row in self.in_compat(dict(base)).items() if row and row[1] & 31}
        lines = ",\n".join(json.dumps(self.entry(i, shown[i])) for i in in_order(shown))
        rest = json.dumps({"channels": [], "removed": gone, "generatedAt": rfc3339(ts_ms)})
        full = packed(f'{{"videos":[\n{lines}\n],{rest[1:]}'.encode())
        return {
            f"v1/parquet/{day}/videos-{base_seq}-{sha256(snapshot)[:16]}.parquet": snapshot,
            f"v1/compat/{day}/full-{sha256(full)[:16]}.json.gz": full,
        }

    def entry(self, video_id: str, row: Row) -> dict[str, Any]:
        """What is told of one video."""
        at = rfc3339(self.changed_ms.get(video_id, 0))
        return {"videoId": video_id, "score": row[0], "locked": bool(row[1] & 64), "categories": {}, "lastUpdated": at}

    def compat_delta(self, base: dict[str, Row], after: dict[str, Row], ts_ms: int) -> bytes:
        """What changed since the base."""
        changes = self.in_compat({i: after.get(i) for i in {*base, *after} if base.get(i) != after.get(i)})
        videos = []
        for i, row in changes.items():
            removal = {"videoId": i, "action": "remove", "lastUpdated": rfc3339(self.changed_ms.get(i, 0))}
            videos.append(self.entry(i, row) | {"action": "update"} if row and row[1] & 31 else removal)
        return packed(json.dumps({"videos": videos, "channels": [], "syncTimestamp": rfc3339(ts_ms)}).encode())
