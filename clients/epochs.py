"""The epochs file: an epoch's base, its shards, and the rolls that lead to it (formats, sections 12 and 13)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clients.decode import decode_block, inflate
from clients.errors import Damaged, Malformed
from clients.head import EPOCH, MAX_ROWS, FileEntry, Head
from clients.packed import read_base
from clients.rows import Block, NumberedRows
from clients.strict import Fields, read_json

MAX_EPOCHS_BYTES = 1 << 20
"""Of the epochs file, packed and inflated: 30 rolls take a few kibibytes."""
MAX_ROLL_PERCENT = 60
"""Of the packed base's bytes: with a larger roll the base is read."""
MAX_DIGITS = 3


@dataclass(frozen=True, slots=True)
class RollEntry:
    """The way from one earlier epoch's base."""

    epoch: str
    seq: int
    """That epoch's `base.seq`."""
    n: int
    """Rows of that epoch's base."""
    bytes: int
    file: str | None
    """SHA-256; None when both bases are equal."""

    def key(self, epoch: str) -> str:
        """Key of the roll to the base of `epoch`; only where there is a file."""
        assert self.file is not None
        return f"v1/roll/{epoch}/{self.epoch}-{self.file[:16]}.bin"


@dataclass(frozen=True, slots=True)
class EpochsFile:
    """What leads to one epoch's base."""

    epoch: str
    seq: int
    n: int
    state: str
    p1: FileEntry
    p2: FileEntry
    json: FileEntry
    digits: int
    """Hex digits of a shard's prefix."""
    top: str
    """The hash at the top of the shards' tree."""
    rolls: tuple[RollEntry, ...]

    @property
    def p1_key(self) -> str:
        """Key of the packed base's first part."""
        return f"v1/e/{self.epoch}/base-{self.p1.sha256[:16]}.p1"

    @property
    def p2_key(self) -> str:
        """Key of the packed base's second part."""
        return f"v1/e/{self.epoch}/base-{self.p2.sha256[:16]}.p2"

    @property
    def json_key(self) -> str:
        """Key of the JSON base."""
        return f"v1/e/{self.epoch}/base-{self.json.sha256[:16]}.json.gz"

    def roll_from(self, epoch: str, seq: int) -> RollEntry | None:
        """The roll from another epoch's base, where it is shorter than the base."""
        whole = self.p1.bytes + self.p2.bytes
        for roll in self.rolls:
            if (roll.epoch, roll.seq) == (epoch, seq) and roll.bytes * 100 <= whole * MAX_ROLL_PERCENT:
                return roll
        return None


def decode_epochs(packed: bytes, head: Head) -> EpochsFile:
    """The epochs file, checked against the head that names it.

    Raises:
        Damaged: when size, hash, form or base are not what the head says.
    """
    if len(packed) != head.epochs.bytes or hashlib.sha256(packed).hexdigest() != head.epochs.sha256:
        raise Damaged(head.epochs_key, f"{len(packed)} bytes that do not have the hash {head.epochs.sha256}")
    try:
        epochs = read_epochs(inflate(packed, MAX_EPOCHS_BYTES))
    except Malformed as error:
        raise Damaged(head.epochs_key, str(error)) from None
    if (epochs.epoch, epochs.seq, epochs.state) != (head.epoch, head.base.seq, head.base.state):
        raise Damaged(head.epochs_key, f"is of {epochs.epoch}, tick {epochs.seq}, {epochs.state}, against the head")
    return epochs


def read_epochs(text: bytes) -> EpochsFile:
    """Parse an inflated epochs file.

    Raises:
        Malformed: when it breaks its format.
    """
    fields = Fields.of(read_json(text))
    fields.integer("v", 1, 1)
    base, shards = fields.object("base"), fields.object("shards")
    epoch = fields.text("epoch", EPOCH)
    rolls = tuple(_roll(Fields.of(entry, f"rolls[{i}].")) for i, entry in enumerate(fields.array("rolls")))
    days = [epoch, *(roll.epoch for roll in rolls)]
    if any(later <= earlier for later, earlier in pairwise(days)):
        raise fields.wrong("rolls", "earlier epochs, newest first,")
    return EpochsFile(
        epoch=epoch,
        seq=base.integer("seq", 1),
        n=base.integer("n", 0, MAX_ROWS),
        state=base.hash("state"),
        p1=_file(base.object("p1")),
        p2=_file(base.object("p2")),
        json=_file(base.object("json")),
        digits=shards.integer("digits", 0, MAX_DIGITS),
        top=shards.hash("root"),
        rolls=rolls,
    )


def _file(fields: Fields) -> FileEntry:
    return FileEntry(fields.integer("bytes"), fields.hash("file"))


def _roll(fields: Fields) -> RollEntry:
    file = None if fields.any("file") is None else fields.hash("file")
    size = fields.integer("bytes")
    if (file is None) != (size == 0):
        raise fields.wrong("bytes", "0 where there is no file, and only there,")
    n = fields.integer("n", 0, MAX_ROWS)
    return RollEntry(fields.text("epoch", EPOCH), fields.integer("seq", 1), n, size, file)


def decode_base(part_1: bytes, part_2: bytes, epochs: EpochsFile) -> NumberedRows:
    """The rows of a packed base whose parts have their sizes and hashes.

    Raises:
        Damaged: when content or the rows' hash is not what the epochs file says.
    """
    try:
        base = read_base(part_1, part_2)
    except Malformed as error:
        raise Damaged(epochs.p1_key, str(error)) from None
    found = (base.epoch, base.seq, base.state, base.rows.n)
    if found != (epochs.epoch, epochs.seq, epochs.state, epochs.n):
        raise Damaged(epochs.p1_key, f"holds {found}, not what the epochs file says")
    return base.rows


def decode_roll(content: bytes, roll: RollEntry, epochs: EpochsFile) -> Block:
    """The block of a roll whose size and hash are right.

    Raises:
        Damaged: when it is not one that leads from that base to this one.
    """
    key = roll.key(epochs.epoch)
    block = decode_block(content, key)
    if (block.next, block.seq, block.first) != (None, epochs.seq, roll.n):
        raise Damaged(key, f"leads from {block.first} rows to tick {block.seq}, not from {roll.n} to {epochs.seq}")
    if not np.isin(np.arange(roll.n, roll.n + len(block.added)), block.rows).all():
        raise Damaged(key, "adds an id without its value")
    return block
