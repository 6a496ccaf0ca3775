"""What following a large set takes, measured small and against the real client."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import days, gets, syncing
from benchmarks.bounds import States, choice_bits, id_bits, value_bits
from benchmarks.churn import TICKS_A_DAY, Workload, modelled
from benchmarks.replay import DAY_MS, replayed
from clients.reference import sync
from data.formats import ring
from data.formats.head import parse
from data.formats.rows import Rows
from data.formats.tree import commit_key
from publisher.sync.day import advance, begin, restore


def states(workload: Workload) -> list[Rows]:
    """All rows by number of ticks."""
    alive, values = workload.alive.copy(), np.stack([workload.scores, workload.flags])
    found = []
    for tick in [None, *workload.ticks]:
        if tick:
            alive[tick.keys], values[:, tick.keys] = tick.alive, np.stack([tick.scores, tick.flags])
        here = np.flatnonzero(alive)
        found.append(Rows(workload.ids[here], values[0, here], values[1, here]))
    return found


def test_days_are_the_publishers() -> None:
    """The sizes that `follow` counts are those of rings that the publisher makes of all rows."""
    workload = modelled(3_000, 9.5, 2)
    told, rows = days.follow(workload), states(workload)
    day = begin(rows[0], 1)
    for place in range(1, len(rows)):
        if place == TICKS_A_DAY + 1:
            day = begin(rows[place - 1], place)
        day = advance(day, rows[place], place + 1)
        blocks = day.blocks()
        size_of = {b.seq: len(member) for b, member in zip(blocks, ring.encode(blocks), strict=True)}
        assert told[place].base_seq == day.base_seq
        assert told[place].sizes == tuple(size_of.get(seq, 0) for seq in range(place + 1, day.base_seq, -1))


def test_costs_are_the_real_clients(tmp_path: Path) -> None:
    """For every pair of ticks of two days, the counted GETs are those that the client makes."""
    made = gets.tree(400, 2)
    told = []
    for seq in range(1, made.newest + 1):
        head, envelope = parse(made.objects[commit_key(seq)])
        sizes = head.ring.sizes if head.ring else (0,) * (seq - head.base.seq)
        told.append(days.Told(head.base.seq, sizes, len(envelope.payload)))
    newest = len(told) - 1
    for held in range(newest):
        dest = tmp_path / str(held)
        sync(gets.MemorySource(made.objects), dest, at=held + 1)
        report = sync(gets.MemorySource(made.objects), dest)
        assert report.requests == days.cost(told, held, newest).requests, report.how
    with pytest.raises(ValueError, match="more than a day"):
        days.cost([days.Told(1, (), 1), days.Told(1, (5,), 1), days.Told(2, (5,), 1), days.Told(3, (5,), 1)], 0, 3)


def test_direct_deltas_lead_from_tick_to_tick() -> None:
    """Applied to the rows of the earlier tick they give the later one's, and take no less than their entropy."""
    workload = modelled(2_000, 20, 2)
    rows = states(workload)
    bits = value_bits(workload.scores[workload.alive], workload.flags[workload.alive])
    for to in (50, 96):
        for lag, delta in enumerate(States(workload).deltas(to, TICKS_A_DAY), 1):
            reached = restore(rows[to - lag], 1, [delta.block]).rows()
            assert reached.state() == rows[to].state()
            assert delta.n == len(rows[to - lag])
            assert 8 * delta.bytes() > delta.bound_bits(bits)


def test_entropies() -> None:
    """Against exact values."""
    assert id_bits(3) == pytest.approx(3 * 64 - math.log2(6))
    assert choice_bits(50, 7) == pytest.approx(math.log2(math.comb(50, 7)))
    assert value_bits(np.array([1, 1, 2, 2], np.uint8), np.array([1, 2, 1, 2], np.uint8)) == pytest.approx(2)
    assert value_bits(np.array([7, 7], np.uint8), np.array([1, 1], np.uint8)) == 0


def test_what_clients_take_lies_between_its_bounds() -> None:
    """More than entropy, in office hours no more than always on, the chain of deltas above the ring's prefix."""
    workload = modelled(30_000, 30_000 / 100 / TICKS_A_DAY, 2)
    found = syncing.measure(workload)

    assert found.changes == pytest.approx(300, abs=3)
    assert found.bound_bytes < found.office.payload <= found.day.payload
    assert found.day.requests == TICKS_A_DAY
    assert (found.polls, found.office.requests) == (17, 20)
    assert len(found.lags) == TICKS_A_DAY
    assert 0.99 < min(found.lags) < max(found.lags) < found.chain
    assert 0 < syncing.packed_overhead(workload) < 0.02


def test_a_sparse_record_can_be_measured(tmp_path: Path) -> None:
    """Ids that are no integers, most ticks without a change, or no change at all."""
    path, day = tmp_path / "events.csv", 20_000 * DAY_MS
    before = f"at_ms,id,action\n{day - 1},a,add\n"
    path.write_text(f"{before}{day},b,add\n{day + DAY_MS + 1},c,add\n{day + DAY_MS + DAY_MS // 2},b,remove\n")
    found = syncing.measure(replayed(path, syncing.DAYS))
    path.write_text(f"{before}{day + 2 * DAY_MS - 1},never,remove\n")
    nothing = syncing.measure(replayed(path, syncing.DAYS))

    assert found.changes == 2
    assert 0 < found.bound_bytes < found.day.payload
    assert (nothing.changes, nothing.day.payload, nothing.day.requests) == (0, 0, TICKS_A_DAY)
    assert nothing.lags == [1.0]


def test_gets_of_the_real_client() -> None:
    """One, two, four: the promise; and nobody keeps what was taken back."""
    found = gets.measure(gets.tree(400, 4))
    assert (found.up_to_date, found.same_day, found.month, found.kept) == (1, 2, 4, 0)
    assert found.clients == 4 * gets.TICKS_A_DAY + 1
    assert found.first == 6
