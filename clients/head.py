"""The head: what it must look like before anything in it is believed (formats, section 5)."""

from __future__ import annotations

import datetime
import hashlib
import re
from dataclasses import dataclass

from clients.errors import Malformed, Refused
from clients.signed import SignedText, split_signed
from clients.strict import MAX_INTEGER, Fields, from_base64, shown

HEAD_KEY = "v1/head"
MAX_HEAD_BYTES = 1 << 20
KNOWN_FEATURES: frozenset[str] = frozenset()
"""What a head may demand in `req`; none are defined yet."""
MAX_INLINE_BYTES = 4096
"""Blocks up to this size stand in the head too."""
MAX_ROWS = 1 << 28
"""More rows than this are refused: `n` sets how much may be inflated."""

MAX_KILL_BYTES = 1 << 20

EPOCH = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
LOG = re.compile(r"[0-9a-f]{32}")
H16 = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Size and SHA-256 of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BaseEntry:
    """The complete rows that the epoch's ring counts from."""

    seq: int
    """The tick whose rows they are."""
    epoch: str
    """That tick's epoch."""
    state: str


@dataclass(frozen=True, slots=True)
class RingEntry:
    """The epoch's changes so far."""

    h16: str
    """Of the packed ring file."""
    block: str
    """SHA-256 of the newest block."""
    sizes: tuple[int, ...]
    """Bytes of each tick's packed block, newest first; 0 where the tick has none."""

    @property
    def bytes(self) -> int:
        """Size of the packed ring file."""
        return sum(self.sizes)


@dataclass(frozen=True, slots=True)
class Frozen:
    """The rows stay on purpose."""

    seq: int
    """The tick whose rows they are."""
    reason: str


@dataclass(frozen=True, slots=True)
class Sunset:
    """The tree's announced end."""

    ts_ms: int
    see: str


@dataclass(frozen=True, slots=True)
class Head:
    """One tick's head, well-formed; whether to believe it is for `clients.trust`."""

    signed: SignedText
    gen: int
    log: str
    seq: int
    epoch: str
    ts_ms: int
    exp_ms: int
    next_ms: int
    spread_ms: int
    n: int
    state: str
    base: BaseEntry
    ring: RingEntry | None
    epochs: FileEntry
    m: FileEntry
    prev: str | None
    through_position: int
    kill: FileEntry | None
    frozen: Frozen | None
    note: str | None
    sunset: Sunset | None

    @property
    def epochs_key(self) -> str:
        """Key of the epochs file."""
        return f"v1/epochs-{self.epochs.sha256[:16]}.json.gz"

    @property
    def ring_key(self) -> str:
        """Key of the packed ring; only where there is one."""
        assert self.ring is not None
        newest = self.seq - next(back for back, size in enumerate(self.ring.sizes) if size)
        return f"v1/e/{self.epoch}/ring-{newest}-{self.ring.h16}.bin"

    @property
    def list_key(self) -> str:
        """Key of the list of files."""
        return f"v1/m/{self.seq}-{self.m.sha256[:16]}.json"

    @property
    def kill_key(self) -> str:
        """Key of the kill list; only where there is one."""
        assert self.kill is not None
        return f"v1/kill-{self.kill.sha256[:16]}.json"

    @property
    def commit_key(self) -> str:
        """Key of the unchanging copy."""
        return commit_key(self.seq)

    @property
    def stands_alone(self) -> bool:
        """Whether nothing but the base makes its rows, as when a publisher gave commits up (formats, section 5)."""
        return self.ring is None and self.base.seq == self.seq - 1 and self.base.state == self.state

    @property
    def inline_block(self) -> bytes | None:
        """The newest block, where line 3 holds it undamaged."""
        if not self.ring or not self.signed.attachments or not 0 < self.ring.sizes[0] <= MAX_INLINE_BYTES:
            return None
        try:
            block = from_base64(self.signed.attachments[0].decode("ascii"))
        except (Malformed, UnicodeDecodeError):
            return None
        return block if hashlib.sha256(block).hexdigest() == self.ring.block else None


def commit_key(seq: int) -> str:
    """Key of a tick's commit."""
    return f"v1/c/{seq}.json"


