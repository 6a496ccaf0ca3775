"""Verdicts as Parquet (`docs/formats.md`, section 11), both ways: what researchers read is what the next tick reads."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.columns import Ints, Keys
from data.formats.rows import order
from data.formats.tree import FormatError
from data.records import CATEGORIES, STANCES
from publisher.names import Names
from publisher.scoring.verdicts import VerdictTable

DESCRIPTIONS = {
    "video_id": "the platform's id of the video",
    "score": "percent that the video is AI-made, 0-100, rounded half up",
    "evidence": "sum of the absolute log-odds that votes gave, one decimal, when the row last changed",
    "published": "whether the video is in the set of rows that clients sync",
    "locked": "whether a moderator fixed the score",
    "prior_only": "whether it is published although no flag of its own counts: its prior lifts it, at most to 49",
    "voters": "standing votes",
    "held": "of these, votes of a burst that weigh nothing until three days have passed or a moderator has looked",
    "flip_held_since": "time of the tick since which its score stays on its old side of 50, because few voters "
    "turned very many videos at once; empty when it does not",
    **{f"votes_{name}": f"standing votes that name {name}" for name in STANCES},
    **{
        f"score_{name}": f"category score of {name}, 0-100: the leading category carries the video's score"
        for name in CATEGORIES
    },
    "channel_id": "the channel that independent voters agree on, or empty",
    "changed_at": "time of the tick that changed this row last",
}
TYPES = {
    "video_id": pa.string(), "channel_id": pa.string(), "evidence": pa.float64(),
    "published": pa.bool_(), "locked": pa.bool_(), "prior_only": pa.bool_(), "changed_at": pa.timestamp("ms", tz="UTC"),
    "flip_held_since": pa.timestamp("ms", tz="UTC"),
    "voters": pa.int32(), "held": pa.int32(), **{f"votes_{name}": pa.int32() for name in STANCES},
    "score": pa.uint8(), **{f"score_{name}": pa.uint8() for name in CATEGORIES},
}  # fmt: skip
SCHEMA = pa.schema(
    [
        pa.field(name, TYPES[name], nullable=name == "flip_held_since", metadata={"description": text})
        for name, text in DESCRIPTIONS.items()
    ],
    metadata={"title": "RealTube verdicts, one row a video", "licence": "CC-BY-4.0"},
)
ROW_GROUP_ROWS = 131_072


def encode(table: VerdictTable, keys: Keys, names: Names) -> bytes:
    """Writes the verdicts of some videos.

    Args:
        table: The verdicts.
        keys: Which videos, in any order; the file is in published order.
        names: What keys stand for.
    """
    keys = keys[order(names.ids[keys])]
    columns = {
        "video_id": names.video_ids.take(pa.array(keys)),
        "score": table.score[keys],
        "evidence": table.evidence[keys] / 10,
        "published": table.published[keys],
        "locked": table.locked[keys],
        "prior_only": table.prior_only[keys],
        "voters": table.voters[keys],
        "held": table.held[keys],
        "flip_held_since": pa.array(table.flip_held_ms[keys], mask=table.flip_held_ms[keys] == 0),
        **{f"votes_{name}": table.votes[keys, place] for place, name in enumerate(STANCES)},
        **{f"score_{name}": table.category_score[keys, place] for place, name in enumerate(CATEGORIES)},
        "channel_id": names.channel_ids.take(pa.array(table.channel[keys])),
        "changed_at": table.changed_ms[keys],
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in SCHEMA]
    sink = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=SCHEMA),
        sink,
        compression="zstd",
        row_group_size=ROW_GROUP_ROWS,
        write_page_index=True,
    )
    return sink.getvalue()


def enter(table: VerdictTable, body: bytes, names: Names) -> VerdictTable:
    """Puts the verdicts of a file into a table that nobody else holds.

    Args:
        table: Changed in place: its columns were made for this by `verdicts.empty`.
        body: A file of `encode`.
        names: What keys stand for.

    Raises:
        FormatError: The file names a video or channel that the log does not know.
    """
    file = pq.read_table(io.BytesIO(body))
    keys = keys_of(file["video_id"], names.video_ids)
    table.score[keys] = file["score"].to_numpy()
    table.evidence[keys] = np.round(file["evidence"].to_numpy() * 10)
    table.published[keys] = file["published"].to_numpy()
    table.locked[keys] = file["locked"].to_numpy()
    table.prior_only[keys] = file["prior_only"].to_numpy()
    table.voters[keys] = file["voters"].to_numpy()
    table.held[keys] = file["held"].to_numpy()
    table.flip_held_ms[keys] = file["flip_held_since"].cast(pa.int64()).fill_null(0).to_numpy()
    for place, name in enumerate(STANCES):
        table.votes[keys, place] = file[f"votes_{name}"].to_numpy()
    for place, name in enumerate(CATEGORIES):
        table.category_score[keys, place] = file[f"score_{name}"].to_numpy()
    table.channel[keys] = keys_of(file["channel_id"], names.channel_ids)
    table.changed_ms[keys] = file["changed_at"].cast(pa.int64()).to_numpy()
    return table


def keys_of(ids: pa.ChunkedArray, by_key: pa.Array) -> Ints:
    """The keys of ids that a published file names.

    Raises:
        FormatError: One of them is not among `by_key`.
    """
    found = pc.index_in(ids, value_set=by_key)
    if found.null_count:
        missing = ids.filter(pc.is_null(found))[0]
        raise FormatError(f"the published files name {missing.as_py()!r}, which the votes log does not know")
    return np.asarray(found.to_numpy(), np.int64)
