"""From the rows held to the rows of a head, by the shortest way that works (formats, section 9, steps 4 to 9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clients.decode import decode_prefix, inflation_limit, prefix_bytes
from clients.epochs import MAX_EPOCHS_BYTES, EpochsFile, decode_base, decode_epochs, decode_roll
from clients.errors import Damaged, Malformed, Missing, Refused, SourceError, TooLarge
from clients.head import MAX_HEAD_BYTES, FileEntry, Head, commit_key, parse_head
from clients.origins import Origins
from clients.rows import Block, EpochRows, NumberedRows, apply_blocks, renumber, state_of


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a client stands: a head, and its rows."""

    head: Head
    rows: EpochRows


@dataclass(frozen=True, slots=True)
class Start:
    """Rows numbered for the head's epoch, and the tick they are of."""

    rows: EpochRows
    seq: int
    how: tuple[str, ...]
    """Words for the steps so far."""


def advance(rows: EpochRows, head: Head, blocks: Sequence[Block]) -> EpochRows:
    """Bring rows to the head's tick, and prove that they arrived (step 9).

    Args:
        rows: numbered for the head's epoch; left as they are.
        head: where to go.
        blocks: of all ticks that are missing, the oldest first.

    Raises:
        Damaged: when a block does not fit, or the rows are not those of the head.
    """
    where = f"rows of tick {head.seq}"
    try:
        now = apply_blocks(rows.now, blocks)
        state = state_of(now)
    except Malformed as error:
        raise Damaged(where, str(error)) from None
    if (state, now.n) != (head.state, head.n):
        raise Damaged(where, f"{now.n} rows with the hash {state}, the head says {head.n} with {head.state}")
    return EpochRows(rows.base, now)


def begin_epoch(rows: NumberedRows, head: Head) -> EpochRows:
    """Drop the removed rows, sort, number anew: what every client does when an epoch ends (step 5).

    Raises:
        Damaged: when the rows are not the base of the head's epoch.
    """
    where = f"base of {head.epoch}"
    try:
        base = renumber(rows)
        state = state_of(base)
    except Malformed as error:
        raise Damaged(where, str(error)) from None
    if state != head.base.state:
        raise Damaged(where, f"the rows have the hash {state}, the head says {head.base.state}")
    return EpochRows(base, base)


def apply_roll(base: NumberedRows, roll: Block, head: Head) -> EpochRows:
    """From an earlier epoch's base to that of the head's epoch (step 7).

    An id that was removed and added again under another number stands there once, with the added one's value.

    Raises:
        Damaged: when the roll does not fit, or does not lead to the head's base.
    """
    try:
        rows = apply_blocks(base, [roll])
    except Malformed as error:
        raise Damaged(f"roll to {head.epoch}", str(error)) from None
    return begin_epoch(rows, head)


def fetch_blocks(origins: Origins, head: Head, seq: int) -> tuple[list[Block], str]:
    """The blocks of the ticks after `seq`, the oldest first, and the word for how they came (step 4).

    Raises:
        Damaged: when they are not what the head says, whoever delivers them.
        SourceError: when nobody has them.
    """
    ticks = head.seq - seq
    wanted = prefix_bytes(head.ring, ticks) if head.ring else 0
    if not head.ring or not wanted:
        return [], ""
    inline = head.inline_block
    if inline is not None and len(inline) == wanted:
        return decode_prefix(inline, head, ticks), "inline"
    most = inflation_limit(head.n)
    if wanted > most:
        raise Damaged(head.ring_key, f"{wanted} bytes are more than the {most} that are plausible")
    part = wanted if wanted < head.ring.bytes else None
    check: Callable[[bytes], list[Block]] = lambda prefix: decode_prefix(prefix, head, ticks)  # noqa: E731
    return origins.get(head.ring_key, limit_bytes=wanted, prefix_bytes=part, check=check), "ring"


def fetch_commit(origins: Origins, seq: int, state: str | None = None) -> Head:
    """The head of one tick.

    Args:
        origins: who may have it.
        seq: the tick.
        state: the hash that its rows must have; None takes any.

    Raises:
        Damaged: when it is another tick's, or none.
        SourceError: when nobody has it.
    """
    key = commit_key(seq)

    def check(text: bytes) -> Head:
        try:
            head = parse_head(text)
        except Refused as error:
            raise Damaged(key, str(error)) from None
        if head.seq != seq or state not in (None, head.state):
            raise Damaged(key, f"is of tick {head.seq} with the rows {head.state}, expected {seq} with {state}")
        return head

    return origins.get(key, limit_bytes=MAX_HEAD_BYTES, check=check)


