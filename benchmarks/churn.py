"""What changes in a published set from tick to tick: a stated model.

Of a tick's changes a quarter are new ids, a tenth removals, the rest other values; four fifths of these fall on rows
that changed within the last eight hours, as votes come while a video is new, the others anywhere. Ids are random 64-bit
integers. Scores crowd around a place that depends on the flags; both together have an entropy of about 7 bits a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.columns import Bytes, Ints, Mask
from data.formats.rows import Ids, ids_of_integers

TICKS_A_DAY = 48
NEW, REMOVED, RECENT = 0.25, 0.1, 0.8
"""Shares: new ids and removals of all changes; recently changed rows of those that get another value."""
WINDOW = 16
"""For so many ticks a changed row counts as recent."""
FLAGS = (1, 2, 4, 8, 16, 3, 6)
SHARES = (0.56, 0.14, 0.12, 0.05, 0.05, 0.04, 0.04)
"""How often each of `FLAGS` is drawn."""
PLACES = (94, 90, 90, 88, 72, 92, 92)
"""Around which score the rows with each of `FLAGS` crowd."""
WIDTH, SPREAD = 5.0, 0.2
"""Standard deviation of the crowd; share of the scores that lie anywhere instead."""
SCORES = np.arange(20, 101)


@dataclass(frozen=True, slots=True)
class Changes:
    """What one tick changes; one entry a key."""

    keys: Ints
    """Places in `Workload.ids`, ascending, each once."""
    alive: Mask
    """Whether it is in the set from now on."""
    scores: Bytes
    """0 for those that are not."""
    flags: Bytes
    """0 for those that are not."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A set of rows, and what becomes of it; columns have one entry an id."""

    ids: Ids
    """All that are ever in the set, in published order."""
    alive: Mask
    """Whether it is in the set at the start."""
    scores: Bytes
    flags: Bytes
    ticks: Sequence[Changes]
    """Half hours from a midnight on."""


def modelled(rows: int, a_tick: float, days: int, *, seed: int = 1) -> Workload:
    """Draws a workload.

    Args:
        rows: How many are in the set at the start.
        a_tick: Changes a tick; a fraction shows as one more in some ticks.
        days: How many days of ticks.
        seed: Of everything that is random.
    """
    random = np.random.default_rng(seed)
    counts = np.diff(np.floor(np.arange(days * TICKS_A_DAY + 1) * a_tick + 1e-9)).astype(int).tolist()
    fresh = sum(round(NEW * count) for count in counts)
    values = np.unique(random.integers(0, 1 << 64, rows + fresh + rows // 1000 + 8, dtype=np.uint64))
    ids = ids_of_integers(np.sort(random.permutation(values)[: rows + fresh]))
    keys = random.permutation(len(ids))
    start, pool = keys[:rows], keys[rows:]
    alive, scores, flags = np.zeros(len(ids), np.bool_), *np.zeros((2, len(ids)), np.uint8)
    alive[start] = True
    scores[start], flags[start] = draw(random, rows)
    crowd = _Crowd(random, alive.copy(), scores.copy(), flags.copy(), pool)
    recent = np.array_split(random.permutation(start)[: int(a_tick * WINDOW)], WINDOW)
    ticks: list[Changes] = []
    for count in counts:
        ticks.append(crowd.tick(count, np.concatenate(recent)))
        recent = [*recent[1:], ticks[-1].keys]
    return Workload(ids, alive, scores, flags, ticks)


def draw(random: np.random.Generator, count: int) -> tuple[Bytes, Bytes]:
    """Scores and flags of so many rows."""
    kinds = random.choice(len(FLAGS), count, p=SHARES)
    crowded = random.normal(np.array(PLACES)[kinds], WIDTH)
    crowded = np.where(random.random(count) < SPREAD, random.integers(SCORES[0], SCORES[-1] + 1, count), crowded)
    scores = np.clip(np.rint(crowded), SCORES[0], SCORES[-1])
    return scores.astype(np.uint8), np.array(FLAGS, np.uint8)[kinds]


@dataclass(slots=True)
class _Crowd:
    """The set as the last tick left it; columns have one entry a key."""

    random: np.random.Generator
    alive: Mask
    scores: Bytes
    flags: Bytes
    pool: Ints
    """Keys that were never in the set."""

    def tick(self, count: int, recent: Ints) -> Changes:
        """Changes so many rows, fewer when there are not enough."""
        new, self.pool = np.split(self.pool, [round(NEW * count)])
        here = np.flatnonzero(self.alive)
        gone = self._some(here, round(REMOVED * count))
        others = count - len(new) - len(gone)
        recent = np.unique(recent[self.alive[recent]])
        hot = self._some(np.setdiff1d(recent, gone), round(RECENT * others))
        cold = self._some(here, others - len(hot))
        changed = np.setdiff1d(np.union1d(hot, cold), gone)
        self._set(new, *draw(self.random, len(new)))
        scores, flags = draw(self.random, len(changed))
        same = (scores == self.scores[changed]) & (flags == self.flags[changed])
        self._set(changed, np.where(same, scores ^ 1, scores).astype(np.uint8), flags)
        self._set(gone, np.zeros(len(gone), np.uint8), np.zeros(len(gone), np.uint8))
        self.alive[gone] = False
        keys = np.sort(np.concatenate([new, gone, changed]))
        return Changes(keys, self.alive[keys], self.scores[keys], self.flags[keys])

    def _some(self, keys: Ints, count: int) -> Ints:
        return self.random.choice(keys, min(count, len(keys)), replace=False)

    def _set(self, keys: Ints, scores: Bytes, flags: Bytes) -> None:
        self.alive[keys], self.scores[keys], self.flags[keys] = True, scores, flags
