"""Bytes and requests of clients that follow a large set, beside what entropy and a direct delta would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import churn, gets
from benchmarks.bounds import States, id_bits, value_bits
from benchmarks.churn import TICKS_A_DAY, Workload
from benchmarks.days import Cost, Told, cost, follow
from benchmarks.replay import replayed
from benchmarks.report import Row
from data.formats import base
from data.formats.rows import Rows, integer_ids

ROWS = 1_000_000
DAYS = 2
"""The second one is measured: what is behind midnight is there."""
FIRST, LAST = 9, 17
"""Hours of the client that polls in office hours, at each tick."""
OFFICE_GETS = 12
"""How many it may take beyond its heads."""
HEADS = range(DAYS * TICKS_A_DAY, TICKS_A_DAY, -TICKS_A_DAY // 6)
"""Ticks whose every lag is compared with a direct delta."""
PART = "syncing"


@dataclass(frozen=True, slots=True)
class Churn:
    """How much changes, and what is promised for it; bytes in kB, None without a promise."""

    name: str
    a_tick: float
    day_kb: float | None = None
    office_kb: float | None = None
    direct: float | None = None
    """Any lag beside a direct delta."""


CHURNS = (
    Churn("1 % a day", ROWS / 100 / TICKS_A_DAY, 50, 40, 1.25),
    Churn("0.1 % a tick", ROWS / 1000, 220, None, 1.15),
)
REPLAYED = Churn("replayed", 0)


@dataclass(frozen=True, slots=True)
class Found:
    """What following one workload takes."""

    changes: int
    """Of the measured day, each tick's counted."""
    day: Cost
    """Of a client that polls after every tick."""
    bound_bytes: float
    """Entropy of the same ticks' changes."""
    office: Cost
    polls: int
    """How often the client of office hours asked for a head."""
    lags: list[float]
    """Bytes beside a direct delta, from lags of 1 to 48 ticks."""
    chain: float
    """The same for a lag of 48, when every tick's delta is taken as it was at first."""
    head_bytes: int
    """Largest payload and signature."""


def measure(workload: Workload) -> Found:
    """Encodes two days of ticks, and counts what clients take on the second."""
    told, states = follow(workload), States(workload)
    bits = value_bits(workload.scores[workload.alive], workload.flags[workload.alive])
    ticks = range(TICKS_A_DAY + 1, DAYS * TICKS_A_DAY + 1)
    each = {tick: cost(told, tick - 1, tick) for tick in ticks}
    got, direct = np.zeros((2, TICKS_A_DAY))
    chain = 0
    for to in HEADS:
        for lag, delta in enumerate(states.deltas(to, TICKS_A_DAY)):
            got[lag] += cost(told, to - lag - 1, to).payload
            direct[lag] += delta.bytes()
        chain += sum(cost(told, tick - 1, tick).payload for tick in range(to - TICKS_A_DAY + 1, to + 1))
    office, polls = _office(told)
    return Found(
        changes=sum(len(workload.ticks[tick - 1].keys) for tick in ticks),
        day=_sum(each.values()),
        bound_bytes=sum(next(states.deltas(tick, 1)).bound_bits(bits) for tick in ticks) / 8,
        office=office,
        polls=polls,
        lags=(got[direct > 0] / direct[direct > 0]).tolist() or [1.0],
        chain=chain / max(float(direct[-1]), 1.0),
        head_bytes=max(one.head_bytes for one in told),
    )


def packed_overhead(workload: Workload) -> float:
    """How far the packed base of a workload's start lies above the entropy of its rows, as a share."""
    alive = workload.alive
    rows = Rows(workload.ids[alive], workload.scores[alive], workload.flags[alive])
    if not integer_ids(rows.ids)[0].all():
        raise ValueError("the bound is for integer ids")
    size = sum(map(len, base.encode_packed(rows, epoch="2026-01-01", seq=1, state=rows.state())))
    bound = id_bits(len(rows)) + len(rows) * value_bits(rows.scores, rows.flags)
    return size / (bound / 8) - 1


def rows(record: Path | None = None, *, full: bool, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measures, and sets the figures beside their goals.

    Args:
        record: A real site's churn, replayed besides (`benchmarks/replay.py`).
        full: Three draws of the model instead of one.
        on_step: Called with what begins.

    Raises:
        ReplayFailed: The record cannot be replayed.
    """
    report: list[Row] = []
    for seed in (1, 2, 3) if full else (1,):
        for kind in CHURNS:
            on_step(f"encoding ticks that change {kind.name}")
            report += _rows(kind, measure(churn.modelled(ROWS, kind.a_tick, DAYS, seed=seed)))
    above = packed_overhead(churn.modelled(ROWS, 0, 0))
    report.append(Row(PART, "packed base above the entropy of its rows", 100 * above, "%", 1, 2, "<="))
    if record:
        on_step(f"replaying {record}")
        report += _rows(REPLAYED, measure(replayed(record, DAYS)))
    on_step("syncing real clients over a month of ticks")
    return report + gets.rows()


def _rows(kind: Churn, found: Found) -> list[Row]:
    def kilobytes(name: str, of: Cost, goal: float | None, note: str) -> Row:
        most = None if goal is None else 1.25 * goal
        return Row(PART, f"{kind.name}: {name}", of.payload / 1000, "kB", goal, most, "<=", note)

    def beside(name: str, ratio: float, goal: float | None, limit: float | None, note: str = "") -> Row:
        return Row(PART, f"{kind.name}: {name}", ratio, "×", goal, limit, "<=", note)

    heads = f"and {found.day.requests} GETs, {found.day.heads / 1000:.0f} kB of heads"
    office = found.office
    beyond = office.requests - found.polls
    gets_goal = None if kind.office_kb is None else OFFICE_GETS
    worst = max(found.lags)
    return [
        kilobytes("a day, always on", found.day, kind.day_kb, heads),
        beside("a day / entropy of its changes", found.day.payload / max(found.bound_bytes, 1), None, None),
        kilobytes("a day in office hours", office, kind.office_kb, f"and {office.heads / 1000:.0f} kB of heads"),
        Row(PART, f"{kind.name}: its GETs beyond {found.polls} heads", beyond, "", gets_goal, gets_goal, "<="),
        beside("worst lag of 1–48 ticks / direct delta", worst, kind.direct, kind.direct and 1.6,
               f"middle lag: {np.median(found.lags):.3g}"),
        beside("48 ticks' own deltas / direct delta", found.chain, None, None),
        Row(PART, f"{kind.name}: largest payload and signature", found.head_bytes, "bytes", 1024, 1280, "<="),
    ]  # fmt: skip


def _office(told: list[Told]) -> tuple[Cost, int]:
    """A day of the client that polls from nine to five, from yesterday's last poll on; and how many polls."""
    first, last = (TICKS_A_DAY + hour * TICKS_A_DAY // 24 + 1 for hour in (FIRST, LAST))
    polls = range(first, last + 1)
    held = [last - TICKS_A_DAY, *polls]
    return _sum(cost(told, before, to) for before, to in zip(held, polls, strict=False)), len(polls)


def _sum(costs: Iterable[Cost]) -> Cost:
    return sum(costs, Cost())
