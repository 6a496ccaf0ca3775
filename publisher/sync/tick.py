"""One tick: from the new verdicts to the files and the head that say so. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace

from data.columns import Keys
from data.formats import ring
from data.formats.files import FileList
from data.formats.head import File, Frozen, Head, Ring, Sunset
from data.formats.ring import Block
from data.formats.tree import RING_FORMS, changes_key, delta_key, files_key, is_shard, kill_key, ring_key, sha256
from publisher.names import Names
from publisher.research import parquet
from publisher.scoring.verdicts import VerdictTable
from publisher.store import Artifact
from publisher.sync import compat
from publisher.sync.bases import BINARY, GZIP, file_of
from publisher.sync.day import advance
from publisher.sync.epoch import PARQUET, Epoch, keys_changed

EXPIRES_MS = 86_400_000
"""A head is stale a day after its tick."""
INLINE_BYTES = 4_096
"""The newest block travels inside the head up to this size."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a tick is, besides its verdicts; times in Unix milliseconds."""

    log: str
    gen: int
    seq: int
    ts: int
    interval_ms: int
    spread_ms: int
    prev: str | None
    """SHA-256 of the payload of the head before."""
    through_position: int
    round_position: int
    round_ms: int
    kill: File | None = None
    """The kill list; the tick lists it, whoever changes it creates it."""
    frozen: Frozen | None = None
    note: str | None = None
    """Why a person overrode a guard for this tick."""
    sunset: Sunset | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """A tick that is ready to be published."""

    head: Head
    artifacts: list[Artifact]
    """The files to create before the commit."""
    attachments: list[bytes]
    """Lines that go with the head: the newest block, when it is small."""


def build(
    epoch: Epoch, table: VerdictTable, changed: Keys, *, names: Names, facts: Facts, roots: Mapping[str, bytes]
) -> Built:
    """Builds all files of a tick and its head.

    Args:
        epoch: The epoch as the tick before left it, or just started.
        table: The verdicts now.
        changed: Keys whose verdicts this tick changed since the epoch's base or the tick before.
        names: What keys stand for.
        facts: What the tick is.
        roots: Root files by key.
    """
    _, rows = table.rows(names.ids)
    epoch = replace(epoch, day=advance(epoch.day, rows, facts.seq))
    artifacts = [Artifact(key, body, "application/json") for key, body in roots.items()] + epoch.artifacts
    outdated = ["/ring-", "/kill-"]
    if facts.seq > epoch.base.seq and (len(changed) or epoch.artifacts):
        artifacts += _changes(epoch, table, changed, names=names, facts=facts)
        outdated.append("/compat/" + epoch.name + "/delta-")
    blocks = epoch.day.blocks()
    members = ring.encode(blocks)
    if blocks:
        artifacts += _ring_files(epoch.name, blocks, members)
    listed = {key: file for key, file in epoch.files.items() if not any(part in key for part in outdated)}
    listed |= {a.key: file_of(a.body) for a in artifacts if not is_shard(a.key)}
    if facts.kill:
        listed[kill_key(facts.kill.sha256)] = facts.kill
    listing = FileList(facts.seq, facts.round_position, facts.round_ms, listed).encode()
    list_file = file_of(listing)
    artifacts.append(Artifact(files_key(facts.seq, list_file.sha256), listing, "application/json"))
    head = Head(
        gen=facts.gen, log=facts.log, seq=facts.seq, epoch=epoch.name, ts=facts.ts, exp=facts.ts + EXPIRES_MS,
        next=facts.ts + facts.interval_ms, spread=facts.spread_ms, n=len(rows), state=rows.state(), base=epoch.base,
        ring=_ring(epoch, blocks, members, facts.seq), epochs=epoch.epochs, files=list_file, prev=facts.prev,
        through_position=facts.through_position, kill=facts.kill, frozen=facts.frozen, note=facts.note,
        sunset=facts.sunset,
    )  # fmt: skip
    newest = members[0] if blocks and blocks[0].seq == facts.seq and len(members[0]) <= INLINE_BYTES else None
    return Built(head, artifacts, [] if newest is None else [base64.b64encode(newest)])


def _changes(epoch: Epoch, table: VerdictTable, changed: Keys, *, names: Names, facts: Facts) -> list[Artifact]:
    delta = compat.delta(
        table, keys_changed(epoch, table, names.ids), names,
        channels=epoch.channels, changes=epoch.channel_changes, sync_ms=facts.ts,
    )  # fmt: skip
    artifacts = [
        Artifact(delta_key(epoch.name, facts.seq, sha256(delta)), delta, "application/json", content_encoding="gzip")
    ]
    if len(changed):
        body = parquet.encode(table, changed, names)
        artifacts.append(Artifact(changes_key(epoch.name, facts.seq, sha256(body)), body, PARQUET))
    return artifacts


def _ring_files(epoch: str, blocks: list[Block], members: list[bytes]) -> list[Artifact]:
    packed, as_json = RING_FORMS
    bodies = [(packed, b"".join(members), BINARY), (as_json, ring.encode_json(blocks), GZIP)]
    newest = blocks[0].seq
    return [Artifact(ring_key(epoch, newest, sha256(body), form), body, kind) for form, body, kind in bodies]


def _ring(epoch: Epoch, blocks: list[Block], members: list[bytes], seq: int) -> Ring | None:
    if not blocks:
        return None
    size_of = {block.seq: len(member) for block, member in zip(blocks, members, strict=True)}
    return Ring(
        file=sha256(b"".join(members))[:16],
        block=sha256(members[0]),
        sizes=tuple(size_of.get(tick, 0) for tick in range(seq, epoch.base.seq, -1)),
    )
