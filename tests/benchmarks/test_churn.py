"""The workloads: the stated model, and the record of a real site."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.bounds import value_bits
from benchmarks.churn import TICKS_A_DAY, modelled
from benchmarks.replay import DAY_MS, TICK_MS, ReplayFailed, replayed
from data.formats.rows import order


def test_the_model_is_the_stated_one() -> None:
    """A quarter new, a tenth removed, ids in order, each key once a tick, every change a change, about 7 bits a row."""
    made = modelled(20_000, 62.5, 2)
    alive, values = made.alive.copy(), np.stack([made.scores, made.flags])
    new = gone = total = 0
    for tick in made.ticks:
        assert (np.diff(tick.keys) > 0).all()
        now = np.stack([tick.scores, tick.flags])
        assert ((values[:, tick.keys] != now).any(axis=0) | (alive[tick.keys] != tick.alive)).all()
        new += int((tick.alive & ~alive[tick.keys]).sum())
        gone += int((~tick.alive & alive[tick.keys]).sum())
        total += len(tick.keys)
        alive[tick.keys], values[:, tick.keys] = tick.alive, now

    assert len(made.ticks) == 2 * TICKS_A_DAY
    assert (order(made.ids) == np.arange(len(made.ids))).all()
    assert total == pytest.approx(6_000, rel=0.02)
    assert new / total == pytest.approx(0.25, abs=0.02)
    assert gone / total == pytest.approx(0.1, abs=0.02)
    assert value_bits(made.scores[made.alive], made.flags[made.alive]) == pytest.approx(7, abs=0.15)
    assert (modelled(20_000, 62.5, 2).ticks[95].keys == made.ticks[95].keys).all()


def record(path: Path, *events: tuple[int, str, str]) -> Path:
    """A file of events."""
    lines = [f"{at},{video_id},{action}" for at, video_id, action in events]
    path.write_text("\n".join(["at_ms,id,action", *lines, ""]))
    return path


def test_a_record_is_replayed(tmp_path: Path) -> None:
    """Earlier events make the set; of several in a tick the last one counts; a removal of nothing changes nothing."""
    day = 20_000 * DAY_MS
    path = record(
        tmp_path / "events.csv",
        (day - DAY_MS, "zzzzzzzzzzA", "add"), (day - 1, "odd", "add"),
        (day - 1, "gone", "add"), (day - 1, "gone", "remove"),
        (day, "new", "add"), (day + 1, "new", "remove"), (day + 2, "odd", "remove"),
        (day + TICK_MS, "never", "remove"), (day + TICK_MS, "zzzzzzzzzzA", "add"), (day + 47 * TICK_MS, "odd", "add"),
    )  # fmt: skip
    made = replayed(path, 1)

    assert made.ids.tolist() == [b"zzzzzzzzzzA", b"gone", b"never", b"new", b"odd"]
    assert made.ids[made.alive].tolist() == [b"zzzzzzzzzzA", b"odd"]
    told = {place: (made.ids[tick.keys].tolist(), tick.alive.tolist()) for place, tick in enumerate(made.ticks)}
    assert {place: what for place, what in told.items() if what[0]} == {
        0: ([b"odd"], [False]), 1: ([b"zzzzzzzzzzA"], [True]), 47: ([b"odd"], [True]),
    }  # fmt: skip
    assert made.scores[made.alive].min() >= 20
    assert len(made.ticks) == TICKS_A_DAY


@pytest.mark.parametrize(
    "text",
    [
        "", "at_ms,id\n1,a\n", "at_ms,id,action\n", "at_ms,id,action\nsoon,a,add\n", "at_ms,id,action\n1,a,keep\n",
        "at_ms,id,action\n1,no id,add\n", "at_ms,id,action\n-5,a,add\n", "at_ms,id,action\n,a,add\n",
        "at_ms,id,action\n1,a,add\n2,b,add\n", "\0\1\2",
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    """The file is named; so is a missing one."""
    path = tmp_path / "events.csv"
    path.write_text(text)
    with pytest.raises(ReplayFailed, match=r"events\.csv"):
        replayed(path, 1)
    with pytest.raises(ReplayFailed, match=r"nowhere\.csv"):
        replayed(tmp_path / "nowhere.csv", 1)
