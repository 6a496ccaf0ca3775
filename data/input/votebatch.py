"""Checks rows of a vote file, column by column, and keeps the good ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.columns import Bytes, Ints, Mask
from data.records import CHANNEL_ID, LATEST_MS, NETWORK, RETRACTION, VIDEO_ID, VOTER_ID, Rejection, mask_of

REQUIRED = ("cast_at_ms", "voter_id", "video_id", "category")
"""Columns that every vote file has."""
OPTIONAL = ("channel_id", "network", "voter_since_ms")
COLUMNS = (*REQUIRED, *OPTIONAL)
FUTURE_MS = 60_000
"""How far a clock elsewhere may be ahead of ours."""
LONGEST_NUMBER = 15
"""Digits of `LATEST_MS`."""
NULL = "\0"
"""Stands for a required text that a file says is null: no column takes it."""
SHOWN = 60
"""How much of a bad value a reason repeats."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is no vote."""

    line: int
    """Its line in a text file, from 1; its row in a Parquet file, from 1."""
    reason: str
    text: str
    """The line as it was read; what is not UTF-8 is escaped."""


@dataclass(frozen=True, slots=True)
class VoteBatch:
    """Good votes as columns of one length, in file order, and the rows that were none.

    Ids are dictionary arrays of text: each id that occurs stands once in the dictionary, the empty one included.
    """

    line: Ints
    cast_at_ms: Ints
    voter_id: pa.DictionaryArray
    """1-64 lower-case hex digits."""
    video_id: pa.DictionaryArray
    categories: Bytes
    """Mask of `records.BIT_OF`; 0 is a retraction."""
    channel_id: pa.DictionaryArray
    """Empty: none claimed."""
    network: pa.DictionaryArray
    """Empty: unknown."""
    voter_since_ms: Ints
    """0: unknown."""
    rejects: tuple[Reject, ...]
    bytes_read: int
    """How much of the file was read for this batch."""

    def __len__(self) -> int:
        return len(self.line)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as they stand in a file: text columns, times as text or integers, `None` for a column that is not there."""

    line: Ints
    columns: dict[str, pa.Array | None]
    text: Callable[[int], str]
    """The line of a row, for whoever must look at it."""
    rejects: list[Reject] = field(default_factory=list)
    """What could not even be taken apart into columns."""
    bytes_read: int = 0


@dataclass(frozen=True, slots=True)
class _Column:
    """One checked column."""

    name: str
    values: Ints | pa.DictionaryArray
    bad: Mask
    expected: Callable[[str], str]
    """What a value should have been, given what it was."""


def checked(rows: Rows, now_ms: int) -> VoteBatch:
    """Keeps the good rows.

    Args:
        rows: What a file holds.
        now_ms: Unix milliseconds; a vote more than `FUTURE_MS` after it is bad.
    """
    latest = min(now_ms + FUTURE_MS, LATEST_MS)
    columns = [
        _times("cast_at_ms", rows, latest),
        _ids("voter_id", rows, VOTER_ID, "1 to 64 hex digits"),
        _ids("video_id", rows, VIDEO_ID, "1 to 16 characters of A-Z a-z 0-9 _ -"),
        _categories(rows),
        _ids("channel_id", rows, CHANNEL_ID, "nothing, or 1 to 32 characters of A-Z a-z 0-9 _ -"),
        _ids("network", rows, NETWORK, "nothing, or 1 to 64 printable ASCII characters without a space"),
        _times("voter_since_ms", rows, latest),
    ]
    bad = np.logical_or.reduce([column.bad for column in columns])
    rejects = [*rows.rejects, *(_reject(rows, columns, int(row)) for row in np.flatnonzero(bad))]
    good = None if not bad.any() else np.flatnonzero(~bad)
    cast_at, voter, video, categories, channel, network, since = (_kept(column.values, good) for column in columns)
    return VoteBatch(
        line=_kept(rows.line, good),
        cast_at_ms=cast_at,
        voter_id=voter,
        video_id=video,
        categories=categories.astype(np.uint8),
        channel_id=channel,
        network=network,
        voter_since_ms=since,
        rejects=tuple(sorted(rejects, key=lambda reject: reject.line)),
        bytes_read=rows.bytes_read,
    )


def _times(name: str, rows: Rows, latest: int) -> _Column:
    given, required = rows.columns[name], name in REQUIRED
    if given is None:
        return _Column(name, np.zeros(len(rows.line), np.int64), np.zeros(len(rows.line), np.bool_), str)
    if pa.types.is_integer(given.type):
        numbers, whole = given, np.ones(len(given), np.bool_)
    else:
        text = pc.ascii_trim_whitespace(given)
        if not required:
            text = pc.if_else(pc.equal(text, ""), "0", text)
        digits = pc.and_(pc.ascii_is_decimal(text), pc.less_equal(pc.binary_length(text), LONGEST_NUMBER))
        numbers = text if pc.all(digits, min_count=0).as_py() else pc.if_else(digits, text, "-1")
        whole = digits.to_numpy(zero_copy_only=False)
    values = numbers.cast(pa.int64()).to_numpy()

    def expected(found: str) -> str:
        if found.strip().isdecimal() and latest < int(found) <= LATEST_MS:
            return f"no more than {FUTURE_MS // 1000} s in the future"
        return f"whole Unix milliseconds, 0 to {LATEST_MS}"

    return _Column(name, values, ~whole | (values < 0) | (values > latest), expected)


def _ids(name: str, rows: Rows, valid: re.Pattern[str], expected: str) -> _Column:
    given = rows.columns[name]
    if given is None:
        nothing = pa.DictionaryArray.from_arrays(np.zeros(len(rows.line), np.int32), pa.array([""], pa.string()))
        return _Column(name, nothing, np.zeros(len(rows.line), np.bool_), str)
    coded = given.dictionary_encode()
    ids = pc.ascii_trim_whitespace(coded.dictionary)
    if valid is VOTER_ID:
        ids = pc.ascii_lower(ids)
    bad = ~_all_of(ids, valid, or_empty=name in OPTIONAL)
    recoded = ids.dictionary_encode()  # "AB" and " ab " are one id now
    indices = recoded.indices.to_numpy()[coded.indices.to_numpy()]
    values = pa.DictionaryArray.from_arrays(indices, recoded.dictionary)
    return _Column(name, values, bad[coded.indices.to_numpy()], lambda _: expected)


def _categories(rows: Rows) -> _Column:
    given = rows.columns["category"]
    assert given is not None  # a required column
    coded = given.dictionary_encode()
    masks = [_mask(text) for text in coded.dictionary.to_pylist()]
    values = np.array([RETRACTION if isinstance(mask, Rejection) else mask for mask in masks], np.int64)
    bad = np.array([isinstance(mask, Rejection) for mask in masks], np.bool_)

    def expected(found: str) -> str:
        mask = _mask(found)
        return mask.message if isinstance(mask, Rejection) else ""

    rows_of = coded.indices.to_numpy()
    return _Column("category", values[rows_of], bad[rows_of], expected)


def _mask(text: str) -> int | Rejection:
    """An empty category retracts; several are joined by `|`."""
    return mask_of([name.strip() for name in text.split("|")]) if text.strip() else RETRACTION


def _all_of(ids: pa.Array, valid: re.Pattern[str], *, or_empty: bool) -> Mask:
    pattern = rf"\A(?:{valid.pattern}){'?' if or_empty else ''}\z"
    matches: Mask = pc.match_substring_regex(ids, pattern).to_numpy(zero_copy_only=False)
    return matches


def _reject(rows: Rows, columns: Sequence[_Column], row: int) -> Reject:
    column = next(column for column in columns if column.bad[row])
    given = rows.columns[column.name]
    found = "" if given is None else str(given[row].as_py())
    shown = "null" if found == NULL else repr(found if len(found) <= SHOWN else found[:SHOWN] + "…")
    reason = f"{column.name}: expected {column.expected(found)}; found {shown}"
    return Reject(int(rows.line[row]), reason, rows.text(row))


def _kept(values: Ints | pa.DictionaryArray, good: Ints | None) -> Ints | pa.DictionaryArray:
    if good is None:
        return values
    if isinstance(values, np.ndarray):
        return values[good]
    return values.take(pa.array(good)).dictionary_decode().dictionary_encode()  # ids of bad rows leave the dictionary
