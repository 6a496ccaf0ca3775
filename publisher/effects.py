"""The effects that make a tick public, in their order, and what finishes a run that ended between two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from data.formats import files
from data.formats.head import File, Head, parse
from data.formats.tree import HEAD, SHA256SUMS, FormatError, commit_key, files_key, is_shard, sha256
from publisher.signer import Signer
from publisher.store import COPY_CACHE, HEAD_CACHE, Artifact, Store
from publisher.sync.published import read
from publisher.sync.tick import Built

AT_ONCE, MANY_FILES = 16, 64
"""How many files are created at a time when a tick has more than so many: an epoch's first one, with its shards."""


def newest_commit(store: Store) -> bytes | None:
    """The newest tick's text: the head, or a commit whose run ended before it moved the head; None before tick 1.

    Raises:
        FormatError: The head is damaged.
    """
    newest = store.read(HEAD)
    seq = _seq_of(newest) if newest else 0
    while (text := store.read(commit_key(seq + 1))) is not None:
        newest, seq = text, seq + 1
    return newest


def settle(store: Store, newest: bytes) -> None:
    """Moves the head to the newest commit, and refreshes the copies, should a run have ended before it did.

    Raises:
        FormatError: The commit names files that are not there.
        SwapLost: Another publisher moved the head meanwhile.
    """
    there = store.read_tagged(HEAD)
    if there is None or there.body != newest:
        _move_head(store, newest, there.tag if there else None)
    _refresh_copies(store, newest)


def _seq_of(text: bytes) -> int:
    try:
        return parse(text)[0].seq
    except FormatError as error:
        raise FormatError(
            f"{HEAD} is damaged ({error}): delete it and publish again, it is made anew from the newest commit"
        ) from error


def commit(store: Store, signer: Signer, built: Built, progress: Callable[[str, int, int], None]) -> None:
    """Creates a tick's files, then its commit, then moves the head, then refreshes the copies.

    Raises:
        AlreadyThere: One of the keys holds other bytes: another publisher was faster, or a file was changed.
        SwapLost: Another publisher moved the head.
        FormatError: A file of the tick is gone.
    """
    _create(store, built.artifacts, progress)
    text = signer.sign(built.head.payload(), built.attachments)
    before = store.read_tagged(HEAD)
    store.create(Artifact(commit_key(built.head.seq), text, "application/json"))
    for artifact in built.artifacts:
        if not is_shard(artifact.key) and store.size(artifact.key) is None:
            store.create(artifact)  # it was there, unused for so long that a prune took it for an orphan
    _move_head(store, text, before.tag if before else None)
    _refresh_copies(store, text)


def _create(store: Store, artifacts: Sequence[Artifact], progress: Callable[[str, int, int], None]) -> None:
    """Creates files, each once; when there are many, several at a time, since each waits for the disk."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        each = pool.map if len(artifacts) > MANY_FILES else map
        for done, _ in enumerate(each(store.create, artifacts)):
            progress("creating files", done, len(artifacts))


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
