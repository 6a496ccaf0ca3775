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

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data import standing as standing_file
from data.formats import files, signed
from data.formats.head import File, Head, parse
from data.formats.root import Root
from data.formats.root import parse as parse_root
from data.formats.tree import HEAD, SHA256SUMS, FormatError, commit_key, epoch_of, files_key, root_key, sha256
from data.home import Home
from data.log import schema
from data.log.read import LogReader, open_columns
from publisher.scoring.rescore import Scored, score_tick
from publisher.scoring.verdicts import empty
from publisher.settings import PublisherSettings, duration_ms
from publisher.store import COPY_CACHE, HEAD_CACHE, AlreadyThere, Artifact, Store, SwapLost
from publisher.sync import epoch as epochs
from publisher.sync.compat import Names
from publisher.sync.published import Published, load, read, removed_before
from publisher.sync.tick import Built, Facts, build

ATTEMPTS = 3
"""How often a run starts over because another publisher was faster."""


class PublishError(Exception):
    """The run failed; readers see the old state or the new one, and the next run heals the rest."""


class PublishRefused(PublishError):
    """Something needs a person; nothing was published."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs heads."""

    key: Ed25519PrivateKey
    roots: Mapping[int, bytes]
    """Root files by version; the newest certifies the key."""

    def newest(self) -> Root:
        """The newest root."""
        return parse_root(self.roots[max(self.roots)])


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
        dry_run: Build everything, write nothing.
        progress: Called with what is going on, how much is done, and of how much.

    Raises:
        PublishRefused: The store belongs to another log, or is ahead of this one; nothing was written.
        PublishError: Time went back, or other publishers kept being faster.
        StoreError, FormatError, LogError: As they say; the next run heals what was left.
    """
    for _ in range(ATTEMPTS):
        text = settle(store, dry_run=dry_run)
        head = _checked(text, signer, now_ms) if text else None
        if head and head.ts == now_ms:
            return Report(head.seq, head.ts, head.n, 0, head.through_position, 0, 0, published=False)
        with open_columns(home.votes_log) as log:
            built, scored = _build(home, store, signer, settings, log, text, now_ms)
        report = _report(built, scored, published=not dry_run)
        if dry_run:
            return report
        try:
            _commit(store, signer, built, progress)
        except (AlreadyThere, SwapLost):
            continue
        standing_file.write(home.standing, scored.standing)
        return report
    raise PublishError(f"other publishers were faster {ATTEMPTS} times: stop one of them, then publish again")


def settle(store: Store, *, dry_run: bool = False) -> bytes | None:
    """Moves the head to the newest commit, should a run have ended between the two.

    Returns:
        The newest head's text, None before the first tick.

    Raises:
        FormatError: A commit names files that are not there.
    """
    there = store.read_tagged(HEAD)
    text = there.body if there else None
    seq = parse(text)[0].seq if text else 0
    newest = text
    while (commit := store.read(commit_key(seq + 1))) is not None:
        newest, seq = commit, seq + 1
    if newest is not None and newest != text and not dry_run:
        _move_head(store, newest, there.tag if there else None)
    return newest


def _checked(text: bytes, signer: Signer, now_ms: int) -> Head:
    head, envelope = parse(text)
    if not signer.newest().certifies_head(envelope):
        raise PublishRefused("the store's head is not signed by this home's online key: is it another home's store?")
    if now_ms < head.ts:
        raise PublishError(
            f"the clock says {now_ms}, the last tick was at {head.ts}: set the clock, then publish again"
        )
    return head


def _build(
    home: Home,
    store: Store,
    signer: Signer,
    settings: PublisherSettings,
    log: LogReader,
    text: bytes | None,
    now_ms: int,
) -> tuple[Built, Scored]:
    log_id, through = _log_id(home), log.last_position()
    names = Names(log.video_ids(), log.channel_ids())
    previous = load(store, text, names) if text else None
    if previous and previous.head.log != log_id:
        raise PublishRefused(f"the store belongs to log {previous.head.log}, this home has log {log_id}")
    if previous and previous.head.through_position > through:
        raise PublishRefused("the store is ahead of the votes log: has an old backup been restored?")
    name = epoch_of(now_ms)
    rolls = previous is None or previous.head.epoch != name
    table = previous.table if previous else empty(len(names.video_ids))
    scored = score_tick(
        log, table, _round(home, previous, rolls), log_id=log_id, after=previous.head.through_position if previous else 0,
        through=through, now_ms=now_ms, minimum=settings.minimum_score,
    )  # fmt: skip
    facts = Facts(
        log=log_id, gen=signer.newest().version, seq=previous.head.seq + 1 if previous else 1, ts=now_ms,
        interval_ms=duration_ms(settings.interval), spread_ms=duration_ms(settings.spread),
        prev=sha256(previous.payload) if previous else None, through_position=through,
        round_position=scored.standing.round_position, round_ms=scored.standing.round_ms,
    )  # fmt: skip
    if previous is None:
        epoch = epochs.first(name, scored.table, names, now_ms)
    elif rolls:
        epoch = epochs.following(name, previous, names, now_ms, removed_before(store, previous.files))
    else:
        epoch = epochs.current(previous)
    roots = {root_key(version): body for version, body in signer.roots.items()}
    return build(epoch, scored.table, scored.changed, names=names, facts=facts, roots=roots), scored


def _round(home: Home, previous: Published | None, rolls: bool) -> standing_file.Standing | tuple[int, int] | None:
    """What is known of the round that the tick scores by: itself, its (position, time), or that it is this tick's own."""
    if previous is None or rolls:
        return None
    head = previous.head
    cached = standing_file.read(home.standing)
    wanted = (head.log, head.round_position, head.round_ms)
    if cached and (cached.log_id, cached.round_position, cached.round_ms) == wanted:
        return cached
    return head.round_position, head.round_ms


