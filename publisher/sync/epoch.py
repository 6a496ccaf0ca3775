"""The epoch that a tick belongs to: its base, its day so far, the files that stand for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from data.columns import Keys
from data.formats.head import Base, File
from data.formats.rows import Ids, id_column, order
from data.formats.tree import channels_key, full_key, rfc3339, sha256, snapshot_key
from publisher.names import Names
from publisher.research import channels as channels_file
from publisher.research import parquet
from publisher.scoring.channel_scores import ChannelScores
from publisher.scoring.verdicts import VerdictTable
from publisher.store import Artifact
from publisher.sync import bases, compat, rolls
from publisher.sync.day import Day, begin
from publisher.sync.published import Leads, Published

PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch before the tick that is being built."""

    name: str
    """The UTC day."""
    day: Day
    base: Base
    epochs: File
    """The epochs file."""
    base_ms: int
    """Time of the tick whose rows the base holds: what changed in the epoch changed later."""
    files: Mapping[str, File]
    """Files of the epoch that are published already."""
    channels: ChannelScores
    """What its first tick learned of channels."""
    channel_changes: bytes
    """In what that differs from the base, as the compat deltas say it."""
    artifacts: list[Artifact] = field(default_factory=list)
    """Files that start the epoch."""

    def dead_ids(self) -> Ids:
        """Ids that the epoch has held and holds no more."""
        return self.day.ids[~self.day.alive]


def first(name: str, table: VerdictTable, channels: ChannelScores, names: Names, ts_ms: int) -> Epoch:
    """The first epoch of a tree: its base holds the rows of tick 1."""
    started = _start(
        name, table, names, channels,
        seq=1, base_epoch=name, base_ms=ts_ms, generated_ms=ts_ms, leads=Leads({}, []),
    )  # fmt: skip
    return _with_channels(started, channels, names, b"[]", seq=1)


def following(name: str, previous: Published, channels: ChannelScores, names: Names, ts_ms: int, leads: Leads) -> Epoch:
    """A later epoch: its base holds the rows as the tick before left them.

    Args:
        name: The UTC day.
        previous: The newest tick, of an earlier epoch.
        channels: What the epoch's first tick learned of channels.
        names: What keys stand for.
        ts_ms: Time of the epoch's first tick.
        leads: What the epoch before knew of earlier ones.
    """
    table, ids = previous.table, names.ids
    held = np.flatnonzero(np.isin(ids, previous.day.ids)).astype(np.int32)
    gone = held[~compat.shown(table, held)]
    memory = dict(leads.removed) | {ids[key].decode(): rfc3339(int(table.changed_ms[key])) for key in gone.tolist()}
    published = np.flatnonzero(table.published).astype(np.int32)
    back = ids[published[compat.shown(table, published)]]
    for video_id in np.intersect1d(id_column(list(memory)), back).tolist():
        del memory[video_id.decode()]
    head = previous.head
    ways = rolls.following(leads.rolls, previous.day, head.epoch, seq=head.seq, to=name)
    ways = [way for way in ways if way.epoch != name]  # its own first base, given up by a rollback
    started = _start(
        name, table, names, previous.channels,
        seq=head.seq, base_epoch=head.epoch, base_ms=head.ts, generated_ms=ts_ms - 1, leads=Leads(memory, ways),
    )  # fmt: skip
    changes = compat.channel_changes(previous.channels, channels, names, now_ms=ts_ms)
    return _with_channels(started, channels, names, changes, seq=head.seq + 1)


def current(previous: Published) -> Epoch:
    """The epoch that the newest tick belongs to."""
    head = previous.head
    return Epoch(
        head.epoch, previous.day, head.base, head.epochs, previous.base_ms, previous.listing.files,
        previous.channels, previous.channel_changes,
    )  # fmt: skip


def keys_changed(epoch: Epoch, table: VerdictTable, ids: Ids) -> Keys:
    """Keys that were published at some time of the epoch and changed in it, in published order.

    Args:
        epoch: With the day as the tick left it.
        table: The verdicts as the tick left them.
        ids: Ids by key.
    """
    changed = np.flatnonzero(table.changed_ms > epoch.base_ms).astype(np.int32)
    changed = changed[table.published[changed] | np.isin(ids[changed], epoch.dead_ids())]
    return changed[order(ids[changed])]


def _start(
    name: str,
    table: VerdictTable,
    names: Names,
    channels: ChannelScores,
    *,
    seq: int,
    base_epoch: str,
    base_ms: int,
    generated_ms: int,
    leads: Leads,
) -> Epoch:
    keys, rows = table.rows(names.ids)
    base = bases.encode(rows, leads.rolls, epoch=name, seq=seq)
    snapshot = parquet.encode(table, np.flatnonzero(table.voters > 0).astype(np.int32), names)
    shown = keys[compat.shown(table, keys)]
    full = compat.full(table, shown, names, channels=channels, removed=leads.removed, generated_ms=generated_ms)
    return Epoch(
        name=name,
        day=begin(rows, seq),
        base=Base(seq, base_epoch, base.epochs.state),
        epochs=base.file,
        base_ms=base_ms,
        files={},
        channels=channels,
        channel_changes=b"[]",
        artifacts=[
            *base.artifacts,
            Artifact(snapshot_key(name, seq, sha256(snapshot)), snapshot, PARQUET),
            Artifact(full_key(name, sha256(full)), full, "application/json", content_encoding="gzip"),
        ],
    )


def _with_channels(epoch: Epoch, channels: ChannelScores, names: Names, changes: bytes, *, seq: int) -> Epoch:
    body = channels_file.encode(channels, names)
    listed = Artifact(channels_key(epoch.name, seq, sha256(body)), body, PARQUET)
    return replace(epoch, channels=channels, channel_changes=changes, artifacts=[*epoch.artifacts, listed])
