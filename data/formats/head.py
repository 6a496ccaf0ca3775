"""Heads (`docs/formats.md`, section 5): the one file that changes, and its unchanging copies, the commits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data.formats import signed
from data.formats.tree import FormatError, canonical, ring_key


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
    epoch: str
    """That tick's epoch."""
    state: str
    """Hash of the rows."""


@dataclass(frozen=True, slots=True)
class Ring:
    """The epoch's changes so far."""

    file: str
    """First 16 hex digits of the packed ring file's hash."""
    block: str
    """Hash of the newest packed block."""
    sizes: tuple[int, ...]
    """One entry for each tick since the base, newest first: its packed block's bytes, 0 without one."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """The rows stand still on purpose."""

    seq: int
    """The tick whose rows they are."""
    reason: str


@dataclass(frozen=True, slots=True)
class Sunset:
    """The tree will end."""

    ts: int
    """When, Unix milliseconds."""
    see: str
    """Address of what follows it."""


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
    epochs: File
    files: File
    """The list of files."""
    prev: str | None
    through_position: int
    kill: File | None = None
    """Ids to hide at once."""
    frozen: Frozen | None = None
    note: str | None = None
    """Why a person overrode a guard for this tick."""
    sunset: Sunset | None = None

    def payload(self) -> bytes:
        """The canonical JSON that the online key signs; what is not set is left out."""
        base, ring = self.base, self.ring
        optional = {
            "kill": self.kill and _listed(self.kill),
            "frozen": self.frozen and {"seq": self.frozen.seq, "reason": self.frozen.reason},
            "note": self.note,
            "sunset": self.sunset and {"ts": self.sunset.ts, "see": self.sunset.see},
        }
        return canonical({
            "v": 1, "req": [], "gen": self.gen, "log": self.log, "seq": self.seq, "epoch": self.epoch,
            "ts": self.ts, "exp": self.exp, "next": self.next, "spread": self.spread,
            "n": self.n, "state": self.state,
            "base": {"epoch": base.epoch, "seq": base.seq, "state": base.state},
            "ring": ring and {"file": ring.file, "block": ring.block, "sizes": list(ring.sizes)},
            "epochs": _listed(self.epochs), "m": _listed(self.files),
            "prev": self.prev, "through_position": self.through_position,
            **{name: value for name, value in optional.items() if value is not None},
        })  # fmt: skip

    def ring_key(self) -> str | None:
        """Key of the packed ring file, None without one."""
        if self.ring is None:
            return None
        newest = next(place for place, size in enumerate(self.ring.sizes) if size)
        return ring_key(self.epoch, self.seq - newest, self.ring.file, "bin")


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


def _head(value: dict[str, Any]) -> Head:
    base, ring, frozen, sunset = value["base"], value["ring"], value.get("frozen"), value.get("sunset")
    plain = ("gen", "log", "seq", "epoch", "ts", "exp", "next", "spread", "n", "state", "prev", "through_position")
    return Head(
        **{name: value[name] for name in plain},
        base=Base(base["seq"], base["epoch"], base["state"]),
        ring=ring and _ring(ring, value["seq"] - base["seq"]),
        epochs=_file(value["epochs"]),
        files=_file(value["m"]),
        kill=_file(value["kill"]) if "kill" in value else None,
        frozen=Frozen(frozen["seq"], frozen["reason"]) if frozen is not None else None,
        note=value.get("note"),
        sunset=Sunset(sunset["ts"], sunset["see"]) if sunset is not None else None,
    )


def _ring(value: dict[str, Any], ticks: int) -> Ring:
    sizes = tuple(value["sizes"])
    if len(sizes) != ticks or not any(sizes) or min(sizes) < 0:
        raise ValueError(f"a ring of {ticks} ticks with the sizes {sizes}")
    return Ring(value["file"], value["block"], sizes)


def _file(value: dict[str, Any]) -> File:
    return File(value["file"], value["bytes"])


def _listed(file: File) -> dict[str, object]:
    return {"file": file.sha256, "bytes": file.bytes}
