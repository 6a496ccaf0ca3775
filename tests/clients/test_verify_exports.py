"""`verify` holds the exports, Parquet and compat files, against the rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from clients.verify import verify
from tests.clients import exports as exports_module
from tests.clients.exports import SCHEMA, Exports
from tests.clients.histories import TICKS_A_DAY, grow, time_of
from tests.clients.packing import packed
from tests.clients.signing import sha256
from tests.clients.test_verify import broken
from tests.clients.tree import Tree


@pytest.mark.parametrize(
    ("ticks", "ms", "promised"),
    [
        (1, 1, "changed_at up to"),
        (2, 1, "the tick's"),
        (2, -1, "the tick's"),
        (TICKS_A_DAY + 1, -1, "snapshot and deltas before"),
    ],
)
def test_parquet_tells_when_each_row_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ticks: int, ms: int, promised: str
) -> None:
    """`changed_at` is the time of a tick: this one's in a delta, an earlier one's in a snapshot, and it stays."""
    tree = grow(Tree(tmp_path, exports=Exports()), ticks - 1)
    right = exports_module.parquet
    monkeypatch.setattr(
        exports_module,
        "parquet",
        lambda rows, changed_ms, *rest: right(rows, {i: at + ms for i, at in changed_ms.items()}, *rest),
    )
    assert promised in broken(grow(tree, 1)).promised


SCHEMAS: dict[str, tuple[pa.Schema, str]] = {
    "a column more": (SCHEMA.append(SCHEMA.field(0).with_name("voter")), "no others"),
    "a column less": (SCHEMA.remove(3), "the columns"),
    "another type": (SCHEMA.set(1, SCHEMA.field(1).with_type(pa.float64())), "the columns"),
    "no descriptions": (SCHEMA.set(1, SCHEMA.field(1).remove_metadata()), "a description"),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_parquet_columns_are_those_of_the_format(tmp_path: Path, case: str) -> None:
    """No column more, none less, none of another type, none without a description."""
    schema, promised = SCHEMAS[case]
    error = broken(grow(Tree(tmp_path, exports=Exports(schema=schema)), 1))
    assert promised in error.promised


def test_parquet_that_is_none_is_named(tmp_path: Path) -> None:
    """Bytes that no Parquet reader takes are a broken promise, not a crash."""
    junk = b"PAR1 and then nothing PAR1"
    key = f"v1/parquet/2024-10-04/videos-1-{sha256(junk)[:16]}.parquet"
    tree = grow(Tree(tmp_path, exports=lambda *_: {key: junk}), 1)
    assert broken(tree).key == key


COMPAT_TEXTS: dict[str, bytes] = {
    "no JSON": b"hello",
    "one line": b'{"videos":[],"channels":[],"removed":[],"generatedAt":"2024-10-04T00:00:01Z"}',
    "no time": b'{"videos":[\n],"channels":[],"removed":[],"generatedAt":"soon"}',
    "no zone": b'{"videos":[\n],"channels":[],"removed":[],"generatedAt":"2024-10-04T00:00:01"}',
    "removals in an object": b'{"videos":[\n],"channels":[],"removed":{},"generatedAt":"2024-10-04T00:00:01Z"}',
    "a video that is a number": b'{"videos":[\n5\n],"channels":[],"removed":[],"generatedAt":"2024-10-04T00:00:01Z"}',
    "a video without a score": b'{"videos":[\n{"videoId":"x","lastUpdated":"2024-10-04T00:00:01Z"}\n],"channels":[]}',
    "a video of no tick": b'{"videos":[\n{"videoId":"x","lastUpdated":"2024-10-04T00:00:02Z"}\n],"channels":[]}',
    "an id that is none": b'{"videos":[\n{"videoId":"x y","lastUpdated":"2024-10-04T00:00:01Z"}\n],"channels":[]}',
    "deep": b'{"videos":[\n' + b"[" * 100_000 + b"\n]}",
}


@pytest.mark.parametrize("case", COMPAT_TEXTS)
def test_compat_files_that_break_their_form_are_named(tmp_path: Path, case: str) -> None:
    """Whatever stands in a compat file, the answer is a broken promise with its key."""
    full = packed(COMPAT_TEXTS[case])
    key = f"v1/compat/2024-10-04/full-{sha256(full)[:16]}.json.gz"
    tree = grow(Tree(tmp_path, exports=lambda *_: {key: full}), 1)
    assert broken(tree).key == key


def test_rows_that_are_prior_only_need_no_verdict(tmp_path: Path) -> None:
    """Parquet has the videos with votes; a row without votes of its own may be missing there, and only such a row."""
    silent = Exports(in_parquet=lambda rows: {i: row for i, row in rows.items() if i != "x"})
    tree = Tree(tmp_path / "silent", exports=silent)
    tree.tick(time_of(1), {"x": (50, 129), "y": (60, 129), "z": (60, 1)})
    assert verify(tree.directory).parquet == 2
    tree = Tree(tmp_path / "voted", exports=Exports(in_parquet=silent.in_parquet))
    tree.tick(time_of(1), {"x": (50, 1), "y": (60, 129)})
    assert "x as in the rows" in broken(tree).promised


def test_removed_videos_are_remembered(tmp_path: Path) -> None:
    """An id that ever lost its row stays in `removed`: an old `since` still gets it."""
    exports = Exports()
    tree = grow(Tree(tmp_path, exports=exports), TICKS_A_DAY)
    before = dict(exports.removed)
    exports.removed.popitem()
    grow(tree, 1)
    assert "every id that ever lost its row" in broken(tree).promised
    exports = Exports()
    tree = grow(Tree(tmp_path / "again", exports=exports), TICKS_A_DAY)
    exports.removed = before | {min(tree.rows[TICKS_A_DAY]): time_of(1)}
    grow(tree, 1)
    assert "no video both shown and removed" in broken(tree).promised
