"""Everything of a tick before its first effect: read the log and the newest tick, score, build the files."""

from __future__ import annotations

from dataclasses import dataclass

from data import standing as standing_file
from data.formats.tree import epoch_of, root_key, sha256
from data.home import Home
from data.log import schema
from data.log.read import LogReader, open_columns
from data.settings import duration_ms
from data.standing import Standing
from publisher.names import Names, names_of
from publisher.scoring.rescore import Scored, score_tick
from publisher.scoring.verdicts import empty
from publisher.settings import PublisherSettings
from publisher.signer import Signer
from publisher.store import Store
from publisher.sync import epoch as epochs
from publisher.sync.published import Published, load, removed_before
from publisher.sync.tick import Built, Facts, build


class PublishError(Exception):
    """The run failed; readers see the old state or the new one, and the next run heals the rest."""


class PublishRefused(PublishError):
    """Something needs a person; nothing was published."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Prepared:
    """A tick that waits for its effects."""

    built: Built
    scored: Scored


def prepare(
    home: Home, store: Store, signer: Signer, settings: PublisherSettings, *, text: bytes | None, now_ms: int
) -> Prepared:
    """Prepares the tick after the newest one; changes nothing.

    Args:
        home: Whose log and standing file.
        store: What is published.
        signer: Whose roots go with the tick.
        settings: The publisher's settings.
        text: The newest head, None before the first tick.
        now_ms: Time of the tick, Unix milliseconds.

    Raises:
        PublishRefused: The store belongs to another log, or is ahead of this one.
        FormatError, StoreError, LogError: What is there cannot be read.
    """
    log_id = _log_id(home)
    with open_columns(home.votes_log) as log:
        through = log.last_position()
        names = names_of(log)
        previous = load(store, text, names) if text else None
        _must_continue(previous, log_id, through)
        rolls = previous is None or previous.head.epoch != epoch_of(now_ms)
        scored = _score(
            home, log, previous, log_id=log_id, through=through, rolls=rolls, now_ms=now_ms, settings=settings
        )
    epoch = _epoch(store, previous, scored, names, rolls=rolls, now_ms=now_ms)
    facts = Facts(
        log=log_id,
        gen=signer.newest().version,
        seq=previous.head.seq + 1 if previous else 1,
        ts=now_ms,
        interval_ms=duration_ms(settings.interval),
        spread_ms=duration_ms(settings.spread),
        prev=sha256(previous.payload) if previous else None,
        through_position=through,
        round_position=scored.standing.round_position,
        round_ms=scored.standing.round_ms,
    )
    roots = {root_key(version): body for version, body in signer.roots.items()}
    return Prepared(build(epoch, scored.table, scored.changed, names=names, facts=facts, roots=roots), scored)


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


def _score(
    home: Home,
    log: LogReader,
    previous: Published | None,
    *,
    log_id: str,
    through: int,
    rolls: bool,
    now_ms: int,
    settings: PublisherSettings,
) -> Scored:
    return score_tick(
        log,
        previous.table if previous else empty(1),
        None if previous is None or rolls else _round(home, previous),
        log_id=log_id,
        after=previous.head.through_position if previous else 0,
        through=through,
        now_ms=now_ms,
        minimum=settings.minimum_score,
    )


def _round(home: Home, previous: Published) -> Standing | tuple[int, int]:
    """The reliabilities of the running epoch, or the (position, time) of their round when the cache is lost."""
    head, cached = previous.head, standing_file.read(home.standing)
    wanted = (head.log, head.round_position, head.round_ms)
    if cached and (cached.log_id, cached.round_position, cached.round_ms) == wanted:
        return cached
    return head.round_position, head.round_ms


def _epoch(
    store: Store, previous: Published | None, scored: Scored, names: Names, *, rolls: bool, now_ms: int
) -> epochs.Epoch:
    if previous is None:
        return epochs.first(epoch_of(now_ms), scored.table, names, now_ms)
    if rolls:
        removed = removed_before(store, previous.files)
        return epochs.following(epoch_of(now_ms), previous, names, now_ms, removed)
    return epochs.current(previous)


def _log_id(home: Home) -> str:
    connection = schema.open_for_reading(home.votes_log)
    try:
        return schema.identity(connection).log_id
    finally:
        connection.close()
