"""One tick of a large published set, measured without log and scoring: encoding it, and writing it to a directory.

`python -m benchmarks.tick ROWS CHANGED` prints what it found as JSON. Nothing is read from a votes log: the verdicts
are made up, so that only what follows from them is timed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.columns import Keys
from data.formats import base
from data.formats.rows import Rows, id_column, ids_of_integers
from data.formats.tree import HEAD, epoch_of, root_key, sha256
from publisher import keys
from publisher.effects import commit
from publisher.names import Names
from publisher.scoring.channel_scores import no_channels
from publisher.scoring.verdicts import VerdictTable, empty
from publisher.signer import Signer
from publisher.store import Store
from publisher.stores.local import LocalStore
from publisher.sync import epoch as epochs
from publisher.sync.published import Published, load
from publisher.sync.tick import Facts, build

START_MS, TICK_MS = 1_767_225_600_000, 60_000
"""Midnight, so that all ticks are of one epoch."""
TICKS = 3
"""How many are timed; the middle one counts."""
CHANGED_BEFORE = 40
"""The epoch has changed so many times a tick's rows when the first one is timed: its ring is a late day's."""
SEED = 4


@dataclass(frozen=True, slots=True)
class Crowd:
    """A made-up set of videos."""

    random: np.random.Generator
    names: Names
    signer: Signer
    store: Store

    def verdicts(self, rows: int) -> VerdictTable:
        """As many published videos, all of them flagged."""
        table, every = empty(rows + 1), np.arange(1, rows + 1)
        table.score[every] = self.random.integers(20, 101, rows)
        table.category_score[every, 0] = table.score[every]
        table.published[every] = True
        table.voters[every] = table.votes[every, 0] = self.random.integers(1, 9, rows)
        table.changed_ms[every] = START_MS
        return table

    def changed(self, table: VerdictTable, count: int, now_ms: int) -> tuple[VerdictTable, Keys]:
        """Other scores for some videos; one in twenty is published no more, or again."""
        some = np.sort(self.random.choice(np.arange(1, len(table)), count, replace=False)).astype(np.int32)
        columns = {n: getattr(table, n).copy() for n in ("score", "category_score", "published", "changed_ms")}
        columns["score"][some] = columns["category_score"][some, 0] = self.random.integers(20, 101, count)
        columns["published"][some] ^= self.random.random(count) < 1 / 20
        columns["changed_ms"][some] = now_ms
        return replace(table, **columns), some

    def facts(self, seq: int, now_ms: int, before: Published | None = None) -> Facts:
        """What a tick is."""
        prev = sha256(before.payload) if before else None
        return Facts("ab" * 16, 1, seq, now_ms, TICK_MS, TICK_MS, prev, seq, 1, START_MS)

    def publish(self, epoch: epochs.Epoch, table: VerdictTable, changed: Keys, facts: Facts) -> float:
        """Encodes a tick and writes it; the seconds that it took."""
        begun = time.perf_counter()
        roots = {root_key(version): body for version, body in self.signer.roots.items()}
        built = build(epoch, table, changed, names=self.names, facts=facts, roots=roots)
        commit(self.store, self.signer, built, lambda _what, _done, _all: None)
        return time.perf_counter() - begun


def measure(rows: int, changed: int, directory: Path) -> dict[str, float]:
    """Publishes an epoch's first tick, a busy one, and then those that are timed.

    Args:
        rows: How many rows are published.
        changed: How many of them a tick changes.
        directory: Where to.

    Returns:
        Seconds of the epoch's first tick, of a later one, and of packing the base alone.
    """
    crowd = crowd_of(rows, LocalStore(directory))
    table, seconds, packing = crowd.verdicts(rows), [], []
    begun = time.perf_counter()
    epoch = epochs.first(epoch_of(START_MS), table, no_channels(), crowd.names, START_MS)
    crowd.publish(epoch, table, np.arange(1, rows + 1, dtype=np.int32), crowd.facts(1, START_MS))
    first = time.perf_counter() - begun
    for seq in range(2, 3 + TICKS):
        now_ms = START_MS + seq * TICK_MS
        previous = load(crowd.store, crowd.store.read(HEAD) or b"", crowd.names)
        count = min(rows, changed * CHANGED_BEFORE) if seq == 2 else changed
        table, some = crowd.changed(previous.table, count, now_ms)
        seconds.append(crowd.publish(epochs.current(previous), table, some, crowd.facts(seq, now_ms, previous)))
        packing.append(_packing(table.rows(crowd.names.ids)[1]))
    return {"first": first, "later": statistics.median(seconds[1:]), "packing": statistics.median(packing[1:])}


def _packing(rows: Rows) -> float:
    begun = time.perf_counter()
    base.encode_packed(rows, epoch=epoch_of(START_MS), seq=1, state="")
    return time.perf_counter() - begun


def crowd_of(rows: int, store: Store) -> Crowd:
    """So many videos with random ids, and a new key.

    Args:
        rows: How many.
        store: Where ticks are published to.
    """
    random = np.random.default_rng(SEED)
    values = np.unique(random.integers(0, 1 << 64, rows + rows // 100 + 100, dtype=np.uint64))
    ids = np.concatenate([id_column([""]), ids_of_integers(random.permutation(values)[:rows])])
    names = Names(pa.array(ids.astype("U16").tolist()), pa.array([""]), ids)
    online, *roots = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(4))
    signer = Signer(online, {1: keys.first_root(roots, online, created_ms=START_MS)})
    return Crowd(random, names, signer, store)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="realtube-tick-") as made:
        print(orjson.dumps(measure(int(sys.argv[1]), int(sys.argv[2]), Path(made))).decode())
