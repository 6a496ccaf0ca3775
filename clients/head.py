"""The head: what it must look like before anything in it is believed (formats, section 5)."""

from __future__ import annotations

import datetime
import hashlib
import re
from dataclasses import dataclass

from clients.errors import Malformed, Refused
from clients.signed import SignedText, split_signed
from clients.strict import Fields, from_base64, shown

HEAD_KEY = "v1/head"
MAX_HEAD_BYTES = 1 << 20
KNOWN_FEATURES: frozenset[str] = frozenset()
"""What a head may demand in `req`; none are defined yet."""
MAX_INLINE_BYTES = 4096
"""Blocks up to this size stand in the head too."""
MAX_ROWS = 1 << 28
"""More rows than this are refused: `n` sets how much may be inflated."""

EPOCH = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
LOG = re.compile(r"[0-9a-f]{32}")
RING_KEY = re.compile(r"v1/e/(\d{4}-\d{2}-\d{2})/ring-([1-9]\d{0,15})-([0-9a-f]{16})\.jsonl\.gz", re.ASCII)


@dataclass(frozen=True, slots=True)
class BaseEntry:
    """The complete rows that the epoch's ring counts from."""

    seq: int
    """The tick whose rows they are."""
    state: str
    file: str
    """SHA-256 of the base file."""
    bytes: int


@dataclass(frozen=True, slots=True)
class RingEntry:
    """The epoch's changes so far."""

    name: str
    bytes: int
    block: str
    """SHA-256 of the newest block."""
    sizes: tuple[int, ...]
    """Bytes of each tick's block, newest first; 0 where the tick has none."""
    h16: str
    """First 16 digits of the ring file's SHA-256."""


@dataclass(frozen=True, slots=True)
class ListEntry:
    """The tick's list of files."""

    file: str
    """SHA-256 of the list."""
    bytes: int


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
    m: ListEntry
    prev: str | None
    through_position: int

    @property
    def base_key(self) -> str:
        """Key of the base file."""
        return f"v1/e/{self.epoch}/base-{self.base.file[:16]}.json.gz"

    @property
    def list_key(self) -> str:
        """Key of the list of files."""
        return f"v1/m/{self.seq}-{self.m.file[:16]}.json"

    @property
    def commit_key(self) -> str:
        """Key of the unchanging copy."""
        return f"v1/c/{self.seq}.json"

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
        ring=None if fields.any("ring") is None else _ring(fields.object("ring"), seq, epoch, base.seq),
        m=_list(fields.object("m")),
        prev=None if fields.any("prev") is None else fields.hash("prev"),
        through_position=fields.integer("through_position"),
    )
    _check_round(fields)
    if head.epoch != day_of(head.ts_ms):
        raise fields.wrong("epoch", f"the UTC day of ts, {day_of(head.ts_ms)},")
    if (head.prev is None) != (seq == 1):
        raise fields.wrong("prev", "null in tick 1 and a hash in every other")
    if head.ring is None and head.state != base.state:
        raise fields.wrong("ring", "an object, as state and base.state differ,")
    return head


def _base(fields: Fields, seq: int) -> BaseEntry:
    return BaseEntry(
        seq=fields.integer("seq", 1, max(1, seq - 1)),
        state=fields.hash("state"),
        file=fields.hash("file"),
        bytes=fields.integer("bytes", 1),
    )


def _list(fields: Fields) -> ListEntry:
    return ListEntry(file=fields.hash("file"), bytes=fields.integer("bytes", 1))


def _ring(fields: Fields, seq: int, epoch: str, base_seq: int) -> RingEntry:
    name = fields.text("name", RING_KEY)
    sizes = tuple(fields.integers("sizes"))
    total = fields.integer("bytes", 1)
    if len(sizes) != seq - base_seq:
        raise Malformed(f"ring.sizes must have an entry for each of {seq - base_seq} ticks, found {len(sizes)}")
    if sum(sizes) != total:
        raise Malformed(f"ring.sizes must sum to ring.bytes, {total}, found {sum(sizes)}")
    day, written_by, h16 = RING_KEY.fullmatch(name).groups()  # type: ignore[union-attr]  # matched above
    newest_change = seq - next(place for place, size in enumerate(sizes) if size)
    if (day, int(written_by)) != (epoch, newest_change):
        raise fields.wrong("name", f"the ring of {epoch} up to tick {newest_change}, the last that changed a row,")
    return RingEntry(name=name, bytes=total, block=fields.hash("block"), sizes=sizes, h16=h16)


def _check_round(fields: Fields) -> None:
    if len(fields.integers("round")) != 2:
        raise fields.wrong("round", "a position and a time")


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
