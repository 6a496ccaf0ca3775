"""The algorithm of formats, section 9: bring a destination up to a source's newest tick.

The functions above `sync` that take no `Source` are pure; the others only fetch for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clients.decode import decode_base, decode_prefix, prefix_bytes
from clients.errors import Damaged, Malformed, Missing, Refused, SourceError, TooLarge
from clients.head import HEAD_KEY, MAX_HEAD_BYTES, Head, parse_head
from clients.held import Held, keep_evidence, locked, read_held, write_held
from clients.rows import NumberedRows, apply_blocks, renumber, state_of
from clients.source import Source, open_source
from clients.trust import Pin, begin_trust, check_signature, reach_root, read_pin


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync did."""

    from_seq: int | None
    """The tick held before; None at first."""
    seq: int
    epoch: str
    log: str
    state: str
    """Hash of the rows now held."""
    rows: int
    how: str
    """Steps joined by `+`: `same`, `head`, `inline`, `ring`, `rebase`, `base`, and `reread` when caches were passed."""
    requests: int
    bytes: int
    stale: bool
    """The head's `exp` is past: the rows are the newest there are, and old."""
    ts_ms: int
    """Time of the tick, Unix milliseconds."""
    next_ms: int
    """When the next tick is due, Unix milliseconds."""
    warnings: tuple[str, ...]


def check_admission(held: Head, head: Head) -> None:
    """Refuse a head that the one held rules out (step 2).

    Raises:
        Refused: `log`, `rollback` or `equivocation`.
    """
    if head.log != held.log:
        raise Refused("log", f"the head belongs to the votes log {head.log}, the rows held to {held.log}")
    if head.seq < held.seq:
        raise Refused("rollback", f"the head is of tick {head.seq}, but tick {held.seq} is held: the source went back")
    ours = held.signed.payload_hash
    theirs = head.signed.payload_hash if head.seq == held.seq else head.prev
    if head.seq <= held.seq + 1 and theirs != ours:
        raise Refused("equivocation", f"two signed versions of tick {held.seq}: held {ours}, the source says {theirs}")


def starting_rows(held: Held, head: Head) -> tuple[int, NumberedRows] | None:
    """Where in the head's epoch the rows held stand, numbered for it (steps 4 and 5); None when only a base helps."""
    if held.rows is None:
        return None
    if held.head.epoch == head.epoch:
        return (held.head.seq, held.rows) if held.head.seq >= head.base.seq else None
    if held.head.seq != head.base.seq:
        return None
    try:
        rows = renumber(held.rows)
    except Malformed:
        return None
    return (head.base.seq, rows) if state_of(rows) == head.base.state else None


def advance(rows: NumberedRows, head: Head, seq: int, prefix: bytes) -> NumberedRows:
    """Bring rows of tick `seq` to the head's tick, and prove that they arrived (steps 4 and 7).

    Args:
        rows: numbered for the head's epoch; left as they are.
        head: where to go.
        seq: where the rows stand.
        prefix: the missing part of the ring; empty when the ticks between changed nothing.

    Raises:
        Damaged: when a block is wrong, or the rows are not those of the head.
    """
    where = f"rows of tick {head.seq}"
    try:
        if prefix:
            rows = apply_blocks(rows, decode_prefix(prefix, head, head.seq - seq))
        state = state_of(rows)
    except Malformed as error:
        raise Damaged(where, str(error)) from None
    if (state, rows.n) != (head.state, head.n):
        raise Damaged(where, f"{rows.n} rows with the hash {state}, the head says {head.n} with {head.state}")
    return rows


def fetch_head(source: Source) -> Head:
    """Read the newest head (step 1); its signature is not checked yet.

    Raises:
        Refused: `size`, `format` or `req`.
        SourceError: when the source does not give it.
    """
    try:
        return parse_head(source.get(HEAD_KEY, limit_bytes=MAX_HEAD_BYTES))
    except TooLarge as error:
        raise Refused("size", str(error)) from None


def _missing_part(source: Source, head: Head, seq: int, *, fresh: bool) -> tuple[bytes, str]:
    """The ring's bytes since tick `seq`, and the word for how they came."""
    wanted = prefix_bytes(head.ring, head.seq - seq) if head.ring else 0
    if not head.ring or not wanted:
        return b"", ""
    inline = head.inline_block
    if inline is not None and len(inline) == wanted:
        return inline, "inline"
    part = wanted if wanted < head.ring.bytes else None
    prefix = source.get(head.ring.name, limit_bytes=head.ring.bytes, prefix_bytes=part, fresh=fresh)
    if len(prefix) != wanted:
        raise Damaged(head.ring.name, f"has {len(prefix)} bytes, expected {wanted}")
    return prefix, "ring"


