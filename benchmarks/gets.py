"""Requests of the real client against a real tree: up to date, on the same day, within thirty days, at first.

The tree has a month of made-up ticks, made by the publisher's own code in memory. In its newest tick a video is taken
back: after its next poll no client may hold it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.report import Row
from benchmarks.tick import START_MS, Crowd, crowd_of
from clients.errors import Missing, TooLarge
from clients.held import read_held
from clients.reference import sync
from data.columns import Keys
from data.formats.tree import HEAD, epoch_of
from publisher.scoring.channel_scores import no_channels
from publisher.scoring.verdicts import VerdictTable
from publisher.stores.memory import MemoryStore
from publisher.sync import epoch as epochs
from publisher.sync.published import leads_of, load

ROWS, CHANGED = 4_000, 12
DAYS, TICKS_A_DAY = 31, 3
DAY_MS = 86_400_000
PART = "syncing"


@dataclass(slots=True)
class MemorySource:
    """A tree in memory, as a client reads it (`clients.source.Source`)."""

    objects: dict[str, bytes]
    requests: int = 0
    received_bytes: int = 0
    where: str = "memory"

    def get(self, key: str, *, limit_bytes: int, prefix_bytes: int | None = None, fresh: bool = False) -> bytes:
        """See `Source.get`."""
        self.requests += 1
        if key not in self.objects:
            raise Missing(key, "not in memory")
        content = self.objects[key] if prefix_bytes is None else self.objects[key][:prefix_bytes]
        self.received_bytes += len(content)
        if len(content) > limit_bytes:
            raise TooLarge(key, f"larger than the {limit_bytes} bytes that it may have")
        return content

    def keys(self) -> Iterator[str]:
        """See `Source.keys`."""
        return iter(list(self.objects))


@dataclass(frozen=True, slots=True)
class Tree:
    """A month of ticks."""

    objects: dict[str, bytes]
    newest: int
    taken_back: str
    """Id of the video that the newest tick removes; every tick before held it."""


@dataclass(frozen=True, slots=True)
class Found:
    """The most GETs of a client, by how far it is behind."""

    up_to_date: int
    same_day: int
    month: int
    """Within thirty days."""
    first: int
    """Without any state, with the root."""
    clients: int
    kept: int
    """Clients that still hold the video that was taken back."""


def tree(rows: int = ROWS, days: int = DAYS) -> Tree:
    """Publishes a month, some ticks a day."""
    store = MemoryStore()
    crowd = crowd_of(rows, store)
    table = crowd.verdicts(rows)
    every = np.arange(1, rows + 1, dtype=np.int32)
    crowd.publish(epochs.first(epoch_of(START_MS), table, no_channels(), crowd.names, START_MS), table, every,
                  crowd.facts(1, START_MS))  # fmt: skip
    newest = 1 + days * TICKS_A_DAY
    gone = int(np.flatnonzero(table.published)[0])
    for seq in range(2, newest + 1):
        day, place = divmod(seq - 2, TICKS_A_DAY)
        now_ms = START_MS + day * DAY_MS + (place + 1) * DAY_MS // (TICKS_A_DAY + 1)
        previous = load(store, store.read(HEAD) or b"", crowd.names)
        table, some = _ticked(crowd, previous.table, now_ms, gone, last=seq == newest)
        if previous.head.epoch == epoch_of(now_ms):
            epoch = epochs.current(previous)
        else:
            leads = leads_of(store, previous)
            epoch = epochs.following(epoch_of(now_ms), previous, no_channels(), crowd.names, now_ms, leads)
        crowd.publish(epoch, table, some, crowd.facts(seq, now_ms, previous))
    return Tree(store.objects, newest, crowd.names.ids[gone].decode())


def _ticked(crowd: Crowd, table: VerdictTable, now_ms: int, gone: int, *, last: bool) -> tuple[VerdictTable, Keys]:
    """Some changes, none of which touches the chosen video, but for the last tick's."""
    table, some = crowd.changed(table, CHANGED, now_ms)
    columns = {name: getattr(table, name).copy() for name in ("published", "changed_ms")}
    columns["published"][gone], columns["changed_ms"][gone] = not last, now_ms
    return replace(table, **columns), np.union1d(some, [gone]).astype(np.int32)


def measure(made: Tree) -> Found:
    """Brings a client to each past tick, then to the newest, and counts."""
    end = list(range(made.newest - 1, made.newest - TICKS_A_DAY - 1, -1))
    earlier = list(range(1, end[-1]))
    counts: dict[int, int] = {}
    kept = again = first = 0
    with tempfile.TemporaryDirectory(prefix="realtube-gets-") as directory:
        for seq in [*end, *earlier, 0]:
            dest = Path(directory) / str(seq)
            if seq:
                sync(MemorySource(made.objects), dest, at=seq)
            report = sync(MemorySource(made.objects), dest)
            counts[seq] = report.requests
            again = max(again, sync(MemorySource(made.objects), dest).requests)
            kept += made.taken_back in _held_ids(dest)
        first = counts.pop(0)
    return Found(
        again, max(counts[seq] for seq in end), max(counts[seq] for seq in earlier), first, len(counts) + 1, kept
    )


def rows() -> list[Row]:
    """The figures as rows of the report."""
    found = measure(tree())
    named: Sequence[tuple[str, int, int | None]] = (
        ("up to date", found.up_to_date, 1),
        ("behind on the same day", found.same_day, 2),
        ("behind by up to 30 days", found.month, 4),
        ("without any state, the root included", found.first, None),
    )
    report = [Row(PART, f"GETs of a client {name}", count, "", most, most, "<=") for name, count, most in named]
    note = f"of {found.clients}, after their next poll"
    return [*report, Row(PART, "clients that hold a video taken back", found.kept, "", 0, 0, "<=", note)]


def _held_ids(dest: Path) -> set[str]:
    held = read_held(dest)
    assert held is not None
    assert held.rows is not None
    now = held.rows.now
    return {video_id.decode() for video_id in now.ids[now.alive].tolist()}
