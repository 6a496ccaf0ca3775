"""Row numbers of a day, and the ring that they make."""

from __future__ import annotations

import numpy as np
import pytest

from data.formats import ring
from data.formats.ring import Block
from data.formats.rows import Rows, id_column, order
from data.formats.tree import FormatError, sha256
from publisher.sync.day import Day, advance, begin, restore


def rows(**scores: int) -> Rows:
    """Rows with these ids and scores, flagged fully_ai."""
    ids = id_column(list(scores))
    values = np.array(list(scores.values()), np.uint8)
    by_id = order(ids)
    return Rows(ids[by_id], values[by_id], np.ones(len(ids), np.uint8))


def blocks_of(day: Day) -> list[tuple[int, int, list[bytes], list[int], list[int], list[int]]]:
    """A day's blocks as plain values."""
    return [
        (b.seq, b.first, b.added.tolist(), b.rows.tolist(), b.scores.tolist(), b.removed.tolist()) for b in day.blocks()
    ]


def test_each_row_stands_in_its_newest_block() -> None:
    """A changed row moves to the newest block; an added id stays where it was added."""
    day = begin(rows(a=50, b=60), seq=10)
    day = advance(day, rows(a=51, b=60, c=70), seq=11)
    day = advance(day, rows(a=51, b=60, c=71), seq=12)

    assert blocks_of(day) == [
        (12, 3, [], [2], [71], []),
        (11, 2, [b"c"], [0], [51], []),
    ]


def test_removed_row_keeps_its_number() -> None:
    """A row that was removed and comes again, even unchanged, has the number it had."""
    day = begin(rows(a=50, b=60), seq=10)
    day = advance(day, rows(b=60), seq=11)
    assert blocks_of(day) == [(11, 2, [], [], [], [0])]
    day = advance(day, rows(a=50, b=60), seq=12)

    assert blocks_of(day) == [(12, 2, [], [0], [50], [])]


def test_quiet_tick_makes_no_block() -> None:
    """A tick that changes no row leaves the ring as it was."""
    day = advance(begin(rows(a=50), seq=1), rows(a=51), seq=2)

    assert blocks_of(advance(day, rows(a=51), seq=3)) == blocks_of(day)


def test_added_and_removed_on_one_day() -> None:
    """An id that came and went stands as added in one block and as removed in another."""
    day = advance(begin(rows(), seq=1), rows(x=30), seq=2)
    day = advance(day, rows(), seq=3)

    assert blocks_of(day) == [(3, 1, [], [], [], [0]), (2, 0, [b"x"], [], [], [])]
    assert len(day.rows()) == 0


def test_ring_reads_back() -> None:
    """The day restored from its base and ring has the same rows and the same blocks."""
    base = rows(a=50, b=60, dQw4w9WgXcQ=70)
    day = advance(begin(base, seq=4), rows(a=51, b=60, z=20), seq=5)
    day = advance(day, rows(b=61, z=20, y=99), seq=7)
    members = ring.encode(day.blocks())
    sizes = [len(members[0]), 0, len(members[1])]
    again = restore(base, 4, ring.decode(b"".join(members), sizes, sha256(members[0])))

    assert again.rows().state() == day.rows().state()
    assert blocks_of(again) == blocks_of(day)


def test_row_numbers_must_fit() -> None:
    """A block that adds from a number that is not the next one is refused."""
    none = np.empty(0, np.int64)
    block = Block(2, 5, id_column(["x"]), none, none.astype(np.uint8), none.astype(np.uint8), none)
    with pytest.raises(FormatError, match="adds from row 5, expected 1"):
        restore(rows(a=1), 1, [block])


def test_damaged_ring_is_refused() -> None:
    """A block whose bytes are not those that the hash before it promised is refused before it is inflated."""
    day = advance(begin(rows(a=50), seq=1), rows(a=51), seq=2)
    (member,) = ring.encode(day.blocks())
    damaged = bytes([*member[:-1], member[-1] ^ 1])
    with pytest.raises(FormatError, match="not the promised one"):
        ring.decode(damaged, [len(damaged)], sha256(member))
