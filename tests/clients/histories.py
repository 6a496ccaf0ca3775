"""Small histories of rows for test trees."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.clients.signing import START_MS
from tests.clients.tree import DAY_MS, Row, Tree, integer_id

TICKS_A_DAY = 6
TICK_MS = DAY_MS // TICKS_A_DAY


def first_rows(count: int = 40, seed: int = 7) -> dict[str, Row]:
    """Rows with ids of every kind: integers, eleven characters that are none, and other lengths."""
    rng = Random(seed)
    rows = {integer_id(rng.getrandbits(64)): (rng.randint(20, 100), rng.choice([1, 3, 17, 65])) for _ in range(count)}
    others = ("x", "zz-other_id", "dQw4w9WgXcR", "ABCDEFGHIJKLMNOP", "AAAAAAAAAAB", "AAAAAAAAAA", "AAAAAAAAAAAA")
    return rows | {video_id: (30 + place, 1) for place, video_id in enumerate(others)}


def changed(rows: dict[str, Row], seed: int, *, by: int = 3) -> dict[str, Row]:
    """Some rows with other values, one removed, one added, one of odd length added."""
    rng = Random(seed)
    after = dict(rows)
    for video_id in rng.sample(sorted(after), by):
        after[video_id] = (rng.randint(20, 100), rng.choice([1, 2, 4, 8, 16]))
    after.pop(rng.choice(sorted(after)))
    after[integer_id(rng.getrandbits(64))] = (rng.randint(20, 100), 1)
    after[f"n{seed}"] = (55, 2)
    return after


def time_of(seq: int) -> int:
    """Six ticks a day, the first one a second after midnight."""
    return START_MS + 1000 + (seq - 1) * TICK_MS


def grow(tree: Tree, ticks: int, *, quiet: tuple[int, ...] = ()) -> Tree:
    """Publish further ticks; those in `quiet` change nothing."""
    for _ in range(ticks):
        seq = len(tree.payloads) + 1
        before = tree.rows.get(seq - 1)
        rows = first_rows() if before is None else before if seq in quiet else changed(before, seq)
        tree.tick(time_of(seq), rows)
    return tree


def new_tree(directory: Path, ticks: int = 1, *, quiet: tuple[int, ...] = ()) -> Tree:
    """A tree with some ticks."""
    return grow(Tree(directory), ticks, quiet=quiet)
