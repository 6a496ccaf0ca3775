"""Rolls lead from every earlier base to the newest one, exactly, and are made without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.formats import ring
from data.formats.ring import Block
from data.formats.rows import Places, Rows, id_column, order
from data.formats.tree import FormatError
from publisher.sync import rolls
from publisher.sync.day import Day, advance, begin, restore
from publisher.sync.rolls import Roll

IDS = ["AAAAAAAAAAE", "dQw4w9WgXcQ", "jNQXAC9IVRw", "__________8", "-abc_efgh-k", "x", "short", "sixteencharacter"]
START = date(2026, 9, 21)

contents = st.dictionaries(st.sampled_from(IDS), st.tuples(st.integers(20, 23), st.integers(1, 2)))
"""Video id -> (score, flags): the rows of one tick."""
epochs = st.lists(st.tuples(st.lists(contents, max_size=3), st.integers(1, 12)), min_size=1, max_size=8)
"""The ticks of each epoch, and how many days later the next one follows."""


def rows_of(content: dict[str, tuple[int, int]]) -> Rows:
    """A tick's rows, in published order."""
    ids = id_column(list(content))
    values = np.array(list(content.values()), np.uint8).reshape(len(ids), 2)
    by_id = order(ids)
    return Rows(ids[by_id], values[by_id, 0], values[by_id, 1])


def applied(base: Rows, block: Block | None) -> Rows:
    """A base after a roll, by the page's rule; an id that is removed and added counts once."""
    day = restore(base, 1, [block] if block else [])
    return day.rows()


def published(roll: Roll) -> Roll:
    """A roll as the next epoch reads it from its file."""
    body = roll.encode()
    return replace(roll, block=ring.decode_block(body) if body else None)


@settings(max_examples=300, deadline=None)
@given(contents, epochs)
def test_every_base_leads_to_the_newest(
    start: dict[str, tuple[int, int]], history: list[tuple[list[dict[str, tuple[int, int]]], int]]
) -> None:
    """Over any history, every roll of the last 30 days applied to its base gives the newest base."""
    known: list[Roll] = []
    day, seq, bases = begin(rows_of(start), 1), 1, {START: rows_of(start)}
    today = START
    for ticks, days in history:
        for content in ticks:
            seq += 1
            day = advance(day, rows_of(content), seq)
        tomorrow = today + timedelta(days=days)
        newest = day.rows()
        made = rolls.following(known, day, today.isoformat(), seq=seq, to=tomorrow.isoformat())
        expected = [earlier for earlier in bases if (tomorrow - earlier).days <= rolls.DAYS]

        assert [roll.epoch for roll in made] == [earlier.isoformat() for earlier in reversed(expected)]
        for roll in made:
            base = bases[date.fromisoformat(roll.epoch)]
            assert roll.n == len(base)
            assert applied(base, roll.block).state() == newest.state()
        known, today, day = [published(roll) for roll in made], tomorrow, begin(newest, seq)
        bases[today] = newest


def day_of(*contents: dict[str, tuple[int, int]]) -> Day:
    """A day whose base is the first of these contents."""
    day = begin(rows_of(contents[0]), 1)
    for seq, content in enumerate(contents[1:], 2):
        day = advance(day, rows_of(content), seq)
    return day


def test_nothing_changed_has_no_block() -> None:
    """A day without changes has an empty roll, and hands those that lead to its base on."""
    quiet = day_of({"x": (20, 1)}, {"x": (20, 1)})
    first, second = rolls.following([Roll("2026-09-20", 1, 0, rolls.of_day(day_of({}, {"x": (20, 1)}), 1))], quiet,
                                    "2026-09-21", seq=7, to="2026-09-22")  # fmt: skip

    assert first.encode() == b""
    assert second.block is not None
    assert (second.block.seq, second.block.first, second.block.added.tolist()) == (7, 0, [b"x"])


def test_id_that_comes_back_another_day_is_removed_and_added() -> None:
    """Its old number is removed, and it stands among the added with its new value."""
    before = rolls.of_day(day_of({"short": (20, 1), "x": (20, 1)}, {"x": (20, 1)}), 5)
    after = day_of({"x": (20, 1)}, {"short": (90, 2), "x": (20, 1)})
    *_, roll = rolls.following([Roll("2026-09-20", 1, 2, before)], after, "2026-09-21", seq=9, to="2026-09-22")

    assert roll.block is not None
    assert (roll.block.added.tolist(), roll.block.removed.tolist()) == ([b"short"], [0])
    assert (roll.block.rows.tolist(), roll.block.scores.tolist()) == ([2], [90])


def test_roll_that_leads_elsewhere_is_refused() -> None:
    """A roll whose rows are not those of the day's base never makes another one."""
    day = day_of({"x": (20, 1), "short": (20, 1)}, {"x": (30, 1)})
    none, no_bytes = np.empty(0, np.int64), np.empty(0, np.uint8)
    right = Block(1, 1, id_column(["x"]), np.array([1]), np.ones(1, np.uint8), np.ones(1, np.uint8), none)
    assert rolls.compose(Roll("e", 1, 1, right), Places(day.base_ids()), 2, rolls.of_day(day, 2))
    for wrong in (
        replace(right, added=id_column(["y"])),
        replace(right, first=2),
        replace(right, rows=none, scores=no_bytes, flags=no_bytes),
        replace(right, rows=np.array([2])),
        replace(right, removed=np.array([0])),
        replace(right, removed=np.array([1])),
    ):
        with pytest.raises(FormatError, match="does not lead to the base"):
            rolls.compose(Roll("e", 1, 1, wrong), Places(day.base_ids()), 2, rolls.of_day(day, 2))
