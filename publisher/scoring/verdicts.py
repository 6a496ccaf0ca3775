"""The verdict table: what is published of every video, by video key, from tick to tick."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from data.columns import Bytes, Ints, Keys, Mask
from data.formats.rows import LOCKED, PRIOR_ONLY, Ids, Rows, order
from data.records import CATEGORIES, STANCES
from data.score import Verdicts, percent

Grid = npt.NDArray[np.integer]
LEAVE_BELOW = 3
"""A published video leaves when its score falls this far below the minimum, so that it does not flicker."""


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """One entry a video key; entry 0 belongs to no video. Never changed in place."""

    score: Bytes
    """0-100."""
    evidence: npt.NDArray[np.int32]
    """Tenths of log-odds."""
    published: Mask
    locked: Mask
    prior_only: Mask
    """Published although no flag counts: its prior alone lifts it."""
    voters: npt.NDArray[np.int32]
    """Standing votes."""
    held: npt.NDArray[np.int32]
    """Of these, votes of a burst that weigh nothing yet."""
    flip_held_ms: Ints
    """Time of the tick from which on its flip is held, 0 when none is: `score` stays on its old side of 50."""
    votes: Grid
    """Shape (entries, 6): standing votes that name each stance."""
    category_score: Grid
    """Shape (entries, 5): 0-100."""
    channel: Keys
    """Key of the agreed channel, 0 none."""
    changed_ms: Ints
    """Time of the tick that changed the entry last, 0 before any."""

    def __len__(self) -> int:
        return len(self.score)

    def grown(self, size: int) -> VerdictTable:
        """The same table with room for keys below `size`."""
        more = empty(max(0, size - len(self)))
        return VerdictTable(*(np.concatenate([getattr(self, f.name), getattr(more, f.name)]) for f in fields(self)))

    def rows(self, ids: Ids) -> tuple[Keys, Rows]:
        """The published rows in published order, and their keys.

        Args:
            ids: Video ids by key.
        """
        keys = np.flatnonzero(self.published).astype(np.int32)
        keys = keys[order(ids[keys])]
        return keys, Rows(ids=ids[keys], scores=self.score[keys], flags=self._flags(keys))

    def _flags(self, keys: Keys) -> Bytes:
        scores = np.ascontiguousarray(self.category_score[keys].T, np.uint8)
        half = (scores.max(axis=0, initial=0) + 1) // 2
        bits = self.locked[keys] * np.uint8(LOCKED) | self.prior_only[keys] * np.uint8(PRIOR_ONLY)
        for place in range(len(CATEGORIES)):
            bits |= ((scores[place] > 0) & (scores[place] >= half)) * np.uint8(1 << place)
        return np.asarray(bits, np.uint8)


def empty(size: int) -> VerdictTable:
    """A table in which nothing is known of keys below `size`."""
    return VerdictTable(
        score=np.zeros(size, np.uint8),
        evidence=np.zeros(size, np.int32),
        published=np.zeros(size, np.bool_),
        locked=np.zeros(size, np.bool_),
        prior_only=np.zeros(size, np.bool_),
        voters=np.zeros(size, np.int32),
        held=np.zeros(size, np.int32),
        flip_held_ms=np.zeros(size, np.int64),
        votes=np.zeros((size, len(STANCES)), np.int32),
        category_score=np.zeros((size, len(CATEGORIES)), np.uint8),
        channel=np.zeros(size, np.int32),
        changed_ms=np.zeros(size, np.int64),
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """What a tick found of the videos that it scored; all columns have one row a video."""

    keys: Keys
    """Each once."""
    verdicts: Verdicts
    channel: Keys
    """The agreed channel, 0 none."""
    locked: Mask
    """Whether a moderator fixed the score."""
    unflagged: Mask
    """Whether neither an audit nor a vote that weighs something says that the video is AI."""
    hidden: Mask
    """Whether a moderator keeps the video out of the published set."""
    flip_held_ms: Ints
    """Since when its flip is held, 0 when none is."""


def judge(table: VerdictTable, found: Judged, *, minimum: int, now_ms: int) -> tuple[VerdictTable, Keys]:
    """Enters new verdicts; an entry changes when anything of it but its evidence differs.

    Args:
        table: The table as the last tick left it, with room for all keys.
        found: What the tick found.
        minimum: The score at which a video enters the published set.
        now_ms: Time of the tick.

    Returns:
        The new table, and the keys whose entries changed, ascending.
    """
    keys, verdicts = found.keys, found.verdicts
    score = percent(verdicts.score)
    voted = verdicts.voters > 0
    stays = np.where(table.published[keys], score > minimum - LEAVE_BELOW - 1, score >= minimum)
    new = {
        "score": np.where(voted, score, 0).astype(np.uint8),
        "published": voted & stays & ~found.hidden,
        "locked": found.locked,
        "prior_only": voted & stays & ~found.hidden & found.unflagged & ~found.locked,
        "voters": verdicts.voters.astype(np.int32),
        "held": verdicts.held.astype(np.int32),
        "flip_held_ms": found.flip_held_ms,
        "votes": verdicts.votes.astype(np.int32),
        "category_score": percent(verdicts.category_score).astype(np.uint8),
        "channel": found.channel,
    }
    changed = np.zeros(len(keys), np.bool_)
    for name, column in new.items():
        differs = getattr(table, name)[keys] != column
        changed |= differs.any(axis=1) if differs.ndim == 2 else differs
    new["evidence"] = np.round(verdicts.evidence * 10).astype(np.int32)
    new["changed_ms"] = np.full(len(keys), now_ms, np.int64)
    columns = {name: getattr(table, name).copy() for name in new}
    for name, column in new.items():
        columns[name][keys[changed]] = column[changed]
    return replace(table, **columns), np.sort(keys[changed])
