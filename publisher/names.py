"""What the votes log's keys stand for."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from data.formats.rows import Ids, id_column
from data.log.read import LogReader


@dataclass(frozen=True, slots=True)
class Names:
    """Ids by key; entry 0 is empty."""

    video_ids: pa.Array
    """Text, by video key."""
    channel_ids: pa.Array
    """Text, by channel key."""
    ids: Ids
    """The video ids once more, as the published formats hold them."""


def names_of(log: LogReader) -> Names:
    """Reads what a log's keys stand for."""
    video_ids = log.video_ids()
    return Names(video_ids, log.channel_ids(), id_column(video_ids.to_numpy(zero_copy_only=False)))
