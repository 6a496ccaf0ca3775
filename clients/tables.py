"""Parquet files: read whole, and held against the columns that the formats page promises (section 11)."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from clients.errors import Malformed
from clients.promises import expect, promise
from clients.rows import MAX_SCORE


def read_table(
    key: str, packed: bytes, columns: Mapping[str, pa.DataType], sometimes: Collection[str] = ()
) -> pa.Table:
    """Read a Parquet file and check its columns: all of them, no others, each described, each cell filled.

    Args:
        key: the file, for the message.
        packed: its bytes.
        columns: by name.
        sometimes: columns that may be empty.

    Raises:
        VerifyError: when it is none, or has others.
    """
    with promise(key, "a Parquet file"):
        table = _read(packed)
    found = {column.name: column.type for column in table.schema}
    wrong = sorted(name for name in {*found, *columns} if found.get(name) != columns.get(name))
    stated = ", ".join(f"{name}: {found.get(name, 'missing')}" for name in wrong)
    expect(not wrong, key, promised="the columns of section 11 and no others", found=stated)
    bare = [column.name for column in table.schema if b"description" not in (column.metadata or {})]
    expect(not bare, key, promised="a description of each column", found=f"none of {', '.join(bare)}")
    empty = [name for name in columns if name not in sometimes and table[name].null_count]
    expect(not empty, key, promised="a value in each cell", found=f"nulls in {', '.join(empty)}")
    for name in (name for name, kind in columns.items() if kind == pa.uint8()):
        highest = table[name].to_numpy().max(initial=0)
        expect(highest <= MAX_SCORE, key, promised=f"{name} from 0 to {MAX_SCORE}", found=highest)
    return table


def _read(packed: bytes) -> pa.Table:
    try:
        return pq.read_table(io.BytesIO(packed))
    except (pa.ArrowException, OSError) as error:
        raise Malformed(str(error).splitlines()[0]) from None
