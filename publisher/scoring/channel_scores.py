"""What is published of channels: the share of AI that the last round learned, and what their videos score. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from data.columns import Bytes, Ints, Keys
from data.score import percent
from data.standing import Channels
from data.verdicts import FLAGGED
from publisher.scoring.verdicts import VerdictTable


@dataclass(frozen=True, slots=True)
class ChannelScores:
    """One row for each channel that is published."""

    channel: Keys
    """Ascending, each once."""
    score: Bytes
    """Its share of AI, 0-100."""
    low: Bytes
    """Lower end of the 90 % interval of that share, 0-100; not above `score`."""
    high: Bytes
    """Upper end; not below `score`."""
    settled: Keys
    """Videos that audits or established voters spoke of, at least 1."""
    videos: Keys
    """Videos with standing votes that independent voters agree it made, at least 1."""
    flagged: Keys
    """Of these, published ones at 50 or more."""
    changed_ms: Ints
    """Time of the tick that changed the row last."""

    def __len__(self) -> int:
        return len(self.channel)

    def take(self, rows: Ints) -> ChannelScores:
        """The channels at these row numbers, in that order."""
        return ChannelScores(*(getattr(self, field.name)[rows] for field in fields(self)))

    def by_key(self, size: int) -> Bytes:
        """The score of each channel below `size`, 0 where none is published."""
        scores = np.zeros(size, np.uint8)
        scores[self.channel] = self.score
        return scores

    def lacks(self, other: ChannelScores) -> Ints:
        """Rows of the other's channels that have none here."""
        return np.flatnonzero(~np.isin(other.channel, self.channel))


NUMBERS = ("score", "low", "high", "settled", "videos", "flagged")
"""What may change of a channel."""


def no_channels() -> ChannelScores:
    """Before the first round."""
    nothing, keys = np.empty(0, np.uint8), np.empty(0, np.int32)
    return ChannelScores(keys, nothing, nothing, nothing, keys, keys, keys, np.empty(0, np.int64))


def channel_scores(learned: Channels, table: VerdictTable, before: ChannelScores, *, now_ms: int) -> ChannelScores:
    """Lists the channels that have a settled video, and one that independent voters agree on.

    Args:
        learned: What the round of this tick found.
        table: The verdicts as this tick leaves them.
        before: The list that this one follows.
        now_ms: Time of the tick.
    """
    size = len(learned.share)
    videos, flagged = _counts(table, size)
    listed = (videos > 0) & (learned.settled > 0)
    listed[0] = False
    keys = np.flatnonzero(listed)
    score = percent(learned.share[keys])
    new = ChannelScores(
        channel=keys.astype(np.int32),
        score=score.astype(np.uint8),
        low=np.minimum(percent(learned.low[keys]), score).astype(np.uint8),
        high=np.maximum(percent(learned.high[keys]), score).astype(np.uint8),
        settled=learned.settled[keys].astype(np.int32),
        videos=videos[keys],
        flagged=flagged[keys],
        changed_ms=np.full(len(keys), now_ms, np.int64),
    )
    return _unchanged_kept(new, before)


def recounted(before: ChannelScores, table: VerdictTable, *, now_ms: int) -> ChannelScores:
    """The list for an epoch whose first tick learned nothing: the shares as before, the videos as they stand.

    Args:
        before: The list that this one follows.
        table: The verdicts as this tick leaves them.
        now_ms: Time of the tick.
    """
    videos, flagged = _counts(table, int(before.channel.max(initial=0)) + 1)
    kept = before.take(np.flatnonzero(videos[before.channel]))
    new = replace(
        kept,
        videos=videos[kept.channel],
        flagged=flagged[kept.channel],
        changed_ms=np.full(len(kept), now_ms, np.int64),
    )
    return _unchanged_kept(new, before)


def _counts(table: VerdictTable, size: int) -> tuple[Keys, Keys]:
    """By channel key below `size`: videos with standing votes, and of these the published ones at 50 or more."""
    voted = table.voters > 0
    flagged = voted & table.published & (table.score >= FLAGGED)
    videos, high = (np.bincount(table.channel[of], minlength=size)[:size] for of in (voted, flagged))
    return videos.astype(np.int32), high.astype(np.int32)


def _unchanged_kept(new: ChannelScores, before: ChannelScores) -> ChannelScores:
    """The new list, with the times of rows that say what they said before."""
    _, here, there = np.intersect1d(new.channel, before.channel, assume_unique=True, return_indices=True)
    same = np.ones(len(here), np.bool_)
    for name in NUMBERS:
        same &= getattr(new, name)[here] == getattr(before, name)[there]
    new.changed_ms[here[same]] = before.changed_ms[there[same]]
    return new
