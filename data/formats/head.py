"""Heads (`docs/formats.md`, section 5): the one file that changes, and its unchanging copies, the commits."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from data.formats import signed
from data.formats.tree import LICENCE, FormatError, canonical


@dataclass(frozen=True, slots=True)
class File:
    """A file by its content."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Base:
    """Which rows an epoch's rings count from."""

    seq: int
    """The tick whose rows they are."""
    state: str
    """Hash of the rows."""
    file: File


@dataclass(frozen=True, slots=True)
class Ring:
    """The epoch's changes so far."""

    name: str
    """Key of the ring file."""
    bytes: int
    block: str
    """Hash of the newest block."""
    sizes: tuple[int, ...]
    """One entry for each tick since the base, newest first: its block's bytes, 0 without one."""


@dataclass(frozen=True, slots=True)
class Head:
    """The payload of a head; times in Unix milliseconds."""

    gen: int
    log: str
    seq: int
    epoch: str
    ts: int
    exp: int
    next: int
    spread: int
    n: int
    state: str
    base: Base
    ring: Ring | None
    files: File
    prev: str | None
    through_position: int
    round_position: int
    round_ms: int

    def payload(self) -> bytes:
        """The canonical JSON that the online key signs."""
        ring = self.ring and {
            "name": self.ring.name, "bytes": self.ring.bytes, "block": self.ring.block, "sizes": list(self.ring.sizes),
        }  # fmt: skip
        base, files = self.base, self.files
        return canonical({
            "v": 1, "req": [], "gen": self.gen, "log": self.log, "seq": self.seq, "epoch": self.epoch,
            "ts": self.ts, "exp": self.exp, "next": self.next, "spread": self.spread,
            "n": self.n, "state": self.state,
            "base": {"seq": base.seq, "state": base.state, "file": base.file.sha256, "bytes": base.file.bytes},
            "ring": ring,
            "m": {"file": files.sha256, "bytes": files.bytes},
            "prev": self.prev, "through_position": self.through_position,
            "round": [self.round_position, self.round_ms],
            "kill": None, "sunset": None, "licence": LICENCE,
        })  # fmt: skip


def parse(text: bytes) -> tuple[Head, signed.SignedText]:
    """Reads a head; the caller checks who signed it (`Root.certifies_head`).

    Raises:
        FormatError: It is malformed, or needs a feature that this version does not know.
    """
    envelope = signed.parse(text)
    value = envelope.value()
    if value.get("v") != 1 or value.get("req") != []:
        raise FormatError(f"this head needs a newer reader (v {value.get('v')!r}, req {value.get('req')!r})")
    try:
        return _head(value), envelope
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"a head lacks or garbles a field: {error!r}") from error


def inline_block(envelope: signed.SignedText) -> bytes | None:
    """The newest block, when the head carries it."""
    return base64.b64decode(envelope.attachments[0]) if envelope.attachments else None


def _head(value: dict[str, Any]) -> Head:
    base, ring = value["base"], value["ring"]
    plain = ("gen", "log", "seq", "epoch", "ts", "exp", "next", "spread", "n", "state", "prev", "through_position")
    return Head(
        **{name: value[name] for name in plain},
        base=Base(base["seq"], base["state"], File(base["file"], base["bytes"])),
        ring=ring and Ring(ring["name"], ring["bytes"], ring["block"], tuple(ring["sizes"])),
        files=File(value["m"]["file"], value["m"]["bytes"]),
        round_position=value["round"][0],
        round_ms=value["round"][1],
    )
