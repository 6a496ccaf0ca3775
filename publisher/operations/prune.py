"""Deletes what no reader needs any more: reads what ticks name, then deletes, lists of files last.

Killed anywhere, a file that was to go either is gone or is found again by the next run: as long as a list is there it
names its files, and files whose list is gone are named by nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from data.formats.head import Head, parse
from data.formats.tree import FormatError, commit_key, files_key
from publisher.effects import newest_commit
from publisher.operations.retention import Naming, class_of, folder_of, is_due
from publisher.refusals import PublishRefused
from publisher.store import Listed, Store
from publisher.sync.published import files_of

LISTS = "v1/m/"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a run deleted."""

    deleted: Mapping[str, int]
    """Files by class."""
    bytes: int
    kept: int


def prune(
    store: Store,
    *,
    now_ms: int,
    dry_run: bool = False,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
) -> Pruned:
    """Deletes what `publisher.operations.retention` says.

    Args:
        store: Where the files are.
        now_ms: Unix milliseconds.
        dry_run: Look at everything, delete nothing.
        progress: Called with what is going on, how much is done, and of how much.

    Raises:
        PublishRefused: Nothing is published, or the clock is behind the newest tick.
        FormatError: The newest tick cannot be read: nothing is deleted.
    """
    listing = list(store.keys("v1/"))  # before the newest tick is read: what is created from here on is not looked at
    text = newest_commit(store)
    if text is None:
        raise PublishRefused("nothing is published yet: there is nothing to prune")
    if parse(text)[0].ts > now_ms:
        raise PublishRefused("the clock is behind the newest tick: set the clock, then prune again")
    naming = _naming(store, text, listing, progress)
    due = [listed for listed in listing if is_due(listed.key, listed.modified_ms, naming, now_ms=now_ms)]
    due.sort(key=lambda listed: (listed.key.startswith(LISTS), listed.key))
    for done, listed in enumerate(due):
        progress("deleting", done, len(due))
        if not dry_run:
            store.delete(listed.key)
    classes = Counter(class_of(listed.key) or "" for listed in due)
    return Pruned(dict(sorted(classes.items())), sum(listed.bytes for listed in due), len(listing) - len(due))


def needed_by(store: Store, text: bytes) -> frozenset[str]:
    """What the newest tick needs, and what of its base's tick leads clients over midnight; folders stand for shards.

    Raises:
        FormatError: The tick's list of files is missing or damaged.
    """
    head, _ = parse(text)
    needed = {commit_key(head.seq), commit_key(head.base.seq), *_keys_of(store, head)}
    base_text = store.read(commit_key(head.base.seq))
    if base_text is not None:
        base = parse(base_text)[0]
        needed.add(files_key(base.seq, base.files.sha256))
        try:
            needed.update(key for key in files_of(store, base).files if "/ring-" in key)
        except FormatError:  # its list is gone, and with it the JSON ring's name; clients need the packed one only
            needed.update(key for key in [base.ring_key()] if key)
    return frozenset(needed)


def _naming(store: Store, text: bytes, listing: list[Listed], progress: Callable[[str, int, int], None]) -> Naming:
    named: dict[str, int] = {}
    epochs, unread = set(), set()
    commits = {listed.key for listed in listing}
    seqs = {name for listed in listing if listed.key.startswith(LISTS) and (name := _seq_of(listed.key))}
    for done, seq in enumerate(sorted(seqs)):
        progress("reading lists", done, len(seqs))
        if commit_key(seq) not in commits:
            continue  # of a run that ended before its commit
        try:
            head, _ = parse(store.read(commit_key(seq)) or b"")
        except FormatError:
            continue  # a thief's or a damaged commit names nothing
        epochs.add(head.epoch)
        try:
            keys = _keys_of(store, head)
        except FormatError:
            unread.add(head.epoch)
            continue
        for key in keys:
            named[key] = max(named.get(key, 0), head.ts)
    return Naming(named, needed_by(store, text), frozenset(epochs), frozenset(unread))


def _keys_of(store: Store, head: Head) -> set[str]:
    keys = set(files_of(store, head).files) | {files_key(head.seq, head.files.sha256)}
    return keys | {folder_of(key) for key in keys if key.startswith("v1/shard/")}


def _seq_of(key: str) -> int:
    number = key.removeprefix(LISTS).partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 16 else 0