class Climb:
    """The way to one head."""

    def __init__(self, origins: Origins, head: Head, stand: Stand | None) -> None:
        """Stand before the first step; nothing is read yet."""
        self.origins = origins
        self.head = head
        self.stand = stand
        self.epochs: EpochsFile | None = None
        self.whole: tuple[list[Block], str] | None = None
        """All blocks of the head's ring, once they were read."""

    def reach(self) -> tuple[EpochRows, str]:
        """Take the first way that works.

        Returns:
            The head's rows, and the steps taken, joined by `+`.

        Raises:
            Damaged: when no way worked, with the last failure.
            SourceError: the same, or nobody answers any more.
        """
        failure: Damaged | SourceError | None = None
        for begin in (self.from_rows, self.from_held_base, self.from_roll, self.from_base):
            noted = len(self.origins.warnings)
            try:
                start = begin()
                if start is None:
                    continue
                blocks, how = self.blocks_since(start.seq)
                rows = advance(start.rows, self.head, blocks)
                return rows, "+".join(filter(None, (*start.how, how))) or "head"
            except (Damaged, Missing, TooLarge) as error:
                failure = error
                if len(self.origins.warnings) == noted:
                    self.origins.warnings.append(str(error))
        assert failure is not None
        raise failure

    def from_rows(self) -> Start | None:
        """From the rows as they stand, on the last tick of their epoch or after finishing it (steps 4 to 6)."""
        stand, head, base = self.stand, self.head, self.head.base
        if stand is None:
            return None
        held = stand.head
        if held.epoch == head.epoch:
            here = held.base == base and base.seq <= held.seq <= head.seq
            return Start(stand.rows, held.seq, ()) if here else None
        if held.seq == base.seq:
            return Start(begin_epoch(stand.rows.now, head), base.seq, ("rebase",))
        if held.epoch != base.epoch or held.seq > base.seq:
            return None
        last = fetch_commit(self.origins, base.seq, base.state)
        if (last.epoch, last.base) != (held.epoch, held.base):
            raise Damaged(last.commit_key, f"belongs to another base of {last.epoch} than the one held")
        blocks, _ = fetch_blocks(self.origins, last, held.seq)
        finished = advance(stand.rows, last, blocks)
        return Start(begin_epoch(finished.now, head), base.seq, ("finish", "rebase"))

    def from_held_base(self) -> Start | None:
        """From the base held, when it is the head's: the whole ring."""
        stand, head = self.stand, self.head
        if stand is None or (stand.head.epoch, stand.head.base) != (head.epoch, head.base):
            return None
        return Start(begin_epoch(stand.rows.base, head), head.base.seq, ("restart",))

    def from_roll(self) -> Start | None:
        """From the base held, by the roll to the head's base (step 7)."""
        if self.stand is None or self.stand.head.epoch >= self.head.epoch:
            return None
        held, base = self.stand.head, self.stand.rows.base
        epochs = self.read_epochs()
        roll = epochs.roll_from(held.epoch, held.base.seq)
        if roll is None or roll.n != base.n:
            return None
        if roll.file is None:
            return Start(begin_epoch(base, self.head), epochs.seq, ("roll",))
        key = roll.key(epochs.epoch)
        content = self.origins.fetch(key, FileEntry(roll.bytes, roll.file))
        rows = apply_roll(base, decode_roll(content, roll, epochs), self.head)
        return Start(rows, epochs.seq, ("roll",))

    def from_base(self) -> Start:
        """From the base (step 8)."""
        epochs, head = self.read_epochs(), self.head
        for key, entry, most in (
            (epochs.p1_key, epochs.p1, inflation_limit(epochs.n)),
            (epochs.p2_key, epochs.p2, 4 * epochs.n),
        ):
            if entry.bytes > most:
                raise Damaged(key, f"{entry.bytes} bytes are more than the {most} that are plausible")
        self.blocks_since(head.base.seq)  # without the ring the base, far larger, would be of no use
        part_1 = self.origins.fetch(epochs.p1_key, epochs.p1)
        part_2 = self.origins.fetch(epochs.p2_key, epochs.p2)
        base = decode_base(part_1, part_2, epochs)
        return Start(EpochRows(base, base), head.base.seq, ("base",))

    def blocks_since(self, seq: int) -> tuple[list[Block], str]:
        """The head's blocks after tick `seq`; a whole ring is read once."""
        if seq != self.head.base.seq:
            return fetch_blocks(self.origins, self.head, seq)
        if self.whole is None:
            self.whole = fetch_blocks(self.origins, self.head, seq)
        return self.whole

    def read_epochs(self) -> EpochsFile:
        """The head's epochs file, read once."""
        head = self.head
        if self.epochs is None:
            if head.epochs.bytes > MAX_EPOCHS_BYTES:
                raise Damaged(head.epochs_key, f"{head.epochs.bytes} bytes are more than {MAX_EPOCHS_BYTES}")
            check: Callable[[bytes], EpochsFile] = lambda packed: decode_epochs(packed, head)  # noqa: E731
            self.epochs = self.origins.get(head.epochs_key, limit_bytes=head.epochs.bytes, check=check)
        return self.epochs
