"""The algorithm of formats, section 9: bring a destination up to the newest tick of a source and its mirrors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.choose import Choice, choose
from clients.climb import Climb, Stand, fetch_commit
from clients.errors import HeldError, Refused
from clients.head import MAX_KILL_BYTES, Frozen, Head, Sunset, commit_key
from clients.held import Held, locked, read_held, write_held
from clients.kill import Kill, decode_kill
from clients.origins import Origins
from clients.rows import EpochRows
from clients.source import Source, open_source
from clients.strict import plain
from clients.trust import Pin, begin_trust, check_signature, reach_root, read_pin

Place = Source | str | Path
"""A directory that holds `v1/`, an address, or an opened source."""


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
    """Steps joined by `+`: `same`, `head`, `inline`, `ring`, `rebase`, `finish`, `restart`, `roll`, `base`, `reread`
    when caches were passed, `mirror` when another origin than the head's delivered a file."""
    requests: int
    bytes: int
    stale: bool
    """The head's `exp` is past: the rows are the newest there are, and old."""
    ts_ms: int
    """Time of the tick, Unix milliseconds."""
    next_ms: int
    """When the next tick is due, Unix milliseconds."""
    killed: int
    """How many ids must not be shown."""
    frozen: Frozen | None
    """The publisher holds the rows at an earlier tick on purpose."""
    note: str | None
    """Why a person overrode a guard for this tick."""
    sunset: Sunset | None
    """When this tree ends, and what follows it."""
    warnings: tuple[str, ...]


def sync(
    source: Place,
    dest: str | Path,
    root: str | Path | None = None,
    *,
    mirrors: Sequence[Place] = (),
    at: int | None = None,
    now_ms: int | None = None,
) -> SyncReport:
    """Bring a destination up to the newest tick of a source, or of the one of its mirrors that is ahead.

    Args:
        source: the tree.
        dest: directory that holds the state; made when it is not there.
        root: file of root 1, or its fingerprint; None keeps the root held, or trusts the first one seen.
        mirrors: further origins of the same tree.
        at: a past tick to fetch instead, into a destination of its own.
        now_ms: the time, Unix milliseconds; None leaves staleness unknown.

    Returns:
        What was done. The destination then holds exactly the rows of that tick.

    Raises:
        Refused: the head must not be followed; the old state stands, after an equivocation with both heads beside it.
        Damaged: the files are not what the head says, whoever delivers them; the old state stands.
        SourceError: a file is missing or nobody answers; the old state stands.
        HeldError: the destination cannot be used; nothing in it was changed.
        Busy: another sync owns the destination.
    """
    origins = [open_source(place) if isinstance(place, (str, Path)) else place for place in (source, *mirrors)]
    requests, size = (sum(getattr(o, name) for o in origins) for name in ("requests", "received_bytes"))
    pin = read_pin(root) if root is not None else None
    with locked(Path(dest)):
        before = read_held(Path(dest))
        held, how, warnings = _follow(origins, Path(dest), before, pin, at)
    head = held.head
    stale = now_ms is not None and head.exp_ms < now_ms and at is None
    return SyncReport(
        from_seq=before.head.seq if before else None,
        seq=head.seq,
        epoch=head.epoch,
        log=head.log,
        state=head.state,
        rows=head.n,
        how=how,
        requests=sum(o.requests for o in origins) - requests,
        bytes=sum(o.received_bytes for o in origins) - size,
        stale=stale,
        ts_ms=head.ts_ms,
        next_ms=head.next_ms,
        killed=len(held.kill.ids) if held.kill else 0,
        frozen=head.frozen,
        note=head.note,
        sunset=head.sunset,
        warnings=(*warnings, *_announcements(head, stale=stale)),
    )


def _announcements(head: Head, *, stale: bool) -> list[str]:
    """What a person should know about this head."""
    told = [f"tick {head.seq} is stale: nothing newer came in time"] if stale else []
    if head.frozen:
        told.append(f"the publisher holds the rows at tick {head.frozen.seq}: {plain(head.frozen.reason)}")
    if head.sunset:
        told.append(f"this tree will end; it is followed by {plain(head.sunset.see)}")
    return told


def _follow(
    sources: Sequence[Source], dest: Path, held: Held | None, pin: Pin | None, at: int | None
) -> tuple[Held, str, tuple[str, ...]]:
    """All steps on an owned destination: what it holds then, how, and warnings."""
    if at is not None and held and held.head.seq != at:
        raise HeldError(f"{dest}: holds tick {held.head.seq}; a past tick needs a directory of its own")
    if at is not None and held:
        pin, forward = pin or Pin(held.trust.root_1), None
    else:
        forward = held
    choice = choose(sources, dest, forward, pin)
    kill = fetch_kill(choice.origins, choice.head, held.kill if held else None)
    if at is not None:
        choice = past_choice(choice, at, pin)
    head = choice.head
    same = held is not None and held.head.signed.payload == head.signed.payload and held.rows is not None
    if held and held.rows and same:
        now = Held(choice.trust, head, held.rows, kill)
        if kill is not held.kill:
            write_held(dest, now)
        return now, "same", tuple(choice.warnings)
    rows, how = reach(choice, Stand(held.head, held.rows) if held and held.rows else None)
    damaged = ("the rows held were damaged on disk; they came anew",) if held and held.rows is None else ()
    now = Held(choice.trust, head, rows, kill)
    write_held(dest, now)
    return now, how, (*choice.warnings, *damaged, *choice.origins.warnings)


def reach(choice: Choice, stand: Stand | None) -> tuple[EpochRows, str]:
    """The rows of a chosen head, and the words for how they came.

    Raises:
        Damaged: when no way to them works.
        SourceError: the same.
    """
    rows, how = Climb(choice.origins, choice.head, stand).reach()
    words = {"reread": choice.origins.reread, "mirror": choice.origins.elsewhere}
    return rows, "+".join([how, *(word for word, used in words.items() if used)])


def fetch_kill(origins: Origins, head: Head, held: Kill | None) -> Kill | None:
    """The head's kill list; the one held when it is the same (step 3).

    Raises:
        Damaged: when nobody has the right one.
        SourceError: the same.
    """
    if head.kill is None:
        return None
    if held and held.entry == head.kill:
        return held
    return origins.get(head.kill_key, limit_bytes=MAX_KILL_BYTES, check=lambda text: decode_kill(text, head))


def past_choice(choice: Choice, seq: int, pin: Pin | None) -> Choice:
    """Choose an earlier tick of the same tree: its commit, signed under the root that it names.

    Raises:
        Refused: when the tick is not one of this tree, or not signed.
        Damaged: when no origin has its commit.
        SourceError: the same.
    """
    if seq > choice.head.seq:
        raise Refused("seq", f"tick {seq} is not there yet: the newest one is {choice.head.seq}")
    head = fetch_commit(choice.origins, seq)
    if head.log != choice.head.log:
        raise Refused("log", f"{commit_key(seq)} belongs to another votes log, {head.log}")
    source = choice.origins.sources[0]
    trust = reach_root(source, begin_trust(source, None, pin or Pin(choice.trust.root_1)), head.gen)
    check_signature(head, trust.root)
    return Choice(choice.origins, choice.trust, head, choice.warnings)
