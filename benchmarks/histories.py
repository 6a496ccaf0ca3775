"""Histories of a published tree, written by the publisher's own functions from rows alone: nothing is scored.

What follows from votes (Parquet, the files for the HTTP interface) is left out: clients do not read it.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.formats import kill as kill_list
from data.formats import ring, signed
from data.formats import root as roots
from data.formats.files import FileList
from data.formats.head import Base, File, Frozen, Head, Ring, Sunset
from data.formats.rows import Rows, id_column, order
from data.formats.tree import (
    RING_FORMS,
    commit_key,
    epoch_of,
    files_key,
    is_shard,
    kill_key,
    ring_key,
    root_key,
    sha256,
)
from publisher import keys
from publisher.signer import Signer
from publisher.sync import bases, rolls
from publisher.sync.day import Day, advance, begin
from publisher.sync.rolls import Roll
from publisher.sync.tick import EXPIRES_MS, INLINE_BYTES
from publisher.trust.changes import with_online_key

DAY_MS = 86_400_000
TICK_MS, SPREAD_MS = 1_800_000, 300_000
LOG = "ab" * 16

Row = tuple[int, int]
"""Score and flags."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the next tick begins."""

    head: Head
    payload: bytes
    day: Day
    rolls: Sequence[Roll]
    """What leads to the epoch's base."""
    files: Mapping[str, File]
    """The epoch's."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One published tick."""

    stand: Stand
    text: bytes
    """Its head."""
    rows: Rows
    killed: frozenset[str]

    @property
    def seq(self) -> int:
        """Its number."""
        return self.stand.head.seq


@dataclass(frozen=True, slots=True)
class Notices:
    """What a head may say beside its rows."""

    kill: Collection[str] = ()
    frozen: Frozen | None = None
    note: str | None = None
    sunset: Sunset | None = None


def known_key(number: int) -> Ed25519PrivateKey:
    """The key of a number, 0-255: everybody can have it, so it is worth nothing."""
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def column_of(rows: Mapping[str, Row]) -> Rows:
    """Rows in published order."""
    ids = id_column(list(rows))
    values = np.array(list(rows.values()), np.uint8).reshape(-1, 2)
    places = order(ids)
    return Rows(ids[places], values[places, 0], values[places, 1])


