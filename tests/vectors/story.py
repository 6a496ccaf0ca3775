"""The honest history that all vectors are made of: a few dozen rows over some weeks."""

from __future__ import annotations

from random import Random

from benchmarks.histories import DAY_MS, History, Notices, Row, Tick, column_of
from data.formats.head import Frozen, Sunset
from data.formats.tree import commit_key
from tests.clients.packing import in_order, integer_id

START_MS = 1_893_456_000_000
"""2030-01-01T00:00:00Z."""
HOUR_MS = 3_600_000
OTHER_IDS = ("x", "zz-other_id", "dQw4w9WgXcR", "ABCDEFGHIJKLMNOP", "AAAAAAAAAAB", "AAAAAAAAAA", "AAAAAAAAAAAA", "-")
EDGE_IDS = (integer_id(0), integer_id(1), integer_id(2**32 - 1), integer_id(2**63), integer_id(2**64 - 1))
FLAGS = (1, 2, 3, 4, 8, 16, 24, 31, 65, 128, 0)
AT_HOURS = {
    1: 1, 2: 5, 3: 9, 4: 14, 5: 23,  # the first day
    6: 25, 7: 30, 8: 47,  # the next one
    9: 49, 10: 60,
    11: 5 * 24 + 1, 12: 5 * 24 + 9,
    13: 45 * 24, 14: 45 * 24 + 7,  # too late for a roll
    15: 46 * 24 + 1, 16: 46 * 24 + 2, 17: 46 * 24 + 8, 18: 47 * 24 + 1,
}  # fmt: skip
"""Hours after the start, by tick."""
QUIET, LARGE = frozenset({3, 16}), frozenset({4})
"""Ticks that change nothing; ones that change so much that the head does not bring it along."""
LARGE_CHANGE = 600
RETURNS = 8
"""This tick brings back what an earlier one of its day removed, and changes and removes one row that it added."""
KILLS = {7: ("x", EDGE_IDS[1]), 8: ("x", EDGE_IDS[1]), 9: ("x",)}
NEW_KEY = 17
"""This tick is signed under root 2."""
FROZEN = {16: Frozen(15, "a raid is looked at")}
SUNSET = {18: Sunset(START_MS + 400 * DAY_MS, "https://example.org/v2")}

ROWS = dict[str, Row]


def time_of(seq: int) -> int:
    """Time of a tick."""
    return START_MS + AT_HOURS[seq] * HOUR_MS


def first_rows() -> ROWS:
    """Ids of all kinds."""
    chance = Random(1)
    ids = [*EDGE_IDS, *(integer_id(chance.getrandbits(64)) for _ in range(75)), *OTHER_IDS]
    return {video_id: (chance.randint(17, 100), chance.choice(FLAGS)) for video_id in ids}


def rows_after(before: ROWS, earlier: ROWS, seq: int) -> ROWS:
    """The rows of the next tick.

    Args:
        before: The rows as they are.
        earlier: The rows of the tick before them.
        seq: The next tick.
    """
    if seq in QUIET:
        return dict(before)
    chance, after = Random(seq), dict(before)
    for video_id in chance.sample(in_order(after), 6):
        after[video_id] = (chance.randint(17, 100), chance.choice(FLAGS))
    for video_id in chance.sample(in_order(after), 2):
        del after[video_id]
    for _ in range(LARGE_CHANGE if seq in LARGE else 2):
        after[integer_id(chance.getrandbits(64))] = (chance.randint(17, 100), chance.choice(FLAGS))
    after[f"tick-{seq}"] = (50, 1)
    if seq - 1 in LARGE:  # what was too much goes again
        after = {video_id: row for video_id, row in after.items() if video_id in earlier or video_id not in before}
    if seq == RETURNS:
        after |= {video_id: row for video_id, row in earlier.items() if video_id not in before}
        after["tick-6"] = (99, 31)
        del after["tick-7"]
    return after


def told() -> tuple[History, list[ROWS]]:
    """The history, and the rows of each tick (of tick 1 at place 1)."""
    history, rows = History(START_MS), [{}, first_rows()]
    for seq in AT_HOURS:
        if seq == NEW_KEY:
            history.rotate(time_of(seq) - 1, reason="the key was copied")
        if seq > 1:
            rows.append(rows_after(rows[-1], rows[-2], seq))
        notices = Notices(
            KILLS.get(seq, ()), FROZEN.get(seq), "after the raid" if seq == NEW_KEY else None, SUNSET.get(seq)
        )
        history.tick(time_of(seq), column_of(rows[seq]), notices)
    return history, rows


def tick_of(history: History, seq: int) -> Tick:
    """A tick by its number."""
    return next(tick for tick in history.ticks if tick.stand.head.seq == seq)


def text_of(history: History, seq: int) -> bytes:
    """A tick's head."""
    return history.objects[commit_key(seq)]
