"""How few bytes would do: entropies of a set and of its changes, and the direct delta between two ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.churn import Workload
from data.columns import Bytes, Ints
from data.formats import ring
from data.formats.ring import Block

ID_BITS = 64


@dataclass(frozen=True, slots=True)
class Delta:
    """What leads from one tick to another, direct."""

    block: Block
    """With the row numbers of the rows at the earlier tick."""
    n: int
    """How many rows there were."""

    def bytes(self) -> int:
        """As one packed block, the form that a roll has."""
        return len(ring.encode_block(self.block)) if self.block else 0

    def bound_bits(self, value_bits: float) -> float:
        """Entropy: which rows got values, which were removed, which ids came; then the values.

        Args:
            value_bits: Entropy of one row's score and flags.
        """
        added, removed = len(self.block.added), len(self.block.removed)
        changed = len(self.block.rows) - added
        which = choice_bits(self.n, changed) + choice_bits(self.n - changed, removed) + id_bits(added)
        return which + (changed + added) * value_bits


def id_bits(count: int) -> float:
    """Entropy of a set of so many 64-bit integers."""
    return count * ID_BITS - math.lgamma(count + 1) / math.log(2)


def choice_bits(n: int, count: int) -> float:
    """Entropy of a choice of so many of n."""
    return (math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1)) / math.log(2)


def value_bits(scores: Bytes, flags: Bytes) -> float:
    """Joint entropy of score and flags, in bits a row."""
    _, counts = np.unique(scores.astype(np.uint16) << 8 | flags, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


class States:
    """The rows of a workload at each tick, back from its end."""

    def __init__(self, workload: Workload) -> None:
        """Runs through all ticks and remembers what each of them replaced."""
        self._ids = workload.ids
        self._now = np.stack([workload.alive.astype(np.uint8), workload.scores, workload.flags])
        self._ticks: list[tuple[Ints, Bytes, Bytes]] = []
        for tick in workload.ticks:
            after = np.stack([tick.alive.astype(np.uint8), tick.scores, tick.flags])
            self._ticks.append((tick.keys, self._now[:, tick.keys], after))
            self._now[:, tick.keys] = after

    def deltas(self, to: int, lags: int) -> Iterator[Delta]:
        """Direct deltas to a tick: from the one before it, the one before that, and so on.

        Args:
            to: How many ticks of the workload have been.
            lags: From how many ticks before it.
        """
        then = self._now.copy()
        for keys, before, _ in reversed(self._ticks[to:]):
            then[:, keys] = before
        now, touched = then.copy(), np.empty(0, np.int64)
        for keys, before, _ in reversed(self._ticks[to - lags : to]):
            then[:, keys] = before
            touched = np.union1d(touched, keys)
            yield self._delta(then, now[:, touched], touched, to)

    def _delta(self, then: Bytes, now: Bytes, keys: Ints, to: int) -> Delta:
        """What changed of these keys.

        Args:
            then: Alive, score, flags of every id at the earlier tick.
            now: The same of these keys at the later one.
            keys: Ascending.
            to: Its number.
        """
        number = np.cumsum(then[0], dtype=np.int64) - 1
        n = int(number[-1]) + 1
        old = then[:, keys]
        added = keys[(old[0] == 0) & (now[0] == 1)]
        removed = keys[(old[0] == 1) & (now[0] == 0)]
        kept = (old[0] == 1) & (now[0] == 1) & (old != now).any(axis=0)
        rows = np.concatenate([number[keys[kept]], n + np.arange(len(added))])
        fresh = np.isin(keys, added)
        values = np.concatenate([now[1:, kept], now[1:, fresh]], axis=1)
        block = Block(to, n, self._ids[added], rows, values[0], values[1], number[removed])
        return Delta(block, n)
