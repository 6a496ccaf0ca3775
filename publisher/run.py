"""One publish run: the ordered effects, nothing else.

Everything before the commit record is invisible, everything after it can be done again:

1. settle: a commit whose head was not moved gets its head;
2. read the log up to a position, score, build all files in memory;
3. create the files, each once;
4. create the commit record: this is the commit;
5. move the head to it;
6. refresh what may lag: the standing file, the convenience copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from data import standing as standing_file
from data.formats.tree import commit_key
from data.home import Home
from publisher.effects import commit
from publisher.operations.ground import find_ground
from publisher.operations.orders import NOTHING, Order
from publisher.prepare import Prepared, prepare
from publisher.refusals import GuardRefused, PublishError
from publisher.settings import PublisherSettings
from publisher.signer import Signer
from publisher.store import AlreadyThere, Store, SwapLost

ATTEMPTS = 3
"""How often a run starts over because another publisher was faster."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did."""

    seq: int
    ts: int
    rows: int
    changed: int
    """Verdicts that differ from the tick before."""
    through_position: int
    files: int
    bytes: int
    """Sizes of the files that were created, together."""
    published: bool
    """False when there was nothing new, and for a dry run."""


def publish(
    home: Home,
    store: Store,
    signer: Signer,
    settings: PublisherSettings,
    *,
    now_ms: int,
    order: Order = NOTHING,
    dry_run: bool = False,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
) -> Report:
    """Publishes one tick.

    Args:
        home: Whose log and standing file.
        store: Where to.
        signer: The online key and its roots.
        settings: The publisher's settings.
        now_ms: Time of the tick, Unix milliseconds.
        order: What a person orders for this tick.
        dry_run: Build everything, write nothing.
        progress: Called with what is going on, how much is done, and of how much.

    Raises:
        GuardRefused: The votes would change the rows too much; a heartbeat was published instead.
        PublishRefused: Something else needs a person; nothing was written.
        PublishError: Time went back, or other publishers kept being faster.
        StoreError, FormatError, LogError: As they say; the next run heals what was left.
        AlreadyThere: A file that never changes holds other bytes than were once published.
    """
    for _ in range(ATTEMPTS):
        ground = find_ground(store, signer, order, now_ms=now_ms, dry_run=dry_run)
        if ground.done:
            head = ground.done
            return Report(head.seq, head.ts, head.n, 0, head.through_position, 0, 0, published=False)
        prepared = prepare(home, store, signer, settings, ground=ground, order=order, now_ms=now_ms)
        if not dry_run and not _committed(store, signer, prepared, progress):
            continue
        if prepared.outcome.refused:
            raise GuardRefused(prepared.outcome.refused, dry_run=dry_run)
        if prepared.outcome.learned and not dry_run:
            standing_file.write(home.standing, prepared.outcome.learned)
        return _report(prepared, published=not dry_run)
    raise PublishError(f"other publishers were faster {ATTEMPTS} times: stop one of them, then publish again")


def _committed(store: Store, signer: Signer, prepared: Prepared, progress: Callable[[str, int, int], None]) -> bool:
    """Whether the tick is published; if not, another publisher was faster."""
    try:
        commit(store, signer, prepared.built, progress)
    except SwapLost:
        return False
    except AlreadyThere:
        if store.read(commit_key(prepared.built.head.seq)) is None:
            raise  # not a faster publisher: one of the files that never change has changed
        return False
    return True


def _report(prepared: Prepared, *, published: bool) -> Report:
    head, artifacts = prepared.built.head, prepared.built.artifacts
    return Report(
        seq=head.seq,
        ts=head.ts,
        rows=head.n,
        changed=len(prepared.outcome.changed),
        through_position=head.through_position,
        files=len(artifacts),
        bytes=sum(len(artifact.body) for artifact in artifacts),
        published=published,
    )
