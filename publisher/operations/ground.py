"""What the next tick is built on: the newest tick, or a good one beneath what a thief or a failing disk left."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from data.formats import kill as kill_list
from data.formats.head import Head, parse
from data.formats.tree import HEAD, FormatError, commit_key, kill_key
from publisher.effects import newest_commit, settle
from publisher.operations.orders import Order
from publisher.refusals import PublishError, PublishRefused
from publisher.signer import Signer
from publisher.store import Store
from publisher.sync.published import commits_in, files_of, read

FARTHEST = 1 << 52
"""Numbers of ticks from here on are nobody's: who takes them cannot leave us without one."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a tick begins."""

    text: bytes | None = None
    """The tick that it continues, None before the first one."""
    seq: int = 1
    """Its own number."""
    broken: bool = False
    """Whether the numbers between are given up, and with them their epochs: a new base must be written."""
    killed: frozenset[str] = frozenset()
    """The kill list of the tick that it continues."""
    done: Head | None = None
    """The newest tick, when nothing is left to do."""


def find_ground(store: Store, signer: Signer, order: Order, *, now_ms: int, dry_run: bool = False) -> Ground:
    """Looks at the store, and finishes a run that ended after its commit.

    Raises:
        PublishRefused: The head is another home's, or a revoked key's.
        PublishError: The clock is behind the newest tick, or that tick was at this very time.
        FormatError: The store is damaged; a rollback goes beneath the damage.
    """
    try:
        ground = _newest(store, signer, order, now_ms, dry_run=dry_run)
    except (FormatError, PublishRefused) as trouble:
        if order.rollback_to is None:
            raise
        return _beneath(store, signer, order, now_ms, trouble, dry_run=dry_run)
    if ground.text is None and order.reason and not order.override:
        raise PublishError("nothing is published yet: run `realtube publish` first")
    return ground


def kill_list_of(store: Store, head: Head) -> frozenset[str]:
    """The ids that a tick hides.

    Raises:
        FormatError: The list is missing or damaged.
    """
    return kill_list.parse(read(store, kill_key(head.kill.sha256), head.kill)) if head.kill else frozenset()


def _newest(store: Store, signer: Signer, order: Order, now_ms: int, *, dry_run: bool) -> Ground:
    text = newest_commit(store)
    if text is None:
        return Ground()
    head, envelope = parse(text)
    if not signer.certifies(head, envelope):
        raise PublishRefused("the store's head is not signed by this home's keys: is it another home's store?")
    if (reason := signer.distrusts(envelope)) and not order.override:
        raise PublishRefused(
            f"tick {head.seq} is signed by a key that was revoked ({reason}): look at it, then `realtube rollback` to "
            "the last good tick, or go on from it with `realtube publish --override REASON`"
        )
    if not dry_run:
        settle(store, text)
    if order.rollback_to is not None:
        for key, file in files_of(store, head).files.items():
            read(store, key, file)  # a rollback does not build on damage
    killed = kill_list_of(store, head)
    if order.is_done(head, killed) or (not order.reason and head.ts == now_ms):
        return Ground(text, head.seq + 1, killed=killed, done=head)
    _must_be_later(head, now_ms)
    return Ground(text, head.seq + 1, killed=killed)


def _must_be_later(head: Head, now_ms: int) -> None:
    if now_ms <= head.ts:
        raise PublishError(
            f"the clock says {now_ms}, the last tick was at {head.ts}: set the clock, then publish again"
        )


def _beneath(store: Store, signer: Signer, order: Order, now_ms: int, trouble: Exception, *, dry_run: bool) -> Ground:
    """Builds on the tick that a rollback names, above every number that anybody has taken."""
    numbers = sorted(_numbers(store), reverse=True)
    if numbers and (text := store.read(commit_key(numbers[0]))) and _is_ours(text, signer, order):
        if not dry_run:
            settle(store, text)  # a run of the same order ended after its commit
        return Ground(text, numbers[0] + 1, done=parse(text)[0])
    text = store.read(commit_key(order.rollback_to or 0))
    if text is None:
        raise PublishRefused(f"there is no tick {order.rollback_to} to go back to; and {trouble}")
    head, envelope = parse(text)
    if not signer.certifies(head, envelope):
        raise PublishRefused(f"tick {order.rollback_to} is not signed by this home's keys: name an earlier one")
    _must_be_later(head, now_ms)
    return Ground(text, numbers[0] + 2, broken=True, killed=kill_list_of(store, head))


def _is_ours(text: bytes, signer: Signer, order: Order) -> bool:
    try:
        head, envelope = parse(text)
    except FormatError:
        return False
    return head.frozen == order.frozen and signer.certifies(head, envelope) and not signer.distrusts(envelope)


def _numbers(store: Store) -> set[int]:
    numbers = commits_in(store)
    with suppress(FormatError):  # a damaged head takes no number
        numbers.add(parse(store.read(HEAD) or b"")[0].seq)
    return {number for number in numbers if 0 < number < FARTHEST}
