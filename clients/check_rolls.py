"""Rolls: that each earlier base which is still there leads to the newest one (formats, section 12)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping

from clients.climb import apply_roll, begin_epoch
from clients.epochs import EpochsFile, RollEntry, decode_base, decode_epochs, decode_roll
from clients.errors import Missing
from clients.head import FileEntry, Head
from clients.promises import Shelf, Tombstoned, expect, promise
from clients.rows import NumberedRows

ROLLED_DAYS = 30


def check_roll_days(epochs: EpochsFile, earlier: Iterable[str], dropped: set[str], said_by: str) -> None:
    """Check that rolls are from the last 30 days, and that one which was left out once never comes again.

    Args:
        epochs: the epochs file.
        earlier: earlier epochs that are known.
        dropped: of these, the ones that had no roll before; those that have none now are added.
        said_by: the epochs file's key.

    Raises:
        VerifyError: when one is too old, or comes again.
    """
    listed = {roll.epoch for roll in epochs.rolls}
    known = {epoch for epoch in earlier if 0 < days_between(epoch, epochs.epoch) <= ROLLED_DAYS}
    old = sorted(epoch for epoch in listed if days_between(epoch, epochs.epoch) > ROLLED_DAYS)
    expect(not old, said_by, promised=f"rolls from the last {ROLLED_DAYS} days", found=old)
    again = sorted(dropped & listed)
    expect(not again, said_by, promised="no roll from an epoch that had none before", found=again)
    dropped |= known - listed


def days_between(earlier: str, later: str) -> int:
    """How many days lie between two epochs."""
    return (datetime.date.fromisoformat(later) - datetime.date.fromisoformat(earlier)).days


def check_rolls(shelf: Shelf, head: Head, files: Mapping[str, FileEntry], earlier: Mapping[str, Head]) -> int:
    """Check the newest tick's rolls: each is there, and old base and roll give the newest base.

    Args:
        shelf: the published files.
        head: the newest tick.
        files: its list of files.
        earlier: a tick of each earlier epoch.

    Returns:
        How many were applied to their base.

    Raises:
        VerifyError: when one breaks a promise.
    """
    epochs = read_epochs_file(shelf, head)
    applied = 0
    for roll in epochs.rolls:
        if roll.file is not None:
            key = roll.key(epochs.epoch)
            entry = FileEntry(roll.bytes, roll.file)
            expect(files.get(key) == entry, head.list_key, promised=f"the roll {key}", found=files.get(key))
        base = _old_base(shelf, earlier.get(roll.epoch), roll)
        if base is not None:
            _apply(shelf, head, epochs, roll, base)
            applied += 1
        shelf.forget_content()
    return applied


def read_epochs_file(shelf: Shelf, head: Head) -> EpochsFile:
    """The epochs file that a head names.

    Raises:
        VerifyError: when it breaks a promise.
        Tombstoned: when it is not there any more.
    """
    packed = shelf.fetch(head.epochs_key, head.epochs, head.commit_key)
    with promise(head.epochs_key, f"the epochs file of {head.epoch}"):
        return decode_epochs(packed, head)


def _old_base(shelf: Shelf, head: Head | None, roll: RollEntry) -> NumberedRows | None:
    """The base that a roll applies to; None when it is not there any more."""
    if head is None:
        return None
    try:
        shelf.source.get(head.epochs_key, limit_bytes=head.epochs.bytes, prefix_bytes=1)
        old = read_epochs_file(shelf, head)
        shelf.source.get(old.p1_key, limit_bytes=old.p1.bytes, prefix_bytes=1)
        parts = [shelf.fetch(key, entry, head.epochs_key) for key, entry in _parts(old)]
    except (Missing, Tombstoned):
        return None
    with promise(old.p1_key, f"the base of {old.epoch}"):
        base = decode_base(parts[0], parts[1], old)
    found = (old.seq, old.n)
    expect(found == (roll.seq, roll.n), head.epochs_key, promised=f"tick and rows {roll.seq, roll.n}", found=found)
    return base


def _parts(epochs: EpochsFile) -> tuple[tuple[str, FileEntry], tuple[str, FileEntry]]:
    return (epochs.p1_key, epochs.p1), (epochs.p2_key, epochs.p2)


def _apply(shelf: Shelf, head: Head, epochs: EpochsFile, roll: RollEntry, base: NumberedRows) -> None:
    if roll.file is None:
        with promise(head.epochs_key, f"equal bases of {roll.epoch} and {epochs.epoch}"):
            begin_epoch(base, head)
        return
    key = roll.key(epochs.epoch)
    content = shelf.fetch(key, FileEntry(roll.bytes, roll.file), head.epochs_key)
    with promise(key, f"the way from the base of {roll.epoch} to that of {epochs.epoch}"):
        apply_roll(base, decode_roll(content, roll, epochs), head)
