"""Which head to follow: of all origins the valid one with the highest (`gen`, `seq`) (formats, section 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clients.errors import ClientError, Refused, SourceError, TooLarge
from clients.head import HEAD_KEY, MAX_HEAD_BYTES, Head, parse_head
from clients.held import Held, keep_evidence
from clients.origins import Origins
from clients.source import Source
from clients.trust import Pin, Trust, begin_trust, check_signature, reach_root

AGAIN = frozenset({"format", "size", "signature", "gen", "rollback"})
"""Refusals that an old or broken cache may be the reason of: the head is asked for once more, past caches."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The head to follow."""

    origins: Origins
    """The one that has it first."""
    trust: Trust
    head: Head
    warnings: list[str] = field(default_factory=list)


def check_admission(held: Head, head: Head) -> None:
    """Refuse a head that the one held rules out (step 2); a higher `gen` may bring any tick.

    Raises:
        Refused: `log`, `gen`, `rollback` or `equivocation`.
    """
    if head.log != held.log:
        raise Refused("log", f"the head belongs to the votes log {head.log}, the rows held to {held.log}")
    if head.gen > held.gen:
        return
    if head.gen < held.gen:
        raise Refused("gen", f"the head has gen {head.gen}, but gen {held.gen} is held")
    if head.seq < held.seq:
        raise Refused("rollback", f"the head is of tick {head.seq}, but tick {held.seq} is held: the source went back")
    ours = held.signed.payload_hash
    theirs = head.signed.payload_hash if head.seq == held.seq else head.prev
    if head.seq <= held.seq + 1 and theirs != ours:
        raise Refused("equivocation", f"two signed versions of tick {held.seq}: held {ours}, the source says {theirs}")


def fetch_head(source: Source, *, fresh: bool = False) -> Head:
    """Read the newest head (step 1); its signature is not checked yet.

    Raises:
        Refused: `size`, `format` or `req`.
        SourceError: when the source does not give it.
    """
    try:
        return parse_head(source.get(HEAD_KEY, limit_bytes=MAX_HEAD_BYTES, fresh=fresh))
    except TooLarge as error:
        raise Refused("size", str(error)) from None


def choose(sources: Sequence[Source], dest: Path | None, held: Held | None, pin: Pin | None) -> Choice:
    """Ask every origin for its head, and choose.

    Args:
        sources: the origins.
        dest: where evidence against the publisher's key is kept; None keeps none.
        held: what may not be gone back from.
        pin: which root 1 to trust, where none is held.

    Raises:
        Refused: when no origin has a head that may be followed, or two valid ones contradict each other.
        SourceError: when no origin answers.
    """
    trust = held.trust if held else None
    found: list[tuple[Source, Trust, Head]] = []
    failures: list[ClientError] = []
    warnings: list[str] = []
    for source in sources:
        try:
            trusted = begin_trust(source, trust, pin)
            warnings += trusted.warnings
            trust = trust or trusted
            found.append((source, *_ask(source, trusted, held, dest)))
        except (Refused, SourceError) as error:
            failures.append(error)
            warnings += [f"{source.where}: {error}"] if len(sources) > 1 else []
    if not found:
        raise min(failures, key=_gravity)
    best = max(found, key=lambda entry: (entry[2].gen, entry[2].seq))
    _compare([head for _, _, head in found], best[2], dest)
    others = [source for source in sources if source is not best[0]]
    return Choice(Origins([best[0], *others]), best[1], best[2], warnings)


def _ask(source: Source, trust: Trust, held: Held | None, dest: Path | None) -> tuple[Trust, Head]:
    try:
        return _ask_once(source, trust, held, dest, fresh=False)
    except Refused as refusal:
        if refusal.code not in AGAIN:
            raise
    return _ask_once(source, trust, held, dest, fresh=True)


def _ask_once(source: Source, trust: Trust, held: Held | None, dest: Path | None, *, fresh: bool) -> tuple[Trust, Head]:
    head = fetch_head(source, fresh=fresh)
    reached = reach_root(source, trust, head.gen)
    check_signature(head, reached.root)
    if held:
        try:
            check_admission(held.head, head)
        except Refused as refusal:
            if refusal.code != "equivocation":
                raise
            raise _with_evidence(refusal, dest, held.head, head) from None
    return reached, head


def _compare(heads: Sequence[Head], best: Head, dest: Path | None) -> None:
    """Two origins must not have two versions of one tick, or of the tick before."""
    for head in heads:
        same = (head.gen, head.seq) == (best.gen, best.seq) and head.signed.payload != best.signed.payload
        before = (head.gen, head.seq + 1) == (best.gen, best.seq) and head.signed.payload_hash != best.prev
        if same or before or head.log != best.log:
            code = "equivocation" if head.log == best.log else "log"
            refusal = Refused(code, f"two origins have two signed versions of tick {head.seq}")
            raise _with_evidence(refusal, dest, head, best)


def _with_evidence(refusal: Refused, dest: Path | None, held: Head, received: Head) -> Refused:
    if dest is None:
        return refusal
    kept = keep_evidence(dest, held, received)
    return Refused(refusal.code, f"{refusal}; both heads are kept: {kept[0]}, {kept[1]}")


def _gravity(error: ClientError) -> int:
    """The failure that a person should hear of first."""
    codes = ("equivocation", "signature", "root", "log", "gen", "rollback")
    if isinstance(error, Refused):
        return codes.index(error.code) if error.code in codes else len(codes)
    return len(codes) + 1
