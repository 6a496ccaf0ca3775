"""What the store holds: the newest tick, read back so that the next one can be built on it."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.formats import base, epochs, files, ring
from data.formats.epochs import RollFile
from data.formats.files import FileList
from data.formats.head import File, Head, parse
from data.formats.tree import FormatError, commit_key, epochs_key, files_key, roll_key, seq_of_verdicts, sha256
from publisher.names import Names
from publisher.research import channels, parquet
from publisher.scoring.channel_scores import ChannelScores
from publisher.scoring.verdicts import VerdictTable, empty
from publisher.store import Store
from publisher.sync import compat
from publisher.sync.day import Day, restore
from publisher.sync.rolls import Roll

COMMITS = "v1/c/"


@dataclass(frozen=True, slots=True)
class Published:
    """The newest tick's state."""

    head: Head
    payload: bytes
    """The head's payload, which the next head names by its hash."""
    listing: FileList
    day: Day
    base_ms: int
    """Time of the tick whose rows the epoch's base holds."""
    table: VerdictTable
    channels: ChannelScores
    """What the epoch's first tick learned of channels."""
    channel_changes: bytes
    """In what that differs from the base, as the compat deltas say it."""


@dataclass(frozen=True, slots=True)
class Leads:
    """What leads from earlier epochs to one's base."""

    removed: Mapping[str, str]
    """The removal memory: video id -> RFC 3339 time."""
    rolls: Sequence[Roll]
    """From earlier bases, the newest first."""


def load(store: Store, text: bytes, names: Names) -> Published:
    """Reads the newest tick's state back from its files.

    Args:
        store: Where they are.
        text: The head.
        names: Ids by key, of the votes log that the tree was published from.

    Raises:
        FormatError: A file is missing, damaged, or names what the log does not know.
    """
    head, envelope = parse(text)
    listing = files_of(store, head)
    return Published(
        head=head,
        payload=envelope.payload,
        listing=listing,
        day=_day(store, head, listing.files),
        base_ms=_base_ms(store, head),
        table=_table(store, listing.files, names),
        channels=_channels(store, listing.files, names),
        channel_changes=_channel_changes(store, listing.files),
    )


def commits_in(store: Store) -> set[int]:
    """The numbers of all commits, whoever made them."""
    names = (listed.key.removeprefix(COMMITS).removesuffix(".json") for listed in store.keys(COMMITS))
    return {int(name) for name in names if name.isascii() and name.isdigit() and len(name) <= 16}


def files_of(store: Store, head: Head) -> FileList:
    """A tick's list of files.

    Raises:
        FormatError: It is missing or damaged.
    """
    return files.parse(read(store, files_key(head.seq, head.files.sha256), head.files))


def table_of(store: Store, seq: int, names: Names) -> tuple[Head, VerdictTable]:
    """The verdicts as an earlier tick left them, from its Parquet files.

    Raises:
        FormatError: The tick or a file of it is missing or damaged, or they do not give its rows.
    """
    text = store.read(commit_key(seq))
    if text is None:
        raise FormatError(f"{commit_key(seq)} is missing: there is no tick {seq} to go back to")
    head, _ = parse(text)
    table = _table(store, files_of(store, head).files, names)
    if table.rows(names.ids)[1].state() != head.state:
        raise FormatError(f"the verdicts of tick {seq} do not give the rows that it published")
    return head, table


def _base_ms(store: Store, head: Head) -> int:
    """When the base's tick was; a base without one (section 5) is as old as the tick after it, less a moment."""
    text = store.read(commit_key(head.base.seq))
    if text is not None:
        return parse(text)[0].ts
    following = store.read(commit_key(head.base.seq + 1))
    if following is None:
        raise FormatError(f"{commit_key(head.base.seq)} is missing")
    return parse(following)[0].ts - 1


def leads_of(store: Store, published: Published) -> Leads:
    """Reads what the newest tick's epoch knows of earlier ones.

    Raises:
        FormatError: A file is missing or damaged.
    """
    listed, head = published.listing.files, published.head
    full = only(listed, "/full-")
    removed = compat.removed_of(gzip.decompress(read(store, full, listed[full])))
    known = epochs.parse(read(store, epochs_key(head.epochs.sha256), head.epochs))
    return Leads(removed, [_roll(store, head.epoch, roll) for roll in known.rolls])


def read(store: Store, key: str, file: File) -> bytes:
    """Reads a file that must have these bytes.

    Raises:
        FormatError: It is missing or has others.
    """
    body = store.read(key)
    if body is None or sha256(body) != file.sha256:
        found = "nothing" if body is None else f"{len(body)} bytes with hash {sha256(body)}"
        raise FormatError(f"{key}: expected {file.bytes} bytes with hash {file.sha256}, found {found}")
    return body


def only(listed: Mapping[str, File], part: str) -> str:
    """The one key that contains a part.

    Raises:
        FormatError: There is none, or more than one.
    """
    keys = [key for key in listed if part in key]
    if len(keys) != 1:
        raise FormatError(f"expected one {part} in the list of files, found {len(keys)}")
    return keys[0]


def _roll(store: Store, to: str, roll: RollFile) -> Roll:
    block = None
    if roll.file:
        block = ring.decode_block(read(store, roll_key(to, roll.epoch, roll.file.sha256), roll.file))
    return Roll(roll.epoch, roll.seq, roll.n, block)


def _day(store: Store, head: Head, listed: Mapping[str, File]) -> Day:
    p1, p2 = (read(store, key, listed[key]) for key in (only(listed, ".p1"), only(listed, ".p2")))
    blocks = []
    if head.ring and (key := head.ring_key()):
        blocks = ring.decode(read(store, key, listed[key]), head.ring.sizes, head.ring.block)
    return restore(base.decode_packed(p1, p2), head.base.seq, blocks)


def _table(store: Store, listed: Mapping[str, File], names: Names) -> VerdictTable:
    table = empty(len(names.video_ids))
    for key in verdict_files(listed):
        body = read(store, key, listed[key])
        table = parquet.enter(table, body, names)
    return table


def verdict_files(listed: Mapping[str, File]) -> list[str]:
    """Keys of the Parquet snapshot and its changes, the oldest first."""
    return sorted((key for key in listed if "/videos-" in key), key=seq_of_verdicts)


def channels_file(listed: Mapping[str, File]) -> str:
    """Key of the channels' scores."""
    return only(listed, "/channels-")


def _channels(store: Store, listed: Mapping[str, File], names: Names) -> ChannelScores:
    key = channels_file(listed)
    return channels.decode(read(store, key, listed[key]), names)


def _channel_changes(store: Store, listed: Mapping[str, File]) -> bytes:
    """What the epoch's newest compat delta says of channels; nothing in the first tick of a tree, which has none."""
    deltas = [key for key in listed if "/delta-" in key]
    return compat.changes_of(gzip.decompress(read(store, deltas[0], listed[deltas[0]]))) if deltas else b"[]"