def parse_head(text: bytes) -> Head:
    """Check a head's form: every type, every limit, every sum.

    Raises:
        Refused: `format` when the head breaks its format, `req` when it demands what this client does not know.
    """
    try:
        signed = split_signed(text)
        fields = signed.fields()
        fields.integer("v", 1, 1)
        _check_features(fields.array("req"))
        return _head(signed, fields)
    except Malformed as error:
        raise Refused("format", f"{HEAD_KEY} is not a head of format 1: {error}") from None


def _check_features(features: list[object]) -> None:
    unknown = [feature for feature in features if feature not in list(KNOWN_FEATURES)]
    if unknown:
        raise Refused("req", f"the head demands {shown(unknown)}, which this client does not know: use a newer client")


def _head(signed: SignedText, fields: Fields) -> Head:
    seq = fields.integer("seq", 1)
    epoch = fields.text("epoch", EPOCH)
    base = _base(fields.object("base"), seq)
    head = Head(
        signed=signed,
        gen=fields.integer("gen", 1),
        log=fields.text("log", LOG),
        seq=seq,
        epoch=epoch,
        ts_ms=fields.integer("ts"),
        exp_ms=fields.integer("exp"),
        next_ms=fields.integer("next"),
        spread_ms=fields.integer("spread"),
        n=fields.integer("n", 0, MAX_ROWS),
        state=fields.hash("state"),
        base=base,
        ring=None if fields.any("ring") is None else _ring(fields.object("ring"), seq - base.seq),
        epochs=_file(fields.object("epochs")),
        m=_file(fields.object("m")),
        prev=None if fields.any("prev") is None else fields.hash("prev"),
        through_position=fields.integer("through_position"),
        kill=_file(fields.object("kill"), MAX_KILL_BYTES) if "kill" in fields else None,
        frozen=_frozen(fields.object("frozen"), seq) if "frozen" in fields else None,
        note=fields.text("note") if "note" in fields else None,
        sunset=_sunset(fields.object("sunset")) if "sunset" in fields else None,
    )
    _check_relations(fields, head)
    return head


def _check_relations(fields: Fields, head: Head) -> None:
    base = head.base
    if head.epoch != day_of(head.ts_ms):
        raise fields.wrong("epoch", f"the UTC day of ts, {day_of(head.ts_ms)},")
    if head.exp_ms <= head.ts_ms:
        raise fields.wrong("exp", f"after ts, {head.ts_ms},")
    if (head.prev is None) != (head.seq == 1):
        raise fields.wrong("prev", "null in tick 1 and a hash in every other")
    if head.ring is None and head.state != base.state:
        raise fields.wrong("ring", "an object, as state and base.state differ,")
    if base.epoch > head.epoch or (base.epoch == head.epoch and base.seq > 1):
        raise Malformed(f"base.epoch must be an earlier day than {head.epoch}, found {base.epoch}")


def _base(fields: Fields, seq: int) -> BaseEntry:
    last = max(1, seq - 1)
    return BaseEntry(fields.integer("seq", 1, last), fields.text("epoch", EPOCH), fields.hash("state"))


def _file(fields: Fields, most_bytes: int = MAX_INTEGER) -> FileEntry:
    return FileEntry(fields.integer("bytes", 1, most_bytes), fields.hash("file"))


def _frozen(fields: Fields, seq: int) -> Frozen:
    return Frozen(fields.integer("seq", 1, seq - 1), fields.text("reason"))


def _sunset(fields: Fields) -> Sunset:
    return Sunset(fields.integer("ts"), fields.text("see"))


def _ring(fields: Fields, ticks: int) -> RingEntry:
    sizes = tuple(fields.integers("sizes"))
    if len(sizes) != ticks:
        raise Malformed(f"ring.sizes must have an entry for each of {ticks} ticks, found {len(sizes)}")
    if not any(sizes):
        raise fields.wrong("sizes", "the size of one block at least")
    if sum(sizes) > MAX_INTEGER:
        raise fields.wrong("sizes", "a sum below 2^53")
    return RingEntry(h16=fields.text("file", H16), block=fields.hash("block"), sizes=sizes)


def day_of(ts_ms: int) -> str:
    """The epoch that a time belongs to.

    Args:
        ts_ms: Unix milliseconds, UTC.

    Raises:
        Malformed: when the year has more than four digits.
    """
    try:
        return (datetime.date(1970, 1, 1) + datetime.timedelta(milliseconds=ts_ms)).isoformat()
    except OverflowError:
        raise Malformed(f"ts is beyond the year 9999: {ts_ms}") from None
