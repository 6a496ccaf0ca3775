"""Everything of a tick before its first effect: read the log and the newest tick, score, build the files."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data import standing as standing_file
from data.formats import kill as kill_list
from data.formats.tree import epoch_of, kill_key, root_key, sha256
from data.home import Home
from data.log import schema
from data.log.read import LogReader, open_columns
from data.settings import duration_ms
from data.standing import Standing
from publisher.names import Names, names_of
from publisher.operations.ground import Ground
from publisher.operations.guards import Limits, objections, out_of_range
from publisher.operations.orders import NOTHING, Order
from publisher.operations.outcomes import Outcome, heartbeat, restored, scored
from publisher.refusals import PublishRefused
from publisher.scoring.channel_scores import channel_scores, no_channels, recounted
from publisher.scoring.rescore import score_tick
from publisher.scoring.verdicts import empty
from publisher.settings import PublisherSettings
from publisher.signer import Signer
from publisher.store import Artifact, Store
from publisher.sync import epoch as epochs
from publisher.sync.bases import file_of
from publisher.sync.published import Published, leads_of, load, table_of
from publisher.sync.tick import Built, Facts, build

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A tick that waits for its effects."""

    built: Built
    outcome: Outcome


def prepare(
    home: Home,
    store: Store,
    signer: Signer,
    settings: PublisherSettings,
    *,
    ground: Ground,
    order: Order = NOTHING,
    now_ms: int,
) -> Prepared:
    """Prepares the next tick; changes nothing.

    Args:
        home: Whose log and standing file.
        store: What is published.
        signer: Whose roots go with the tick.
        settings: The publisher's settings.
        ground: What the tick is built on.
        order: What a person orders for it.
        now_ms: Time of the tick, Unix milliseconds.

    Raises:
        PublishRefused: The store belongs to another log, or is ahead of this one, or a row could not be true.
        FormatError, StoreError, LogError: What is there cannot be read.
    """
    log_id = _log_id(home)
    with open_columns(home.votes_log) as log:
        through = log.last_position()
        names = names_of(log)
        previous = load(store, ground.text, names) if ground.text else None
        _must_continue(previous, log_id, through)
        if previous and ground.broken:  # the base takes the number before the tick's own
            previous = replace(previous, head=replace(previous.head, seq=ground.seq - 1))
        if previous and (order.kills or order.rollback_to is not None or (previous.head.frozen and not order.resume)):
            outcome = _ordered(store, previous, names, ground=ground, order=order, now_ms=now_ms)
        else:
            outcome = _voted(
                home, log, previous, log_id=log_id, through=through, order=order, now_ms=now_ms, settings=settings
            )
    rolls = previous is None or ground.broken or previous.head.epoch != epoch_of(now_ms)
    epoch = _epoch(store, previous, outcome, names, rolls=rolls, now_ms=now_ms)
    killed = order.killed(ground.killed)
    kill = kill_list.encode(killed) if killed else None
    facts = Facts(
        log=log_id,
        gen=signer.newest().version,
        seq=ground.seq,
        ts=now_ms,
        interval_ms=duration_ms(settings.interval),
        spread_ms=duration_ms(settings.spread),
        prev=sha256(previous.payload) if previous else None,
        through_position=outcome.through_position,
        round_position=outcome.round_position,
        round_ms=outcome.round_ms,
        kill=file_of(kill) if kill else None,
        frozen=outcome.frozen,
        note=None if outcome.refused else order.note,
        sunset=settings.sunset_notice(),
    )
    roots = {root_key(version): body for version, body in signer.roots.items()}
    built = build(epoch, outcome.table, outcome.changed, names=names, facts=facts, roots=roots)
    if kill and order.kills:
        built.artifacts.insert(0, Artifact(kill_key(sha256(kill)), kill, "application/json"))
    return Prepared(built, outcome)


def _ordered(store: Store, previous: Published, names: Names, *, ground: Ground, order: Order, now_ms: int) -> Outcome:
    """What a tick is whose rows a person ordered, or froze before; votes wait."""
    size = len(names.video_ids)
    if order.rollback_to is None:
        return heartbeat(previous, size)
    assert order.frozen
    if ground.broken:
        return replace(heartbeat(previous, size), frozen=order.frozen)
    _, table = table_of(store, order.rollback_to, names)
    return restored(previous, table, order.frozen, size=size, now_ms=now_ms)


def _voted(
    home: Home,
    log: LogReader,
    previous: Published | None,
    *,
    log_id: str,
    through: int,
    order: Order,
    now_ms: int,
    settings: PublisherSettings,
) -> Outcome:
    """What the votes say, or a heartbeat when the guards object."""
    round_due = previous is None or order.resume or epoch_of(previous.listing.round_ms) != epoch_of(now_ms)
    found = score_tick(
        log,
        previous.table if previous else empty(1),
        None if previous is None or round_due else _round(home, previous),
        log_id=log_id,
        after=previous.head.through_position if previous else 0,
        through=through,
        now_ms=now_ms,
        minimum=settings.minimum_score,
    )
    if (impossible := out_of_range(found.table, found.changed)) and (previous is None or order.override):
        raise PublishRefused(f"{'; '.join(impossible)}: that is a fault of the rules, which no override mends")
    if previous and not order.override:
        before = previous.table.grown(len(found.table))
        limits = Limits(settings.max_flipped, settings.max_vanished, settings.guard_from_rows)
        if refused := objections(before, found.table, found.changed, limits):
            return heartbeat(previous, len(found.table), refused)
    return scored(found, through)


def _must_continue(previous: Published | None, log_id: str, through: int) -> None:
    if previous is None:
        return
    if previous.head.log != log_id:
        raise PublishRefused(f"the store belongs to log {previous.head.log}, this home has log {log_id}")
    if previous.head.through_position > through:
        raise PublishRefused(
            f"the store is ahead of the votes log: published through position {previous.head.through_position}, "
            f"this log ends at {through}. Has an old backup been restored?"
        )


def _round(home: Home, previous: Published) -> Standing | tuple[int, int]:
    """The reliabilities of the running epoch, or the (position, time) of their round when the cache is lost."""
    head, listing, cached = previous.head, previous.listing, standing_file.read(home.standing)
    wanted = (head.log, listing.round_position, listing.round_ms)
    if cached and (cached.log_id, cached.round_position, cached.round_ms) == wanted:
        return cached
    return listing.round_position, listing.round_ms


def _epoch(
    store: Store, previous: Published | None, outcome: Outcome, names: Names, *, rolls: bool, now_ms: int
) -> epochs.Epoch:
    if previous is not None and not rolls:
        return epochs.current(previous)
    before = previous.channels if previous else no_channels()
    table, learned = outcome.table, outcome.learned
    if learned is None:
        channels = recounted(before, table, now_ms=now_ms)
    else:
        channels = channel_scores(learned.channels, table, before, now_ms=now_ms)
    if previous is None:
        return epochs.first(epoch_of(now_ms), table, channels, names, now_ms)
    epoch = epochs.following(epoch_of(now_ms), previous, channels, names, now_ms, leads_of(store, previous))
    # Of the number that a broken ground leaves out, only that it was before today is said.
    return replace(epoch, base=replace(epoch.base, epoch=min(epoch.base.epoch, epoch_of(now_ms - DAY_MS))))


def _log_id(home: Home) -> str:
    connection = schema.open_for_reading(home.votes_log)
    try:
        return schema.identity(connection).log_id
    finally:
        connection.close()
