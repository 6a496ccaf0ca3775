"""The published set in the HTTP interface's form (`docs/formats.md`, section 10), without a loop over videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from data.columns import Ints, Keys, Mask
from data.formats.tree import FormatError, gzipped, rfc3339
from data.records import CATEGORIES
from publisher.names import Names
from publisher.scoring.channel_scores import ChannelScores
from publisher.scoring.verdicts import VerdictTable


def shown(table: VerdictTable, keys: Keys) -> Mask:
    """Which of these videos clients of the HTTP interface hold: published ones that somebody flags.

    They apply no update without categories, so a video that lost its last flag must leave them as a removed one.
    """
    return np.asarray(table.published[keys] & (table.category_score[keys] > 0).any(axis=1))


def full(
    table: VerdictTable,
    keys: Keys,
    names: Names,
    *,
    channels: ChannelScores,
    removed: Mapping[str, str],
    generated_ms: int,
) -> bytes:
    """The published set of an epoch's base.

    Args:
        table: The verdicts of the base.
        keys: The shown videos, in published order.
        names: What keys stand for.
        channels: The channels' scores at the base.
        removed: Video id -> RFC 3339 time, of every video that was shown once and is no more.
        generated_ms: A time after the base's changes and before any later ones.
    """
    gone = [{"videoId": video_id, "removedAt": at} for video_id, at in sorted(removed.items())]
    tail = b'],"channels":[%b],"removed":%b,"generatedAt":"%b"}' % (
        b",".join(_bytes(_channels(channels, names, action=""))), orjson.dumps(gone), rfc3339(generated_ms).encode(),
    )  # fmt: skip
    return gzipped(b'{"videos":[\n' + _lines(_results(table, keys, names, channels, action="")) + b"\n" + tail)


def removed_of(body: bytes) -> dict[str, str]:
    """The removal memory of a full file: video id -> RFC 3339 time.

    Raises:
        FormatError: The file's last line is not the one that `full` writes.
    """
    try:
        return {gone["videoId"]: gone["removedAt"] for gone in _tail(body)["removed"]}
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"a full file's last line cannot be read: {error!r}") from error


def changes_of(body: bytes) -> bytes:
    """What a delta file says of channels: a JSON array.

    Raises:
        FormatError: The file's last line is not the one that `delta` writes.
    """
    try:
        return orjson.dumps(_tail(body)["channels"])
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"a delta file's last line cannot be read: {error!r}") from error


def channel_changes(before: ChannelScores, now: ChannelScores, names: Names, *, now_ms: int) -> bytes:
    """What an epoch's first tick changed of channels, which all of its deltas say: a JSON array.

    Args:
        before: The scores at the epoch's base.
        now: Those of its first tick.
        names: What keys stand for.
        now_ms: Time of that tick.
    """
    gone = before.take(now.lacks(before))
    left = _joined(
        '{"channelId":"', names.channel_ids.take(pa.array(gone.channel)),
        f'","action":"remove","score":0,"lastUpdated":"{rfc3339(now_ms)}"}}',
    )  # fmt: skip
    changed = _channels(now.take(np.flatnonzero(now.changed_ms == now_ms)), names, action='"action":"update",')
    return b"[%b]" % b",".join(_bytes(changed) + _bytes(left))


def delta(
    table: VerdictTable, keys: Keys, names: Names, *, channels: ChannelScores, changes: bytes, sync_ms: int
) -> bytes:
    """What changed since an epoch's base.

    Args:
        table: The verdicts now.
        keys: Every video that was published at some time of the epoch and changed in it, in published order.
        names: What keys stand for.
        channels: The channels' scores of this epoch.
        changes: What they changed: `channel_changes`.
        sync_ms: Time of the tick of the newest change.
    """
    gone = _joined(
        '{"videoId":"', names.video_ids.take(pa.array(keys)),
        '","action":"remove","lastUpdated":"', _times(table, keys), '"}',
    )  # fmt: skip
    results = _results(table, keys, names, channels, action='"action":"update",')
    lines = pc.if_else(pa.array(shown(table, keys)), results, gone)
    tail = b'],"channels":%b,"syncTimestamp":"%b"}' % (changes, rfc3339(sync_ms).encode())
    return gzipped(b'{"videos":[\n' + _lines(lines) + b"\n" + tail)


def _tail(body: bytes) -> dict[str, Any]:
    """All of a file but its videos."""
    return dict(orjson.loads(b'{"videos":[' + body[body.rfind(b"\n") + 1 :]))


def _channels(channels: ChannelScores, names: Names, *, action: str) -> pa.Array:
    """One object a channel, by id."""
    ids = names.channel_ids.take(pa.array(channels.channel))
    order = pc.sort_indices(ids)
    return _joined(
        '{"channelId":"', ids,
        f'",{action}"score":', _text(channels.score),
        ',"totalVideos":', _text(channels.videos),
        ',"flaggedVideos":', _text(channels.flagged),
        ',"lastUpdated":"', _rfc3339(channels.changed_ms), '"}',
    ).take(order)  # fmt: skip


def _results(table: VerdictTable, keys: Keys, names: Names, channels: ChannelScores, *, action: str) -> pa.Array:
    scores = channels.by_key(len(names.channel_ids))[table.channel[keys]]
    categories = _joined(*(_category(table, keys, place, name) for place, name in enumerate(CATEGORIES)))
    return _joined(
        '{"videoId":"', names.video_ids.take(pa.array(keys)),
        f'",{action}"score":', _text(table.score[keys]),
        ',"categories":{', pc.utf8_rtrim(categories, ","),
        '},"totalVotes":', _text(table.voters[keys]),
        ',"locked":', _text(table.locked[keys]),
        ',"channelId":"', names.channel_ids.take(pa.array(table.channel[keys])),
        '","channelScore":', _text(scores),
        ',"lastUpdated":"', _times(table, keys), '"}',
    )  # fmt: skip


def _category(table: VerdictTable, keys: Keys, place: int, name: str) -> pa.Array:
    votes, score = table.votes[keys, place], table.category_score[keys, place]
    named = _joined(f'"{name}":{{"votes":', _text(votes), ',"weightedScore":', _text(score), "},")
    return pc.if_else(pa.array(votes > 0), named, "")


def _times(table: VerdictTable, keys: Keys) -> pa.Array:
    return _rfc3339(table.changed_ms[keys])


def _rfc3339(times_ms: Ints) -> pa.Array:
    moments = pa.array(times_ms).dictionary_encode()  # ticks: few different ones
    texts = pc.strftime(moments.dictionary.cast(pa.timestamp("ms", tz="UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    return texts.take(moments.indices)


def _text(column: np.ndarray[tuple[int], np.dtype[np.generic]]) -> pa.Array:
    return pa.array(column).cast(pa.string())


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def _lines(lines: pa.Array) -> bytes:
    return b",\n".join(_bytes(lines))


def _bytes(lines: pa.Array) -> list[bytes]:
    return list(lines.cast(pa.binary()).to_pylist())
