"""Random histories for the fuzzer: many ticks and epochs, and whatever a publisher may have to do in them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

from benchmarks.histories import DAY_MS, History, Notices, Row, Tick, column_of
from data.formats.head import Frozen
from data.formats.rows import Rows, ids_of_integers

START_MS = 1_893_456_000_000 + 1
HOUR_MS = DAY_MS // 24
INTEGER_IDS, OTHER_IDS = 150, 30
GAPS_MS = (HOUR_MS, 3 * HOUR_MS, 7 * HOUR_MS, DAY_MS, 3 * DAY_MS, 33 * DAY_MS)
GAP_WEIGHTS = (30, 30, 20, 8, 3, 1)
FLAGS = (0, 1, 2, 3, 4, 8, 16, 31, 65, 128)
ROTATIONS = (0.5, 0.8)
"""After these parts of the ticks the next root comes; the second time the last ticks before it are given up."""


@dataclass(frozen=True, slots=True)
class Tale:
    """A history that is over."""

    history: History
    ticks: list[Tick]
    """In the order in which clients may follow them."""
    given_up: frozenset[int]
    """Places of the ticks that belong to no history any more."""


def tell(seed: int, ticks: int) -> Tale:
    """A history of so many ticks, the same for the same seed."""
    chance, history = Random(seed), History(START_MS)
    ids = _ids(seed)
    rows = {video_id: _row(chance) for video_id in ids if chance.random() < 0.7}
    ts_ms, killed = START_MS, frozenset[str]()
    rotations = [int(part * ticks) for part in ROTATIONS]
    given_up: frozenset[int] = frozenset()
    for place in range(ticks):
        ts_ms += chance.choices(GAPS_MS, GAP_WEIGHTS)[0]
        if place == rotations[1]:
            history.rotate(ts_ms - 1, reason="stolen")
            lost = chance.randint(1, 4)
            given_up = frozenset(range(place - lost, place))
            good = history.ticks[-1 - lost]
            rows = _as_dict(good.rows)
            frozen = Notices(killed, Frozen(good.seq, "stolen"))
            history.tick(ts_ms, good.rows, frozen, on=good, seq=history.ticks[-1].seq + 2)
            continue
        if place == rotations[0]:
            history.rotate(ts_ms - 1)
        if chance.random() < 0.15:
            killed = frozenset(chance.sample(ids, chance.randint(0, 3)))
        if chance.random() < 0.8:
            rows = _changed(chance, rows, ids)
        history.tick(ts_ms, column_of(rows), Notices(killed))
    return Tale(history, list(history.ticks), given_up)


def _ids(seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    values = np.unique(random.integers(0, 1 << 64, INTEGER_IDS, dtype=np.uint64))
    others = [f"other-{number}"[: 1 + number % 16] + "_" * (number % 3) for number in range(OTHER_IDS)]
    return [one.decode() for one in ids_of_integers(values).tolist()] + sorted({one[:16] for one in others})


def _row(chance: Random) -> Row:
    return chance.randint(0, 100), chance.choice(FLAGS)


def _changed(chance: Random, rows: dict[str, Row], ids: list[str]) -> dict[str, Row]:
    """Some rows change, go, come, or come again; rarely nearly all."""
    share = chance.choice((0.01, 0.05, 0.3, 0.9))
    after = dict(rows)
    for video_id in chance.sample(ids, max(1, int(share * len(ids)))):
        if chance.random() < 0.3:
            after.pop(video_id, None)
        else:
            after[video_id] = _row(chance)
    return after


def _as_dict(rows: Rows) -> dict[str, Row]:
    ids = [one.decode() for one in rows.ids.tolist()]
    return dict(zip(ids, zip(rows.scores.tolist(), rows.flags.tolist(), strict=True), strict=True))
