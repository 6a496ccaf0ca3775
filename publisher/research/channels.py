"""Channel scores as Parquet (`docs/formats.md`, section 11), both ways."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from publisher.names import Names
from publisher.research.parquet import keys_of
from publisher.scoring.channel_scores import ChannelScores

UTC_MS = pa.timestamp("ms", tz="UTC")
COLUMNS = {
    "channel_id": (pa.string(), "the platform's id of the channel"),
    "score": (pa.uint8(), "its share of AI-made videos in percent, 0-100, as the day's full round learned it"),
    "low": (pa.uint8(), "lower end of the 90 % interval of that share, 0-100; never above the score"),
    "high": (pa.uint8(), "upper end of that interval, 0-100; never below the score"),
    "settled": (pa.int32(), "its videos that audits or established voters spoke of: what the share rests on"),
    "videos": (pa.int32(), "videos with standing votes that independent voters agree it made"),
    "flagged": (pa.int32(), "of these, published ones with a score of 50 or more"),
    "changed_at": (UTC_MS, "time of the tick that changed one of these numbers last"),
}
SCHEMA = pa.schema(
    [pa.field(name, kind, nullable=False, metadata={"description": text}) for name, (kind, text) in COLUMNS.items()],
    metadata={"title": "RealTube channels, one row a channel", "licence": "CC-BY-4.0"},
)


def encode(scores: ChannelScores, names: Names) -> bytes:
    """Writes channels, by id.

    Args:
        scores: The channels.
        names: What keys stand for.
    """
    ids = names.channel_ids.take(pa.array(scores.channel))
    by_id = np.asarray(pc.sort_indices(ids), np.int64)
    scores, ids = scores.take(by_id), ids.take(pa.array(by_id))
    columns = {
        "channel_id": ids, "score": scores.score, "low": scores.low, "high": scores.high, "settled": scores.settled,
        "videos": scores.videos, "flagged": scores.flagged, "changed_at": scores.changed_ms,
    }  # fmt: skip
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in SCHEMA]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA), sink, compression="zstd")
    return sink.getvalue()


def decode(body: bytes, names: Names) -> ChannelScores:
    """Reads a file of `encode`.

    Raises:
        FormatError: The file names a channel that the log does not know.
    """
    file = pq.read_table(io.BytesIO(body))
    keys = keys_of(file["channel_id"], names.channel_ids)
    by_key = np.argsort(keys)
    scores = ChannelScores(
        channel=keys.astype(np.int32),
        changed_ms=file["changed_at"].cast(pa.int64()).to_numpy(),
        **{name: file[name].to_numpy() for name in ("score", "low", "high", "settled", "videos", "flagged")},
    )
    return scores.take(by_key)
