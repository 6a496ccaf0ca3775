"""The record of a real site's churn, a CSV file `at_ms,id,action`, as a workload (`docs/benchmarks.md`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from benchmarks.churn import TICKS_A_DAY, Changes, Workload, draw
from data.columns import Ints, Mask
from data.formats.rows import id_column, order

DAY_MS = 86_400_000
TICK_MS = DAY_MS // TICKS_A_DAY
COLUMNS = {"at_ms": pa.int64(), "id": pa.string(), "action": pa.string()}
ID = "^[A-Za-z0-9_-]{1,16}$"
SEED = 1


class ReplayFailed(Exception):
    """The file cannot be replayed; the message says why."""


def replayed(path: Path, days: int) -> Workload:
    """Reads a record: its last whole days are the ticks, what came before them is the set at the start.

    Only the last action of an id within a tick counts. An id that is added while it is in the set gets another value;
    one that is removed while it is not changes nothing. The record has no values: scores and flags are the model's.

    Args:
        path: The file, with a header; times are Unix milliseconds UTC, actions `add` or `remove`.
        days: How many UTC days are replayed, the day of the last event included.

    Raises:
        ReplayFailed: The file cannot be read, holds something else, or covers fewer days.
    """
    table = _read(path)
    at, added = table["at_ms"].to_numpy(), pc.equal(table["action"], "add").to_numpy(zero_copy_only=False)
    begin = (int(at.max()) // DAY_MS + 1 - days) * DAY_MS
    if int(at.min()) >= begin:
        raise ReplayFailed(f"{path}: expected events from before the last {days} days (UTC), found none")
    texts = table["id"].to_numpy(zero_copy_only=False)
    ids, key = np.unique(id_column(texts), return_inverse=True)
    place = np.empty(len(ids), np.int64)
    by_order = order(ids)
    place[by_order] = np.arange(len(ids))
    ids, key = ids[by_order], place[key]
    random = np.random.default_rng(SEED)
    tick = np.clip((at - begin) // TICK_MS, -1, None)
    alive, scores, flags = np.zeros(len(ids), np.bool_), *np.zeros((2, len(ids)), np.uint8)
    now_alive = alive.copy()
    ticks: list[Changes] = []
    for number in range(-1, days * TICKS_A_DAY):
        keys, here = _last(key[tick == number], added[tick == number])
        told = here | now_alive[keys]
        keys, here = keys[told], here[told]
        now_alive[keys] = here
        new_scores, new_flags = (np.where(here, column, 0).astype(np.uint8) for column in draw(random, len(keys)))
        if number < 0:
            alive[keys], scores[keys], flags[keys] = here, new_scores, new_flags
        else:
            ticks.append(Changes(keys, here, new_scores, new_flags))
    return Workload(ids, alive, scores, flags, ticks)


def _last(keys: Ints, added: Mask) -> tuple[Ints, Mask]:
    """Each key once, with its last action."""
    different, place = np.unique(keys[::-1], return_index=True)
    return different, added[::-1][place]


def _read(path: Path) -> pa.Table:
    try:
        table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(column_types=COLUMNS))
        table = table.select(list(COLUMNS))
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise ReplayFailed(f"{path}: expected a CSV file with {', '.join(COLUMNS)}: {error}") from error
    good = pc.and_(pc.is_in(table["action"], pa.array(["add", "remove"])), pc.match_substring_regex(table["id"], ID))
    good = pc.and_(good, pc.greater_equal(table["at_ms"], 0))
    if not table.num_rows or not pc.all(pc.fill_null(good, False)).as_py():
        bad = table.filter(pc.invert(pc.fill_null(good, False))).slice(0, 1).to_pylist()
        raise ReplayFailed(
            f"{path}: expected a time, a video id, and add or remove on each line, found {bad or 'none'}"
        )
    return table.sort_by("at_ms")
