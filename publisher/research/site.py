"""The SQLite file that people browse, built from published files alone: what we show is what everyone can download."""

from __future__ import annotations

import fcntl
import io
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.parquet as pq

from data.datasette import DIRECTORY
from data.formats import files
from data.formats.head import File, Head, parse
from data.formats.tree import HEAD, FormatError, files_key, rfc3339, sha256
from data.log.schema import uri
from publisher.research import tables, ticks
from publisher.store import Store
from publisher.sync.published import channels_file, read, verdict_files

BUILT_FROM = "SELECT payload_sha256, layout_sha256 FROM site"
TABLE_NAMES = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
FAST = """
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -100000;
    PRAGMA threads = 2;
"""
"""For a file that nobody reads yet: a crash leaves it unfinished, and the next build starts over."""
TABLES, INDEXES = "tables.sql", "indexes.sql"

Progress = Callable[[str, int, int], None]
"""Called with what is going on, how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Source:
    """The tick that a database is built from."""

    head: Head
    payload_sha256: str
    layout_sha256: str
    """Hash of the schema and the code that fills it: a new version builds the same tick anew."""


def newest(store: Store) -> Source | None:
    """The newest tick of a published tree, None before the first."""
    text = store.read(HEAD)
    if text is None:
        return None
    head, envelope = parse(text)
    return Source(head, sha256(envelope.payload), _layout())


def build(store: Store, source: Source, path: Path, *, progress: Progress = lambda _what, _done, _all: None) -> bool:
    """Builds the database of a tick, unless the file holds it already.

    Whoever has the old file open keeps reading it; a build that ends early leaves the old file, and a `*.new` beside it
    that the next build removes. Two builds of one file wait for each other.

    Args:
        store: The published tree.
        source: Its newest tick.
        path: The SQLite file.
        progress: Told how far the build is.

    Returns:
        Whether it was built now.

    Raises:
        FormatError, StoreError: A published file is missing, damaged or cannot be read; the old file is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if holds(path, source):
            return False
        unfinished = path.with_name(path.name + ".new")
        unfinished.unlink(missing_ok=True)
        _fill(unfinished, _read(store, source, progress), progress)
        pa.default_memory_pool().release_unused()  # the indexes need the room
        _index(unfinished, progress)
        os.replace(unfinished, path)
        return True


def holds(path: Path, source: Source) -> bool:
    """Whether a file is the database of this tick."""
    if not path.is_file():
        return False
    with closing(sqlite3.connect(uri(path, "ro"), uri=True)) as connection:
        try:
            built_from = connection.execute(BUILT_FROM).fetchone()
        except sqlite3.DatabaseError:  # no database, or one of another layout
            return False
    return bool(built_from == (source.payload_sha256, source.layout_sha256))


def inspection(path: Path, source: Source) -> dict[str, object]:
    """What Datasette would otherwise count and hash at each start, in the form of `datasette inspect`."""
    with closing(sqlite3.connect(uri(path, "ro"), uri=True)) as connection:
        names = [name for (name,) in connection.execute(TABLE_NAMES)]
        counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
    digest = sha256((source.payload_sha256 + source.layout_sha256).encode())
    about = {"hash": digest, "size": path.stat().st_size, "file": path.name}
    return {path.stem: about | {"tables": {name: {"count": count} for name, count in counts.items()}}}


@cache
def _layout() -> str:
    code = [Path(module.__file__ or "") for module in (tables, ticks)]
    return sha256(
        b"".join(path.read_bytes() for path in (DIRECTORY / TABLES, DIRECTORY / INDEXES, Path(__file__), *code))
    )


def _read(store: Store, source: Source, progress: Progress) -> dict[str, pa.Table]:
    """All tables, by name."""
    head = source.head
    listed = files.parse(read(store, files_key(head.seq, head.files.sha256), head.files)).files
    videos = _videos(store, listed, progress)
    return {
        "categories": tables.categories(videos),
        "channels": tables.channels(videos, _channels(store, listed)),
        "videos": videos,
        "ticks": ticks.ticks(store, head.seq, progress=progress),
        "files": pa.table({
            "key": sorted(listed),
            "bytes": [listed[key].bytes for key in sorted(listed)],
            "sha256": [listed[key].sha256 for key in sorted(listed)],
        }),
        "site": pa.table({
            "seq": [head.seq], "published_at": [rfc3339(head.ts)], "log": [head.log],
            "payload_sha256": [source.payload_sha256], "layout_sha256": [source.layout_sha256],
        }),
    }  # fmt: skip


def _videos(store: Store, listed: Mapping[str, File], progress: Progress) -> pa.Table:
    parts, keys = [], verdict_files(listed)
    for done, key in enumerate(keys):
        progress("reading verdicts", done, len(keys))
        parts.append(pq.read_table(io.BytesIO(read(store, key, listed[key]))))
    if not parts:
        raise FormatError("the newest tick names no Parquet file: publish with this version, then browse")
    return tables.videos(tables.newest(parts))


def _channels(store: Store, listed: Mapping[str, File]) -> pa.Table:
    key = channels_file(listed)
    return pq.read_table(io.BytesIO(read(store, key, listed[key])))


def _fill(path: Path, filled: dict[str, pa.Table], progress: Progress) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DIRECTORY / TABLES).read_text(encoding="utf-8"))
    with adbc_driver_sqlite.dbapi.connect(str(path)) as columns, columns.cursor() as cursor:
        for done, (name, table) in enumerate(filled.items()):
            progress("filling tables", done, len(filled))
            cursor.adbc_ingest(name, table, mode="append")
        columns.commit()


def _index(path: Path, progress: Progress) -> None:
    statements = list(_statements((DIRECTORY / INDEXES).read_text(encoding="utf-8")))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(FAST)
        for done, statement in enumerate(statements):
            progress("making indexes", done, len(statements))
            connection.execute(statement)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
