"""Reads files of votes (CSV, NDJSON, Parquet) in bounded batches of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from data.columns import Ints
from data.input import csvlines
from data.input.textlines import LONGEST_LINE_BYTES, Block, InputFileError, blocks, shown
from data.input.votebatch import COLUMNS, NULL, REQUIRED, Reject, Rows, VoteBatch, checked
from data.records import LATEST_MS

PARQUET_ROWS = 50_000
PARQUET_MAGIC = b"PAR1"
TEXT = pa.string()
CODED_TEXT = pa.dictionary(pa.int32(), TEXT)


def read(path: Path, now_ms: int) -> Iterator[VoteBatch]:
    """Reads a file of votes; its first bytes, not its name, tell what it is.

    Args:
        path: CSV with a header line, NDJSON, or Parquet, with the columns of `votebatch.COLUMNS` in any order;
            other columns are ignored.
        now_ms: Unix milliseconds, against which future votes are rejected.

    Raises:
        InputFileError: It cannot be opened, a required column is missing, or the Parquet file is damaged.
    """
    try:
        with path.open("rb") as file:
            if path.is_file() and file.peek(len(PARQUET_MAGIC)).startswith(PARQUET_MAGIC):
                yield from (checked(rows, now_ms) for rows in _parquet(path))
            else:
                yield from read_stream(file, str(path), now_ms)
    except OSError as error:
        raise InputFileError(f"{path} cannot be read: {error.strerror or error}") from error


def read_stream(stream: BinaryIO, name: str, now_ms: int) -> Iterator[VoteBatch]:
    """Reads votes as CSV or NDJSON from an open stream.

    Args:
        stream: Bytes, read once.
        name: What messages call it.
        now_ms: Unix milliseconds, against which future votes are rejected.

    Raises:
        InputFileError: It is empty, is Parquet, or its header lacks a required column.
    """
    parts = blocks(stream)
    first = next(parts, None)
    if first is None:
        raise InputFileError(f"{name} is empty: expected a header line with {', '.join(REQUIRED)}, or NDJSON")
    if first.body.startswith(PARQUET_MAGIC):
        raise InputFileError(f"{name} is Parquet, which cannot be read from a pipe: give its path")
    if first.body.lstrip().startswith(b"{"):
        yield from (checked(_ndjson(block), now_ms) for block in _from(first, parts))
        return
    header = csvlines.header(first.body.partition(b"\n")[0], name, required=REQUIRED, known=COLUMNS)
    yield from (checked(_csv(block, header), now_ms) for block in _from(first.without_first(), parts))


def _from(first: Block, rest: Iterator[Block]) -> Iterator[Block]:
    if first.body:
        yield first
    yield from rest


Taken = tuple[dict[str, pa.Array], Ints, list[Reject]]
"""Columns of the rows that could be taken apart, their line numbers, and the other lines."""


def _csv(block: Block, header: Sequence[str]) -> Rows:
    taken = _simple_columns(block, header) if block.plain else None
    columns, line, rejects = taken or _careful_columns(block, header)
    return Rows(line, {name: columns.get(name) for name in COLUMNS}, block.text_of(line), rejects, block.bytes_read)


def _simple_columns(block: Block, header: Sequence[str]) -> Taken | None:
    """Columns of a block in which every line has its fields; None when one has not: ten times as fast."""
    wanted = [name for name in header if name in COLUMNS]
    places = [str(place) for place in range(len(header))]
    text = {place: TEXT if name.endswith("_ms") else CODED_TEXT for place, name in zip(places, header, strict=True)}
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(block.body),
            pa.csv.ReadOptions(column_names=places, block_size=len(block.body) + 1, use_threads=False),
            pa.csv.ParseOptions(quote_char=False, double_quote=False, ignore_empty_lines=False),
            pa.csv.ConvertOptions(
                include_columns=[str(header.index(name)) for name in wanted], column_types=text, check_utf8=False
            ),
        ).combine_chunks()
    except pa.ArrowInvalid:
        return None
    if len(table) != len(block):  # a carriage return inside a line: only `\n` ends one
        return None
    columns = {name: column.chunk(0) for name, column in zip(wanted, table.columns, strict=True)}
    return columns, block.first_line + np.arange(len(block), dtype=np.int64), []


def _careful_columns(block: Block, header: Sequence[str]) -> Taken:
    rows, numbers, rejects = [], [], []
    for number, line in block.numbered():
        row = csvlines.fields(line, len(header))
        if isinstance(row, str):
            rejects.append(Reject(number, row, shown(line)))
        elif row:
            rows.append(row)
            numbers.append(number)
    places = [(name, header.index(name)) for name in COLUMNS if name in header]
    columns = {name: pa.array([row[place] for row in rows], TEXT) for name, place in places}
    return columns, np.array(numbers, np.int64), rejects


class _JsonVote(msgspec.Struct):
    """One line of NDJSON; unknown fields are ignored."""

    cast_at_ms: Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)]
    voter_id: str
    video_id: str
    category: str
    channel_id: str | None = None
    network: str | None = None
    voter_since_ms: Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)] | None = None


def _ndjson(block: Block) -> Rows:
    decode = msgspec.json.Decoder(_JsonVote).decode
    votes, numbers, rejects = [], [], []
    for number, line in block.numbered():
        if not line.strip():
            continue
        try:
            if len(line) > LONGEST_LINE_BYTES:
                raise ValueError(csvlines.wrong(line))
            votes.append(decode(line.strip()))
            numbers.append(number)
        except UnicodeError:
            rejects.append(Reject(number, "line: expected UTF-8", shown(line)))
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            rejects.append(Reject(number, f"line: {error}", shown(line)))
    line_numbers = np.array(numbers, np.int64)
    columns = {name: _json_column([getattr(vote, name) for vote in votes], name) for name in COLUMNS}
    return Rows(line_numbers, columns, block.text_of(line_numbers), rejects, block.bytes_read)


def _json_column(values: list[str | int | None], name: str) -> pa.Array:
    if name.endswith("_ms"):
        return pa.array([value or 0 for value in values], pa.int64())
    return pa.array([value or "" for value in values], TEXT)


def _parquet(path: Path) -> Iterator[Rows]:
    try:
        with pq.ParquetFile(path) as file:
            names = _parquet_columns(file.schema_arrow, path)
            per_row = path.stat().st_size / max(file.metadata.num_rows, 1)
            before = 0
            for batch in file.iter_batches(batch_size=PARQUET_ROWS, columns=names, use_threads=False):
                yield _parquet_rows(batch, before, int(per_row * len(batch)))
                before += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise InputFileError(f"{path} cannot be read as Parquet: {error}") from error


def _parquet_columns(schema: pa.Schema, path: Path) -> list[str]:
    missing = [name for name in REQUIRED if name not in schema.names]
    if missing:
        raise InputFileError(f"{path} must have the columns {', '.join(REQUIRED)}; it lacks {', '.join(missing)}")
    names = [name for name in COLUMNS if name in schema.names]
    for name in names:
        if schema.names.count(name) > 1:
            raise InputFileError(f"{path} has the column {name} more than once")
        found = schema.field(name).type
        text = pa.types.is_dictionary(found) or pa.types.is_string(found) or pa.types.is_large_string(found)
        expected = "an integer" if name.endswith("_ms") else "text"
        if not (pa.types.is_integer(found) if name.endswith("_ms") else text):
            raise InputFileError(f"{path}: the column {name} must be {expected}, found {found}")
    return names


def _parquet_rows(batch: pa.RecordBatch, before: int, bytes_read: int) -> Rows:
    batch.validate(full=True)  # text that is not UTF-8 would go unseen
    columns: dict[str, pa.Array | None] = dict.fromkeys(COLUMNS)
    for name in batch.schema.names:
        columns[name] = _parquet_column(batch.column(name), name)
    line = before + 1 + np.arange(len(batch), dtype=np.int64)
    return Rows(line, columns, lambda row: _row_text(batch.slice(row, 1)), bytes_read=bytes_read)


def _parquet_column(column: pa.Array, name: str) -> pa.Array:
    """Text or int64 without nulls: a missing optional value is nothing, a missing required one is never good."""
    number = name.endswith("_ms")
    absent = (-1 if number else NULL) if name in REQUIRED else (0 if number else "")
    return column.cast(pa.int64() if number else TEXT).fill_null(absent)


def _row_text(row: pa.RecordBatch) -> str:
    return shown(orjson.dumps(row.to_pylist()[0], default=str))