@dataclass(slots=True)
class History:
    """A tree in memory, tick by tick."""

    created_ms: int
    objects: dict[str, bytes] = field(default_factory=dict)
    """Every file but `v1/head`, which is the newest tick's text."""
    ticks: list[Tick] = field(default_factory=list)
    signer: Signer = field(init=False)
    root_keys: tuple[Ed25519PrivateKey, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Publishes root 1."""
        self.root_keys = known_key(1), known_key(2), known_key(3)
        online = known_key(9)
        self._trust(online, {1: keys.first_root(self.root_keys, online, created_ms=self.created_ms)})

    def rotate(self, created_ms: int, *, reason: str = "", signers: int = 2) -> None:
        """Publishes the next root: another online key, vouched for by so many root keys."""
        before = self.signer.newest()
        online = known_key(9 + before.version)
        after = with_online_key(before, signed.public_bytes(online), created_ms=created_ms, reason=reason)
        text = signed.sign(after.payload(), signed.ROOT_CONTEXT, self.root_keys[:signers])
        self._trust(online, {**self.signer.roots, after.version: text})

    def tick(
        self, ts_ms: int, rows: Rows, notices: Notices | None = None, *, on: Tick | None = None, seq: int | None = None
    ) -> Tick:
        """Publishes a tick.

        Args:
            ts_ms: Its time, Unix milliseconds.
            rows: All rows that it leaves, in published order.
            notices: What else it says.
            on: The tick that it continues; None takes the newest.
            seq: Its number; other than the next one gives up what stands between (formats, section 5).
        """
        notices = notices or Notices()
        before = on.stand if on else self.ticks[-1].stand if self.ticks else None
        number = seq or (before.head.seq + 1 if before else 1)
        broken = before is not None and number != before.head.seq + 1
        if before and broken:
            before = replace(before, head=replace(before.head, seq=number - 1))
        stand = self._turn(before, rows, epoch_of(ts_ms), ts_ms, broken=broken)
        day = stand.day if number == 1 else advance(stand.day, rows, number)
        blocks = day.blocks()
        members = ring.encode(blocks)
        listed = dict(stand.files) | {root_key(v): bases.file_of(text) for v, text in self.signer.roots.items()}
        if blocks:
            bodies = b"".join(members), ring.encode_json(blocks)
            for form, body in zip(RING_FORMS, bodies, strict=True):
                listed |= self._put(ring_key(stand.head.epoch, blocks[0].seq, sha256(body), form), body)
        kill = kill_list.encode(notices.kill) if notices.kill else None
        listed |= self._put(kill_key(sha256(kill)), kill) if kill else {}
        listing = FileList(number, number, ts_ms, listed).encode()
        self._put(files_key(number, sha256(listing)), listing)
        head = replace(
            stand.head, gen=max(self.signer.roots), seq=number, ts=ts_ms, exp=ts_ms + EXPIRES_MS, next=ts_ms + TICK_MS,
            n=len(rows), state=rows.state(), ring=_ring(day, members, blocks, number), files=bases.file_of(listing),
            prev=sha256(before.payload) if before else None, through_position=number,
            kill=bases.file_of(kill) if kill else None, frozen=notices.frozen, note=notices.note, sunset=notices.sunset,
        )  # fmt: skip
        inline = members[:1] if blocks and blocks[0].seq == number and len(members[0]) <= INLINE_BYTES else []
        text = self.signer.sign(head.payload(), [base64.b64encode(member) for member in inline])
        self.objects[commit_key(number)] = text
        made = Tick(replace(stand, head=head, payload=head.payload(), day=day), text, rows, frozenset(notices.kill))
        self.ticks.append(made)
        return made

    def _turn(self, before: Stand | None, rows: Rows, epoch: str, ts_ms: int, *, broken: bool) -> Stand:
        """The tick's epoch, begun when the day is a new one."""
        if before and before.head.epoch == epoch and not broken:
            return before
        ways: list[Roll] = []
        if before:
            rows, seq, base_epoch = before.day.rows(), before.head.seq, before.head.epoch
            ways = rolls.following(before.rolls, before.day, base_epoch, seq=seq, to=epoch)
            ways = [way for way in ways if way.epoch != epoch]
            base_epoch = min(base_epoch, epoch_of(ts_ms - DAY_MS)) if broken else base_epoch
        else:
            seq, base_epoch = 1, epoch
        written = bases.encode(rows, ways, epoch=epoch, seq=seq)
        files: dict[str, File] = {}
        for artifact in written.artifacts:
            listed = self._put(artifact.key, artifact.body)
            files |= {} if is_shard(artifact.key) else listed
        head = Head(
            gen=1, log=LOG, seq=seq, epoch=epoch, ts=ts_ms, exp=ts_ms, next=ts_ms, spread=SPREAD_MS, n=len(rows),
            state=written.epochs.state, base=Base(seq, base_epoch, written.epochs.state), ring=None,
            epochs=written.file, files=written.file, prev=None, through_position=seq,
        )  # fmt: skip
        return Stand(head, b"", begin(rows, seq), ways, files)

    def _trust(self, online: Ed25519PrivateKey, texts: Mapping[int, bytes]) -> None:
        roots.follow(texts)
        self.signer = Signer(online, texts)
        for version, text in texts.items():
            self._put(root_key(version), text)

    def _put(self, key: str, body: bytes) -> dict[str, File]:
        if self.objects.setdefault(key, body) != body:
            raise ValueError(f"{key} holds other bytes")
        return {key: bases.file_of(body)}


def _ring(day: Day, members: Sequence[bytes], blocks: Sequence[ring.Block], seq: int) -> Ring | None:
    if not blocks:
        return None
    sizes = {block.seq: len(member) for block, member in zip(blocks, members, strict=True)}
    ticks = range(seq, day.base_seq, -1)
    return Ring(sha256(b"".join(members))[:16], sha256(members[0]), tuple(sizes.get(tick, 0) for tick in ticks))
