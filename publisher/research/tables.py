"""From published verdicts to the tables that people browse: columns in, columns out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.records import CATEGORIES, NOT_AI, STANCES

CATEGORY_TEXTS = {
    "fully_ai": ("Fully AI", "The video as a whole is made by AI: pictures, voice and script."),
    "ai_voiceover": ("AI voiceover", "The voice is synthetic or cloned."),
    "ai_visuals": ("AI visuals", "Pictures or footage inside the video are generated."),
    "ai_thumbnails": ("AI thumbnails", "The thumbnail is generated, whatever the video itself is."),
    "ai_assisted": ("AI assisted", "People made it with substantial help of AI, for example in script or editing."),
    NOT_AI: ("Not AI", "A counter-vote: made by people, nothing of it by AI."),
}
"""By stance: title and description, for people."""


def newest(files: Sequence[pa.Table]) -> pa.Table:
    """The rows as the newest file that holds them says, less those that have no votes left, by video id.

    Args:
        files: Snapshot, then changes in the order of their ticks, as `research.parquet` writes them.
    """
    rows = pa.concat_tables(files)
    keys = rows["video_id"].combine_chunks().dictionary_encode()
    last = np.zeros(len(keys.dictionary), np.int64)
    last[keys.indices.to_numpy()] = np.arange(len(rows))  # later rows overwrite earlier ones
    rows = rows.take(pa.array(last))
    return rows.filter(pc.greater(rows["voters"], 0)).sort_by("video_id")


def videos(rows: pa.Table) -> pa.Table:
    """The `videos` table, in the same order, without its computed columns.

    Args:
        rows: As `newest` returns them.
    """
    columns = {name: _plain(rows[name]) for name in rows.column_names}
    columns["top_category"] = _leading(rows)
    columns["channel_id"] = pc.if_else(pc.equal(rows["channel_id"], ""), _NO_TEXT, rows["channel_id"])
    return pa.table(columns)


def channels(videos: pa.Table, scores: pa.Table) -> pa.Table:
    """The `channels` table: what a channel's videos say together and what the round learned of it, by channel id.

    Args:
        videos: The `videos` table.
        scores: As `research.channels` writes them; a channel that is not among them has no score.
    """
    known = videos.filter(pc.is_valid(videos["channel_id"]))
    parts = known.group_by("channel_id").aggregate(
        [([], "count_all"), ("published", "sum"), ("score", "mean"), ("voters", "sum"), ("changed_at", "max")]
    )
    count = parts["count_all"]
    place = pc.index_in(parts["channel_id"], value_set=scores["channel_id"])
    learned = {name: scores[name].cast(pa.int64()).take(place) for name in ("score", "low", "high", "settled")}
    return pa.table({
        "channel_id": parts["channel_id"],
        "score": learned["score"],
        "score_low": learned["low"],
        "score_high": learned["high"],
        "settled": learned["settled"],
        "videos": count,
        "published_videos": parts["published_sum"],
        "published_ratio": pc.round(pc.divide(parts["published_sum"].cast(pa.float64()), count), 3),
        "mean_score": pc.round(parts["score_mean"], 1),
        "votes": parts["voters_sum"],
        "changed_at": parts["changed_at_max"],
    }).sort_by("channel_id")  # fmt: skip


def categories(videos: pa.Table) -> pa.Table:
    """The `categories` table: one row a stance, in bit order."""
    leaders = videos.filter(pc.equal(videos["published"], 1))["top_category"]
    votes = {name: videos[f"votes_{name}"] for name in STANCES}
    return pa.table({
        "category": list(STANCES),
        "title": [CATEGORY_TEXTS[name][0] for name in STANCES],
        "description": [CATEGORY_TEXTS[name][1] for name in STANCES],
        "videos": [_sum(pc.greater(votes[name], 0)) for name in STANCES],
        "leads": [_sum(pc.equal(leaders, name)) for name in STANCES],
        "votes": [_sum(votes[name]) for name in STANCES],
    })  # fmt: skip


_NO_TEXT = pa.scalar(None, pa.string())


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in one of SQLite's types: times as RFC 3339 text, numbers in 64 bits."""
    if pa.types.is_timestamp(column.type):
        return pc.binary_join_element_wise(pc.strftime(column, format="%Y-%m-%dT%H:%M:%S"), "Z", "")
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return column.cast(pa.int64())
    return column


def _leading(rows: pa.Table) -> pa.Array:
    """The category with the greatest score, of equals the first in bit order; null where all are 0."""
    scores = np.column_stack([rows[f"score_{name}"].to_numpy() for name in CATEGORIES])
    leading = np.where(scores.max(axis=1) > 0, scores.argmax(axis=1), len(CATEGORIES))
    return pa.array([*CATEGORIES, None], pa.string()).take(pa.array(leading))


def _sum(column: Any) -> int:
    return int(pc.sum(column).as_py() or 0)
