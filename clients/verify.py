"""Read a published tree as a stranger would, and check every promise of `docs/formats.md`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clients.check_channels import ChannelsCheck
from clients.check_compat import Chronicle, CompatCheck
from clients.check_epoch import EpochCheck
from clients.check_files import SUMS_KEY, check_directory, check_sums, read_sums
from clients.check_history import History, read_list
from clients.check_parquet import ParquetCheck
from clients.errors import Missing, VerifyError
from clients.head import HEAD_KEY, Head
from clients.promises import FileEntry, Shelf, expect
from clients.source import Source, open_source
from clients.trust import Pin, Trust, begin_trust, read_pin, root_key

Progress = Callable[[int, int], None]
"""Called with the ticks checked and the ticks there are."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and held; a broken promise raises instead."""

    log: str
    seq: int
    """The newest tick; all from 1 on were checked."""
    epochs: int
    roots: int
    state: str
    rows: int
    files: int
    """Different files read, heads and roots not counted."""
    prefixes: int
    """Earlier ticks from which a ring's prefix was followed to the end of the epoch."""
    parquet: int
    """Parquet files: verdicts compared with the rows, channel scores with the verdicts."""
    compat: int
    """Compat files compared with the rows."""
    unlisted: int
    """Files in a directory that belong to no tick, their names right."""
    requests: int
    bytes: int
    warnings: tuple[str, ...]


class Walk:
    """The checks of all ticks, from the first one on."""

    def __init__(self, shelf: Shelf, history: History) -> None:
        """Stand before tick 1."""
        self.shelf = shelf
        self.history = history
        self.chronicle = Chronicle()
        self.parquet = ParquetCheck(shelf)
        self.channels = ChannelsCheck(shelf)
        self.compat = CompatCheck(shelf, self.chronicle)
        self.epoch: EpochCheck | None = None
        self.epochs = 0
        self.prefixes = 0
        self.base_ts_ms = 0
        self.lists: list[dict[str, FileEntry]] = []
        """Of the newest two ticks."""

    def step(self, seq: int) -> bytes:
        """Check the next tick.

        Returns:
            The commit's bytes.

        Raises:
            VerifyError: when a promise is broken.
        """
        before = self.history.newest
        head, text = self.history.read_tick(seq)
        files = read_list(self.shelf, head)
        if self.epoch is None or self.epoch.day != head.epoch:
            self._begin_epoch(head, before or head)
        assert self.epoch is not None
        rows = self.epoch.rows
        self.epoch.check_tick(head)
        self.chronicle.times_ms.add(head.ts_ms)
        self.parquet.check_tick(head, files, self.epoch.rows, self.base_ts_ms)
        self.channels.check_tick(head, files, self.parquet.verdicts)
        self.compat.check_tick(head, files, self.epoch.rows, self.epoch.base, self.channels)
        self.chronicle.gone |= self.epoch.removed_ids(rows)
        self.lists = [*self.lists[-1:], files]
        self.shelf.forget_content()
        return text

    def finish_epoch(self) -> None:
        """Check the prefixes of the epoch's last ring.

        Raises:
            VerifyError: when one leads elsewhere.
        """
        self.prefixes += self.epoch.finish() if self.epoch else 0

    def _begin_epoch(self, head: Head, before: Head) -> None:
        self.finish_epoch()
        self.epoch = EpochCheck(self.shelf, head)
        self.epochs += 1
        self.base_ts_ms = before.ts_ms


def verify(source: Source | str | Path, root: str | Path | None = None, progress: Progress | None = None) -> Report:
    """Check a published tree from tick 1 to the newest.

    Args:
        source: a directory that holds `v1/`, an address, or an opened source.
        root: file of root 1, or its fingerprint; None trusts the first one seen and says so in the warnings.
        progress: told after each tick.

    Returns:
        What was checked.

    Raises:
        VerifyError: at the first broken promise.
        Refused: the root is not the one asked for.
        Unreachable: the source stopped answering.
    """
    opened = open_source(source) if isinstance(source, (str, Path)) else source
    shelf = Shelf(opened)
    trust = _trust(opened, read_pin(root) if root is not None else None)
    history = History(shelf, trust)
    head, text = history.read_head()
    sums = read_sums(shelf)  # now, as they may lag one tick behind this head, but not run ahead
    walk = Walk(shelf, history)
    commit = b""
    for seq in range(1, head.seq + 1):
        commit = walk.step(seq)
        if progress:
            progress(seq, head.seq)
    expect(commit == text, head.commit_key, promised=f"{HEAD_KEY}, byte for byte", found="other bytes")
    walk.finish_epoch()
    warnings = list(trust.warnings)
    if sums is None:
        warnings.append(f"there is no {SUMS_KEY}")
    else:
        check_sums(shelf, sums, walk.lists)
    keys = opened.keys()
    return _report(walk, head, check_directory(shelf, keys) if keys is not None else 0, tuple(warnings))


def _trust(source: Source, pin: Pin | None) -> Trust:
    try:
        return begin_trust(source, None, pin)
    except Missing as error:
        raise VerifyError(root_key(1), promised="root 1", found=str(error)) from None


def _report(walk: Walk, head: Head, unlisted: int, warnings: tuple[str, ...]) -> Report:
    source = walk.shelf.source
    return Report(
        log=head.log,
        seq=head.seq,
        epochs=walk.epochs,
        roots=len(walk.history.roots),
        state=head.state,
        rows=head.n,
        files=len(walk.shelf.checked) - head.seq - unlisted,
        prefixes=walk.prefixes,
        parquet=walk.parquet.files + walk.channels.files,
        compat=len(walk.compat.keys),
        unlisted=unlisted,
        requests=source.requests,
        bytes=source.received_bytes,
        warnings=warnings,
    )
