"""Days of ticks with the publisher's own encoding: what each head offers, and what it costs a client to follow.

Only what follows from rows is made: base, day, ring, head. Log, scoring and the other files are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.churn import TICKS_A_DAY, Changes, Workload
from data.columns import Ints
from data.formats import ring
from data.formats.head import Base, File, Head, Ring
from data.formats.rows import Ids, Rows
from publisher.signer import Signer
from publisher.sync.day import Day, begin
from publisher.sync.tick import INLINE_BYTES

START_MS, TICK_MS = 1_767_225_600_000, 1_800_000
HASH = "ab" * 32
"""In the place of every hash: heads are as long as real ones."""
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(b"\x01" * 32), {})


@dataclass(frozen=True, slots=True)
class Told:
    """What one tick's head says of its ring."""

    base_seq: int
    sizes: tuple[int, ...]
    """Sizes of the packed blocks, newest first, one a tick since the base."""
    head_bytes: int
    """Payload and signature."""

    @property
    def inline(self) -> bool:
        """Whether the newest block travels in the head."""
        return 0 < self.sizes[0] <= INLINE_BYTES if self.sizes else False


@dataclass(frozen=True, slots=True)
class Cost:
    """What one poll takes."""

    payload: int = 0
    """Bytes of blocks, wherever they travel."""
    heads: int = 0
    """Bytes of the head, and of a commit, without the blocks in them that are needed."""
    requests: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.payload + other.payload, self.heads + other.heads, self.requests + other.requests)


def follow(workload: Workload) -> list[Told]:
    """Encodes every tick.

    Returns:
        By number of ticks: entry 0 is the set at the start. Tick `seq` of the tree is entry `seq` − 1.
    """
    told = [Told(1, (), _head_bytes(1, 1, len(workload.ids), (), 0))]
    alive = np.flatnonzero(workload.alive)
    rows = Rows(workload.ids[alive], workload.scores[alive], workload.flags[alive])
    day, number = _begun(rows, 1, alive, len(workload.ids))
    for place, tick in enumerate(workload.ticks):
        seq = place + 2
        if place and place % TICKS_A_DAY == 0:
            rows = day.rows()
            day, number = _begun(rows, seq - 1, _keys(workload.ids, rows.ids), len(workload.ids))
        day = changed(day, number, workload.ids, tick, seq)
        blocks = day.blocks()
        size_of = {b.seq: len(member) for b, member in zip(blocks, ring.encode(blocks), strict=True)}
        sizes = tuple(size_of.get(number, 0) for number in range(seq, day.base_seq, -1))
        told.append(Told(day.base_seq, sizes, _head_bytes(seq, day.base_seq, len(day.ids), sizes, place)))
    return told


def changed(day: Day, number: Ints, ids: Ids, tick: Changes, seq: int) -> Day:
    """The day after a tick, from its changes alone: what `publisher.sync.day.advance` finds in all rows.

    Args:
        day: As the tick before left it.
        number: Row numbers by key, -1 for ids that the day never held; those that the tick adds are entered.
        ids: Ids by key.
        tick: What changes.
        seq: The tick.
    """
    fresh = tick.keys[(number[tick.keys] < 0) & tick.alive]
    number[fresh] = np.arange(len(day.ids), len(day.ids) + len(fresh))
    room = len(fresh)
    rows = number[tick.keys]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(day, name), np.zeros(room, getattr(day, name).dtype)])
        for name in ("changed_seq", "alive", "scores", "flags")
    }
    columns["changed_seq"][rows], columns["alive"][rows] = seq, tick.alive
    columns["scores"][rows[tick.alive]] = tick.scores[tick.alive]
    columns["flags"][rows[tick.alive]] = tick.flags[tick.alive]
    return replace(
        day,
        ids=np.concatenate([day.ids, ids[fresh]]),
        added_seq=np.concatenate([day.added_seq, np.full(room, seq, np.int64)]),
        **columns,
    )


def cost(told: Sequence[Told], held: int, to: int) -> Cost:
    """What a client that holds one tick takes to reach a later one of the same day or the next (section 9, 4 to 6).

    Args:
        told: By number of ticks, of `follow`.
        held: The tick it holds.
        to: The one that it reaches.
    """
    head, base = told[to], told[to].base_seq - 1
    if held >= base:
        return _read(head, to - held)
    last = told[base]
    if held < last.base_seq - 1:
        raise ValueError(f"tick {held} is more than a day before tick {to}")
    return _read(last, base - held) + _read(head, to - base)


def _read(head: Told, ticks: int) -> Cost:
    """A head, and the prefix of its ring for so many ticks."""
    wanted = sum(head.sizes[:ticks])
    unused = 0
    if head.inline and wanted != head.sizes[0]:
        unused = -(-head.sizes[0] // 3) * 4 + 1
    inline = head.inline and wanted == head.sizes[0]
    return Cost(wanted, head.head_bytes + unused, 1 if inline or not wanted else 2)


def _begun(rows: Rows, seq: int, keys: Ints, size: int) -> tuple[Day, Ints]:
    number = np.full(size, -1, np.int64)
    number[keys] = np.arange(len(keys))
    return begin(rows, seq), number


def _keys(ids: Ids, some: Ids) -> Ints:
    """Places of ids; both stand in published order."""
    return np.flatnonzero(np.isin(ids, some))


def _head_bytes(seq: int, base_seq: int, n: int, sizes: tuple[int, ...], place: int) -> int:
    ts = START_MS + place * TICK_MS
    head = Head(
        gen=1, log=HASH[:32], seq=seq, epoch="2026-01-01", ts=ts, exp=ts + 48 * TICK_MS, next=ts + TICK_MS,
        spread=TICK_MS // 10, n=n, state=HASH, base=Base(base_seq, "2026-01-01", HASH),
        ring=Ring(HASH[:16], HASH, sizes) if any(sizes) else None, epochs=File(HASH, 10_000), files=File(HASH, 10_000),
        prev=HASH, through_position=10_000_000,
    )  # fmt: skip
    return len(SIGNER.sign(head.payload(), []))
