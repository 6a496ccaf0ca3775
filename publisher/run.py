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

from data import standing as standing_file
from data.formats import files
from data.formats.head import File, Head, parse
from data.formats.tree import HEAD, SHA256SUMS, FormatError, commit_key, files_key, sha256
from data.home import Home
from publisher.prepare import Prepared, PublishError, PublishRefused, prepare
from publisher.settings import PublisherSettings
from publisher.signer import Signer
from publisher.store import COPY_CACHE, HEAD_CACHE, AlreadyThere, Artifact, Store, SwapLost
from publisher.sync.published import read
from publisher.sync.tick import Built

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
        AlreadyThere: A file that never changes holds other bytes than were once published.
    """
    for _ in range(ATTEMPTS):
        text = settle(store, dry_run=dry_run)
        head = _checked(text, signer, now_ms) if text else None
        if head and head.ts == now_ms:
            return Report(head.seq, head.ts, head.n, 0, head.through_position, 0, 0, published=False)
        prepared = prepare(home, store, signer, settings, text=text, now_ms=now_ms)
        report = _report(prepared, published=not dry_run)
        if dry_run:
            return report
        try:
            _commit(store, signer, prepared.built, progress)
        except SwapLost:
            continue
        except AlreadyThere:
            if store.read(commit_key(prepared.built.head.seq)) is None:
                raise  # not a faster publisher: one of the files that never change has changed
            continue
        standing_file.write(home.standing, prepared.scored.standing)
        return report
    raise PublishError(f"other publishers were faster {ATTEMPTS} times: stop one of them, then publish again")


def settle(store: Store, *, dry_run: bool = False) -> bytes | None:
    """Moves the head to the newest commit, and refreshes the copies, should a run have ended before it did.

    Returns:
        The newest head's text, None before the first tick.

    Raises:
        FormatError: A commit names files that are not there.
    """
    there = store.read_tagged(HEAD)
    text = there.body if there else None
    seq = _seq_of(text) if text else 0
    newest = text
    while (commit := store.read(commit_key(seq + 1))) is not None:
        newest, seq = commit, seq + 1
    if newest is not None and not dry_run:
        if newest != text:
            _move_head(store, newest, there.tag if there else None)
        _refresh_copies(store, newest)
    return newest


def _seq_of(text: bytes) -> int:
    try:
        return parse(text)[0].seq
    except FormatError as error:
        raise FormatError(
            f"{HEAD} is damaged ({error}): delete it and publish again, it is made anew from the newest commit"
        ) from error


def _checked(text: bytes, signer: Signer, now_ms: int) -> Head:
    head, envelope = parse(text)
    if not signer.certifies(head, envelope):
        raise PublishRefused("the store's head is not signed by this home's keys: is it another home's store?")
    if now_ms < head.ts:
        raise PublishError(
            f"the clock says {now_ms}, the last tick was at {head.ts}: set the clock, then publish again"
        )
    return head


def _commit(store: Store, signer: Signer, built: Built, progress: Callable[[str, int, int], None]) -> None:
    for done, artifact in enumerate(built.artifacts):
        progress("creating files", done, len(built.artifacts))
        store.create(artifact)
    text = signer.sign(built.head.payload(), built.attachments)
    before = store.read_tagged(HEAD)
    store.create(Artifact(commit_key(built.head.seq), text, "application/json"))
    _move_head(store, text, before.tag if before else None)
    _refresh_copies(store, text)


def _move_head(store: Store, text: bytes, tag: str | None) -> None:
    _, listed = _listed(store, text)
    for key, file in listed.items():
        if store.size(key) != file.bytes:
            raise FormatError(f"{key}: the newest commit needs {file.bytes} bytes of it, found {store.size(key)}")
    store.swap(Artifact(HEAD, text, "text/plain; charset=utf-8", cache_control=HEAD_CACHE), tag)


def _refresh_copies(store: Store, text: bytes) -> None:
    """Rewrites what lies outside v1/ and may lag, where it does."""
    head, listed = _listed(store, text)
    sums = {key: file.sha256 for key, file in listed.items()}
    sums |= {HEAD: sha256(text), commit_key(head.seq): sha256(text)}
    sums[files_key(head.seq, head.files.sha256)] = head.files.sha256
    body = "".join(f"{digest}  {key}\n" for key, digest in sorted(sums.items())).encode()
    if store.read(SHA256SUMS) != body:
        store.replace(Artifact(SHA256SUMS, body, "text/plain; charset=utf-8", cache_control=COPY_CACHE))


def _listed(store: Store, text: bytes) -> tuple[Head, Mapping[str, File]]:
    head, _ = parse(text)
    return head, files.parse(read(store, files_key(head.seq, head.files.sha256), head.files)).files


def _report(prepared: Prepared, *, published: bool) -> Report:
    head, artifacts = prepared.built.head, prepared.built.artifacts
    return Report(
        seq=head.seq,
        ts=head.ts,
        rows=head.n,
        changed=len(prepared.scored.changed),
        through_position=head.through_position,
        files=len(artifacts),
        bytes=sum(len(artifact.body) for artifact in artifacts),
        published=published,
    )
