"""Read a published tree as a stranger would, and check every promise of `docs/formats.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clients.check_channels import ChannelsCheck
from clients.check_compat import Chronicle, CompatCheck
from clients.check_epoch import EpochCheck
from clients.check_files import SUMS_KEY, check_directory, check_sums, read_sums
from clients.check_history import History, read_list
from clients.check_parquet import ParquetCheck
from clients.check_rolls import check_roll_days, check_rolls
from clients.errors import Missing, VerifyError
from clients.head import HEAD_KEY, FileEntry, Frozen, Head, Sunset
from clients.kill import read_kill
from clients.promises import Shelf, Tombstoned, expect
from clients.source import Source, open_source
from clients.trust import Pin, Trust, begin_trust, read_pin, root_key

Progress = Callable[[int, int], None]
"""Called with the ticks checked and the ticks there are."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked and held; a broken promise raises instead."""

    log: str
    seq: int
    """The newest tick."""
    first: int
    """The oldest tick whose commit is there; all after it were checked."""
    followed: int
    """Ticks whose files are all there; of the others, only commits were checked."""
    epochs: int
    """Whose base was checked, in all its forms."""
    roots: int
    state: str
    rows: int
    files: int
    """Different files read, heads and roots not counted."""
    prefixes: int
    """Earlier ticks from which a ring's prefix was followed to the end of the epoch."""
    rolls: int
    """Rolls to the newest base that were applied to their base."""
    shards: int
    """Shards compared with the rows, and followed to the top."""
    parquet: int
    """Parquet files: verdicts compared with the rows, channel scores with the verdicts."""
    compat: int
    """Compat files compared with the rows."""
    killed: int
    """Ids on the newest kill list."""
    tombstones: int
    """Files in whose place a valid tombstone stands."""
    unlisted: int
    """Files in a directory that belong to no tick, their names right."""
    frozen: Frozen | None
    note: str | None
    sunset: Sunset | None
    requests: int
    bytes: int
    warnings: tuple[str, ...]


class Walk:
    """The checks of all ticks, from the oldest one on."""

    def __init__(self, shelf: Shelf, history: History) -> None:
        """Stand before the oldest tick."""
        self.shelf = shelf
        self.history = history
        self.chronicle = Chronicle()
        self.parquet = ParquetCheck(shelf)
        self.channels = ChannelsCheck(shelf)
        self.compat = CompatCheck(shelf, self.chronicle)
        self.epoch: EpochCheck | None = None
        self.epochs = self.prefixes = self.shards = self.followed = 0
        self.times_ms: dict[int, int] = {}
        """By tick."""
        self.days: dict[str, Head] = {}
        """The newest tick of each epoch."""
        self.dropped: set[str] = set()
        """Epochs from which a later one has no roll."""
        self.lost = ""
        """An epoch whose base is not there any more: its rows cannot be followed."""
        self.lists: list[dict[str, FileEntry]] = []
        """Of the newest two ticks."""

    def step(self, seq: int) -> bytes:
        """Check the next tick.

        Returns:
            The commit's bytes.

        Raises:
            VerifyError: when a promise is broken.
        """
        head, text = self.history.read_tick(seq)
        self.times_ms[seq] = head.ts_ms
        self.chronicle.times_ms.add(head.ts_ms)
        if not self.days:
            self.chronicle.begins_ms = head.ts_ms if seq > 1 else 0
        files = read_list(self.shelf, head)
        if files is not None:
            self.lists = [*self.lists[-1:], files]
            self._check_rows(head, files)
        self.days[head.epoch] = head
        self.shelf.forget_content()
        return text

    def _check_rows(self, head: Head, files: Mapping[str, FileEntry]) -> None:
        if self.lost == head.epoch:
            return
        try:
            if self.epoch is None or self.epoch.day != head.epoch or self.epoch.base_seq != head.base.seq:
                self._begin_epoch(head, files)
            assert self.epoch is not None
            rows = self.epoch.rows
            self.epoch.check_tick(head, files)
        except Tombstoned:
            self.lost = head.epoch if self.epoch is None else self.lost
            return
        self.followed += 1
        try:
            self.parquet.check_tick(head, files, self.epoch.rows, self.times_ms)
            self.channels.check_tick(head, files, self.parquet.verdicts)
        except Tombstoned:
            self.parquet.forget()
            self.channels.forget(head)
        try:
            self.compat.check_tick(head, files, self.epoch.rows, self.epoch.base, self.channels)
        except Tombstoned:
            self.compat.forget()
        self.chronicle.gone |= self.epoch.removed_ids(rows)

    def finish_epoch(self) -> None:
        """Check the prefixes of the epoch's last ring.

        Raises:
            VerifyError: when one leads elsewhere.
        """
        self.prefixes += self.epoch.finish() if self.epoch else 0

    def _begin_epoch(self, head: Head, files: Mapping[str, FileEntry]) -> None:
        self.finish_epoch()
        self.epoch = None
        epoch = EpochCheck(self.shelf, head, files)
        check_roll_days(epoch.epochs, self.days, self.dropped, head.epochs_key)
        self.epoch = epoch
        self.epochs += 1
        self.shards += epoch.shards


