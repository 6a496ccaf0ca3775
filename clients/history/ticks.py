"""The ticks of a tree, newest first, as their commits tell them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clients.choose import choose
from clients.climb import Climb
from clients.errors import Damaged, Missing, Refused
from clients.head import MAX_HEAD_BYTES, Frozen, Head, commit_key, parse_head
from clients.origins import Origins
from clients.packed import read_block
from clients.source import Source, open_source
from clients.trust import read_pin


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick."""

    seq: int
    ts_ms: int
    epoch: str
    gen: int
    rows: int
    ring_bytes: int
    """Of the packed ring: all changes of the epoch so far."""
    base_bytes: int | None
    """Of the epoch's packed base; None when its epochs file is not there any more."""
    added: int | None
    """Ids that this tick added for the first time in the epoch; None when the commit does not tell."""
    changed: int | None
    """Other rows that it set."""
    removed: int | None
    kill_list: bool
    """Whether there was a list of ids to hide."""
    frozen: Frozen | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """A tree's ticks."""

    log: str
    newest: int
    ticks: Iterator[Tick]
    """Read while they are taken."""
    warnings: tuple[str, ...]


def ticks(source: Source | str | Path, root: str | Path | None = None) -> Past:
    """The ticks of a tree, newest first, until one is not there any more.

    The head is signed, and each commit is the payload that the one after it names: none can be another.

    Args:
        source: the tree.
        root: file of root 1, or its fingerprint; None trusts the first one seen.

    Returns:
        The ticks; taking one may raise `Damaged` or a `SourceError`.

    Raises:
        Refused: the head must not be followed.
        SourceError: the source does not answer.
    """
    opened = open_source(source) if isinstance(source, (str, Path)) else source
    choice = choose([opened], None, None, read_pin(root) if root is not None else None)
    return Past(choice.head.log, choice.head.seq, _walk(choice.origins, choice.head), tuple(choice.warnings))


def _walk(origins: Origins, head: Head) -> Iterator[Tick]:
    epochs: dict[str, int | None] = {}
    here: Head | None = head
    while here is not None:
        if here.epochs.sha256 not in epochs:
            epochs[here.epochs.sha256] = _base_bytes(origins, here)
        yield _tick(here, epochs[here.epochs.sha256])
        here = commit_before(origins, here)


def commit_before(origins: Origins, after: Head) -> Head | None:
    """The commit that a head follows; None when it is the first, or the one before it is not there any more.

    Raises:
        Damaged: when another payload stands in its place.
        SourceError: when the source does not answer.
    """
    if after.prev is None:
        return None
    try:
        return origins.get(
            commit_key(after.seq - 1), limit_bytes=MAX_HEAD_BYTES, check=lambda text: commit_followed(text, after)
        )
    except Missing:
        return None


def commit_followed(text: bytes, after: Head) -> Head:
    """The head in a commit, which must be the one that another head follows.

    Raises:
        Damaged: when it is not.
    """
    key = commit_key(after.seq - 1)
    try:
        head = parse_head(text)
    except Refused as error:
        raise Damaged(key, str(error)) from None
    if head.signed.payload_hash != after.prev:
        raise Damaged(key, f"is not the payload {after.prev} that tick {after.seq} follows")
    return head


def _base_bytes(origins: Origins, head: Head) -> int | None:
    try:
        epochs = Climb(origins, head, None).read_epochs()
    except (Damaged, Missing):
        return None
    return epochs.p1.bytes + epochs.p2.bytes


def _tick(head: Head, base_bytes: int | None) -> Tick:
    counts: tuple[int | None, int | None, int | None] = (None, None, None)
    block = head.inline_block
    if head.seq == 1:
        counts = head.n, 0, 0
    elif not head.ring or not head.ring.sizes[0]:
        counts = 0, 0, 0
    elif block is not None:
        told = read_block(block)
        added = len(told.added)
        counts = added, len(told.rows) - added, len(told.removed)
    return Tick(
        seq=head.seq,
        ts_ms=head.ts_ms,
        epoch=head.epoch,
        gen=head.gen,
        rows=head.n,
        ring_bytes=head.ring.bytes if head.ring else 0,
        base_bytes=base_bytes,
        added=counts[0],
        changed=counts[1],
        removed=counts[2],
        kill_list=head.kill is not None,
        frozen=head.frozen,
        note=head.note,
    )
