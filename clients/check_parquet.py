"""Parquet: that snapshot and deltas give the published rows (formats, section 11)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clients.head import Head
from clients.promises import FileEntry, Shelf, expect, promise
from clients.rows import CATEGORIES, LOCKED, PRIOR_ONLY, NumberedRows, check_order, ids_of, order_of

SNAPSHOT = re.compile(r"v1/parquet/(\d{4}-\d{2}-\d{2})/videos-(\d+)-[0-9a-f]{16}\.parquet")
DELTA = re.compile(r"v1/parquet/(\d{4}-\d{2}-\d{2})/videos-delta-(\d+)-[0-9a-f]{16}\.parquet")

COLUMNS: dict[str, pa.DataType] = {
    "video_id": pa.string(),
    "score": pa.float64(),
    "evidence": pa.float64(),
    "published": pa.bool_(),
    "locked": pa.bool_(),
    "votes": pa.int32(),
    **{f"votes_{category}": pa.int32() for category in (*CATEGORIES, "not_ai")},
    **{f"score_{category}": pa.float64() for category in CATEGORIES},
    "channel_id": pa.string(),
    "changed_at": pa.timestamp("ms", "UTC"),
}
KEPT = ["video_id", "score", "published", "locked", "votes"]
"""Columns that later ticks are compared with."""
DECIMALS = 2


def round_half_up(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Scores as the rows have them."""
    return np.floor(scores + 0.5).astype(np.uint8)