def _commit(store: Store, signer: Signer, built: Built, progress: Callable[[str, int, int], None]) -> None:
    for done, artifact in enumerate(built.artifacts):
        progress("creating files", done, len(built.artifacts))
        store.create(artifact)
    text = signed.sign(built.head.payload(), signed.HEAD_CONTEXT, [signer.key], built.attachments)
    before = store.read_tagged(HEAD)
    store.create(Artifact(commit_key(built.head.seq), text, "application/json"))
    _move_head(store, text, before.tag if before else None)


def _move_head(store: Store, text: bytes, tag: str | None) -> None:
    head, _ = parse(text)
    listing = read(store, files_key(head.seq, head.files.sha256), head.files)
    listed = files.parse(listing)
    for key, file in listed.items():
        if store.size(key) != file.bytes:
            raise FormatError(
                f"{key}: the commit of tick {head.seq} needs {file.bytes} bytes of it, found {store.size(key)}"
            )
    store.swap(Artifact(HEAD, text, "text/plain; charset=utf-8", cache_control=HEAD_CACHE), tag)
    store.replace(Artifact(SHA256SUMS, _sums(text, head, listing, listed), "text/plain", cache_control=COPY_CACHE))


def _sums(text: bytes, head: Head, listing: bytes, listed: Mapping[str, File]) -> bytes:
    sums = {key: file.sha256 for key, file in listed.items()}
    sums |= {
        HEAD: sha256(text),
        commit_key(head.seq): sha256(text),
        files_key(head.seq, sha256(listing)): sha256(listing),
    }
    return "".join(f"{digest}  {key}\n" for key, digest in sorted(sums.items())).encode()


def _log_id(home: Home) -> str:
    connection = schema.open_for_reading(home.votes_log)
    try:
        return schema.identity(connection).log_id
    finally:
        connection.close()


def _report(built: Built, scored: Scored, *, published: bool) -> Report:
    head, artifacts = built.head, built.artifacts
    size = sum(len(artifact.body) for artifact in artifacts)
    return Report(
        head.seq, head.ts, head.n, len(scored.changed), head.through_position, len(artifacts), size, published
    )