def _from_held(source: Source, held: Held, head: Head, *, fresh: bool) -> tuple[NumberedRows, str] | None:
    start = starting_rows(held, head)
    if start is None:
        return None
    seq, rows = start
    prefix, how = _missing_part(source, head, seq, fresh=fresh)
    rebased = "rebase" if held.head.epoch != head.epoch else ""
    return advance(rows, head, seq, prefix), "+".join(filter(None, (rebased, how))) or "head"


def _from_base(source: Source, head: Head, *, fresh: bool) -> tuple[NumberedRows, str]:
    # The ring first: without it the base, which is far larger, would be of no use.
    prefix, how = _missing_part(source, head, head.base.seq, fresh=fresh)
    if prefix:
        decode_prefix(prefix, head, head.seq - head.base.seq)
    packed = source.get(head.base_key, limit_bytes=head.base.bytes, fresh=fresh)
    return advance(decode_base(packed, head), head, head.base.seq, prefix), f"base+{how}" if how else "base"


def climb(source: Source, held: Held | None, head: Head) -> tuple[NumberedRows, str, list[str]]:
    """Reach the head's rows by the cheapest way that works: held rows, past caches, base, past caches.

    Returns:
        The rows, how they came, and a warning for each way that failed.

    Raises:
        Damaged: when no way worked, with the last failure.
        SourceError: the same, or the source stopped answering.
    """
    steps: list[Callable[[bool], tuple[NumberedRows, str] | None]] = []
    if held:
        steps.append(lambda fresh: _from_held(source, held, head, fresh=fresh))
    steps.append(lambda fresh: _from_base(source, head, fresh=fresh))
    warnings: list[str] = []
    failure: Damaged | SourceError | None = None
    for step in steps:
        for fresh in (False, True):
            try:
                reached = step(fresh)
            except (Damaged, Missing, TooLarge) as error:
                failure = error
                warnings.append(str(error))
                continue
            if reached is None:
                break
            return reached[0], reached[1] + ("+reread" if fresh else ""), warnings
    assert failure is not None
    raise failure


def sync(
    source: Source | str | Path, dest: str | Path, root: str | Path | None = None, *, now_ms: int | None = None
) -> SyncReport:
    """Bring a destination up to a source's newest tick.

    Args:
        source: a directory that holds `v1/`, an address, or an opened source.
        dest: directory that holds the state; made when it is not there.
        root: file of root 1, or its fingerprint; None keeps the root held, or trusts the first one seen.
        now_ms: the time, Unix milliseconds; None leaves staleness unknown.

    Returns:
        What was done. The destination then holds exactly the rows of the head's tick.

    Raises:
        Refused: the head must not be followed; the old state stands, after an equivocation with both heads beside it.
        Damaged: the source's files are not what its head says; the old state stands.
        SourceError: a file is missing or the source does not answer; the old state stands.
        HeldError: the destination cannot be used; nothing in it was changed.
        Busy: another sync owns the destination.
    """
    opened = open_source(source) if isinstance(source, (str, Path)) else source
    requests, size = opened.requests, opened.received_bytes
    with locked(Path(dest)):
        held = read_held(Path(dest))
        head, how, warnings = _follow(opened, Path(dest), held, read_pin(root) if root is not None else None)
    stale = now_ms is not None and head.exp_ms < now_ms
    return SyncReport(
        from_seq=held.head.seq if held else None,
        seq=head.seq,
        epoch=head.epoch,
        log=head.log,
        state=head.state,
        rows=head.n,
        how=how,
        requests=opened.requests - requests,
        bytes=opened.received_bytes - size,
        stale=stale,
        ts_ms=head.ts_ms,
        next_ms=head.next_ms,
        warnings=(*warnings, *((f"tick {head.seq} is stale: nothing newer came in time",) if stale else ())),
    )


def _follow(source: Source, dest: Path, held: Held | None, pin: Pin | None) -> tuple[Head, str, tuple[str, ...]]:
    """Steps 1 to 7 on an owned destination: the head reached, how, and warnings."""
    trust = begin_trust(source, held.trust if held else None, pin)
    head = fetch_head(source)
    trust = reach_root(source, trust, head.gen)
    check_signature(head, trust.root)
    if held:
        _admit(dest, held.head, head)
        if held.head.seq == head.seq and held.rows is not None:
            return head, "same", trust.warnings
    rows, how, warnings = climb(source, held, head)
    write_held(dest, Held(trust, head, rows))
    damaged = ("the rows held were damaged on disk; they came anew",) if held and held.rows is None else ()
    return head, how, (*trust.warnings, *damaged, *warnings)


def _admit(dest: Path, held: Head, head: Head) -> None:
    try:
        check_admission(held, head)
    except Refused as refusal:
        if refusal.code != "equivocation":
            raise
        kept = keep_evidence(dest, held, head)
        raise Refused(refusal.code, f"{refusal}; both heads are kept: {kept[0]}, {kept[1]}") from None