def overlay(older: pa.Table, newer: pa.Table) -> pa.Table:
    """Both tables in order; where both have an id, the newer one's row."""
    both = pa.concat_tables([older, newer]).combine_chunks()
    ids = ids_of(both["video_id"].to_pylist())
    places, _ = order_of(ids)
    ordered = ids[places]
    last = np.ones(len(ordered), np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    return both.take(pa.array(places[last]))


class ParquetCheck:
    """The Parquet files of successive ticks."""

    def __init__(self, shelf: Shelf) -> None:
        """Begin with no verdicts."""
        self.shelf = shelf
        self.files = 0
        self.verdicts: pa.Table | None = None
        """`KEPT` columns at the last tick that was checked; None before the first snapshot."""
        self.epoch = ""
        self.applied: set[str] = set()
        """Deltas of the epoch that are in `verdicts`."""

    def check_tick(self, head: Head, files: Mapping[str, FileEntry], rows: NumberedRows, base_ts_ms: int) -> None:
        """Check one tick's snapshot and deltas against its rows; a tree without Parquet files passes.

        Args:
            head: the tick.
            files: its list of files.
            rows: its rows.
            base_ts_ms: time of the tick that the epoch's base comes from.

        Raises:
            VerifyError: when a file breaks a promise, or the verdicts are not those of the rows.
        """
        if head.epoch != self.epoch:
            self._begin_epoch(head, files, base_ts_ms)
        deltas = {int(match[2]): key for key in files if (match := DELTA.fullmatch(key)) and match[1] == head.epoch}
        for seq, key in sorted(deltas.items()):
            expect(head.base.seq < seq <= head.seq, key, promised=f"a tick of {head.epoch} so far", found=seq)
            if key in self.applied:
                continue
            expect(seq == head.seq, key, promised="a list that names each delta from its tick on", found=head.list_key)
            table = self._table(key, files[key], head.list_key)
            times = pc.unique(table["changed_at"].cast(pa.int64())).to_pylist()
            expect(times in ([], [head.ts_ms]), key, promised=f"changed_at {head.ts_ms}", found=times[:3])
            expect(self.verdicts is not None, key, promised="a snapshot before its deltas", found="none")
            self.verdicts = overlay(self.verdicts, table.select(KEPT))
            self.applied.add(key)
        if self.verdicts is not None:
            check_verdicts(head, self.verdicts, rows)

    def _begin_epoch(self, head: Head, files: Mapping[str, FileEntry], base_ts_ms: int) -> None:
        self.epoch, self.applied = head.epoch, set()
        snapshots = [key for key in files if (match := SNAPSHOT.fullmatch(key)) and match[1] == head.epoch]
        if not snapshots:
            expect(self.verdicts is None, head.list_key, promised="a Parquet snapshot for each epoch", found="none")
            return
        expect(len(snapshots) == 1, head.list_key, promised="one Parquet snapshot", found=len(snapshots))
        key = snapshots[0]
        table = self._table(key, files[key], head.list_key)
        newest = pc.max(table["changed_at"].cast(pa.int64())).as_py() or 0
        expect(newest <= base_ts_ms, key, promised=f"changed_at up to {base_ts_ms}, the base's tick", found=newest)
        snapshot = table.select(KEPT)
        if self.verdicts is not None:
            same = with_votes(self.verdicts).equals(with_votes(snapshot))
            promised = f"the verdicts of tick {head.base.seq}: the snapshot before, with its deltas"
            expect(same, key, promised=promised, found="other verdicts of videos with votes")
        self.verdicts = snapshot

    def _table(self, key: str, entry: FileEntry, said_by: str) -> pa.Table:
        packed = self.shelf.fetch(key, entry, said_by)
        with promise(key, "a Parquet file"):
            table = _read(packed)
        found = {field.name: field.type for field in table.schema}
        expect(found == COLUMNS, key, promised="the columns of section 11", found=_difference(found))
        bare = [column.name for column in table.schema if b"description" not in (column.metadata or {})]
        expect(not bare, key, promised="a description of each column", found=f"none for {', '.join(bare)}")
        expect(not any(c.null_count for c in table.columns), key, promised="a value in each cell", found="nulls")
        with promise(key, "video ids in the order of section 6"):
            check_order(ids_of(table["video_id"].to_pylist()))
        for name in (name for name, type_ in COLUMNS.items() if type_ == pa.float64()):
            values = table[name].to_numpy()
            exact = bool(np.all(np.abs(np.round(values, DECIMALS) - values) < 1e-9))
            expect(exact, key, promised=f"{name} with {DECIMALS} decimals", found="more")
        self.files += 1
        return table.combine_chunks()


def _read(packed: bytes) -> pa.Table:
    from clients.errors import Malformed

    try:
        return pq.read_table(io.BytesIO(packed))
    except (pa.ArrowException, OSError) as error:
        raise Malformed(str(error).splitlines()[0]) from None


def _difference(found: Mapping[str, pa.DataType]) -> str:
    wrong = sorted(name for name in {*found, *COLUMNS} if found.get(name) != COLUMNS.get(name))
    return ", ".join(f"{name}: {found.get(name, 'missing')}" for name in wrong) or "another order"


def with_votes(verdicts: pa.Table) -> pa.Table:
    """The verdicts of videos that have votes; the others may leave with the epoch."""
    return verdicts.filter(pc.greater(verdicts["votes"], 0)).combine_chunks()


def check_verdicts(head: Head, verdicts: pa.Table, rows: NumberedRows) -> None:
    """The published verdicts are the rows: ids, scores rounded half up, locks.

    A row with the flag *prior only* has no votes, so it may have no verdict.

    Raises:
        VerifyError: with the first video that differs.
    """
    published = verdicts.filter(verdicts["published"])
    scores = round_half_up(published["score"].to_numpy())
    locks = published["locked"].to_numpy(zero_copy_only=False)
    said = dict(
        zip(published["video_id"].to_pylist(), zip(scores.tolist(), locks.tolist(), strict=True), strict=True)
    )
    expected = {}
    for id_, score, flags in zip(*(column[rows.alive].tolist() for column in (rows.ids, rows.scores, rows.flags)), strict=True):
        if not flags & PRIOR_ONLY or id_.decode() in said:
            expected[id_.decode()] = (score, bool(flags & LOCKED))
    if said == expected:
        return
    id_ = min(i for i in {*said, *expected} if said.get(i) != expected.get(i))
    where = f"{head.commit_key} (Parquet of {head.epoch})"
    promised = f"{id_} with score and lock {expected.get(id_, 'unpublished')}, as in the rows"
    expect(False, where, promised=promised, found=said.get(id_, "unpublished"))