def verify(source: Source | str | Path, root: str | Path | None = None, progress: Progress | None = None) -> Report:
    """Check a published tree from the oldest tick that is there to the newest.

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
    ticks = history.ticks(head.seq)
    commit = b""
    for seq in ticks:
        commit = walk.step(seq)
        if progress:
            progress(seq, head.seq)
    expect(commit == text, head.commit_key, promised=f"{HEAD_KEY}, byte for byte", found="other bytes")
    rolls = _finish(walk, head)
    warnings = [*trust.warnings, *_gaps(walk, ticks)]
    if sums is None:
        warnings.append(f"there is no {SUMS_KEY}")
    else:
        check_sums(shelf, sums, walk.lists)
    keys = opened.keys()
    unlisted = check_directory(shelf, keys) if keys is not None else 0
    return _report(walk, head, ticks, rolls=rolls, unlisted=unlisted, warnings=tuple(warnings))


def _finish(walk: Walk, head: Head) -> int:
    """What only the newest tick promises; gives the number of rolls that were applied."""
    walk.finish_epoch()
    newest = walk.history.newest
    whole = bool(walk.lists) and newest == head and head.list_key in walk.shelf.checked
    expect(whole, head.list_key, promised="the newest tick's list of files", found="none")
    files = walk.lists[-1]
    buried = sorted(walk.shelf.tombstones & {head.list_key, *files})
    expect(not buried, head.list_key, promised="files of the newest tick that were never replaced", found=buried)
    return check_rolls(walk.shelf, head, files, walk.days)


def _gaps(walk: Walk, ticks: list[int]) -> list[str]:
    told = [f"ticks 1 to {ticks[0] - 1} are not there"] if ticks[0] > 1 else []
    if walk.followed < len(ticks):
        told.append(f"of {len(ticks)} ticks, {len(ticks) - walk.followed} are there without their files")
    return told


def _trust(source: Source, pin: Pin | None) -> Trust:
    try:
        return begin_trust(source, None, pin)
    except Missing as error:
        raise VerifyError(root_key(1), promised="root 1", found=str(error)) from None


def _report(
    walk: Walk, head: Head, ticks: list[int], *, rolls: int, unlisted: int, warnings: tuple[str, ...]
) -> Report:
    source = walk.shelf.source
    return Report(
        log=head.log,
        seq=head.seq,
        first=ticks[0],
        followed=walk.followed,
        epochs=walk.epochs,
        roots=len(walk.shelf.roots),
        state=head.state,
        rows=head.n,
        files=len(walk.shelf.checked) - len(ticks) - unlisted,
        prefixes=walk.prefixes,
        rolls=rolls,
        shards=walk.shards,
        parquet=walk.parquet.files + walk.channels.files,
        compat=len(walk.compat.keys),
        killed=_killed(walk.shelf, head),
        tombstones=len(walk.shelf.tombstones),
        unlisted=unlisted,
        frozen=head.frozen,
        note=head.note,
        sunset=head.sunset,
        requests=source.requests,
        bytes=source.received_bytes,
        warnings=warnings,
    )


def _killed(shelf: Shelf, head: Head) -> int:
    return len(read_kill(shelf.fetch(head.kill_key, head.kill, head.commit_key)).ids) if head.kill else 0
