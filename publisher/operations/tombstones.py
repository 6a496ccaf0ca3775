"""Tombstones (`docs/formats.md`, section 15): what stands where a file must not be published any more."""

from __future__ import annotations

from collections.abc import Sequence

from data.formats import signed
from data.formats.head import Head, parse
from data.formats.tree import HEAD, SHA256SUMS, FormatError, canonical, commit_key, is_shard, sha256
from publisher.operations.prune import needed_by
from publisher.operations.retention import folder_of
from publisher.refusals import PublishRefused
from publisher.signer import Signer
from publisher.store import Artifact, Store

FOR_EVER = ("v1/root/", "v1/c/")


def bury(
    store: Store, signer: Signer, keys: Sequence[str], *, reason: str, now_ms: int, dry_run: bool = False
) -> list[str]:
    """Replaces files by tombstones, each in one step; those that are tombstones already stay as they are.

    Args:
        store: Where the files are.
        signer: Who signs the tombstones.
        keys: Of the files.
        reason: Why; published.
        now_ms: Time, Unix milliseconds.
        dry_run: Look at everything, write nothing.

    Returns:
        The keys that were replaced now.

    Raises:
        PublishRefused: A file is missing, the newest tick needs it, or it is a commit or root: nothing was replaced.
        FormatError: The newest tick cannot be read.
    """
    text = store.read(HEAD)
    if text is None:
        raise PublishRefused("nothing is published yet")
    head, _ = parse(text)
    needed = needed_by(store, text)
    found = [_grave(store, signer, head, needed, key, reason, now_ms) for key in dict.fromkeys(keys)]
    graves = [grave for grave in found if grave]
    if not dry_run:
        for grave in graves:
            store.replace(grave)
    return [grave.key for grave in graves]


def is_tombstone(body: bytes, key: str) -> bool:
    """Whether bytes are a signed text that stands for the file under this key; nobody checks the signature here."""
    try:
        value = signed.parse(body).value()
    except FormatError:
        return False
    return value.get("key") == key and {"sha256", "bytes", "reason"} <= value.keys()


def _grave(
    store: Store, signer: Signer, head: Head, needed: frozenset[str], key: str, reason: str, now_ms: int
) -> Artifact | None:
    body = store.read(key)
    if body is None:
        raise PublishRefused(f"there is no {key}: nothing was replaced")
    if is_tombstone(body, key):
        return None
    if key in needed or (is_shard(key) and folder_of(key) in needed) or key in (HEAD, SHA256SUMS, commit_key(head.seq)):
        raise PublishRefused(
            f"the newest tick needs {key}, so it cannot go: first publish what replaces it (hide the video, then wait "
            "for the next day's first tick); nothing was replaced"
        )
    if key.startswith(FOR_EVER) or not key.startswith("v1/"):
        raise PublishRefused(f"{key} must stay: commits and roots are what everything is checked against")
    payload = canonical({
        "v": 1, "key": key, "sha256": sha256(body), "bytes": len(body), "log": head.log,
        "gen": signer.newest().version, "ts": now_ms, "reason": reason,
    })  # fmt: skip
    return Artifact(key, signer.sign(payload, [], signed.TOMBSTONE_CONTEXT), "text/plain; charset=utf-8")
