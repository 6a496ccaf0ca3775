"""Guards refuse what no ordinary tick does, and hinder no small tree."""

from __future__ import annotations

import numpy as np
import pytest

from data.formats.rows import Rows, id_column
from publisher.operations.guards import Limits, objections

LIMITS = Limits(flipped=10, vanished=10)


def rows(scores: dict[int, int], flags: int = 1) -> Rows:
    """Rows by number."""
    ids = id_column([f"v{number:05d}" for number in scores])
    return Rows(ids, np.array(list(scores.values()), np.uint8), np.full(len(scores), flags, np.uint8))


def thousand(flipped: int = 0, vanished: int = 0, size: int = 1000) -> Rows:
    """Rows of which the first ones flipped, the last ones are gone."""
    return rows({number: 30 if number < flipped else 80 for number in range(size - vanished)})


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (thousand(), thousand(flipped=100, vanished=100), None),
        (thousand(), thousand(flipped=101), "101 of 1,000 rows (10.1 %) would change sides of 50, at most 10 % may"),
        (thousand(flipped=101), thousand(), "101 of 1,000 rows (10.1 %) would change sides of 50"),
        (thousand(), thousand(vanished=101), "101 of 1,000 rows (10.1 %) would vanish, at most 10 % may"),
        (thousand(), thousand(vanished=1000), "all 1,000 rows would vanish"),
        (thousand(size=99), thousand(size=99, flipped=99), None),
        (thousand(size=100), thousand(size=100, flipped=100), "100 of 100 rows (100.0 %)"),
        (thousand(size=10), thousand(size=10, vanished=10), None),
        (thousand(size=11), thousand(size=11, vanished=11), "all 11 rows would vanish"),
        (thousand(size=0), thousand(), None),
        (thousand(size=500), thousand(size=5000), None),
        (thousand(size=0), rows({1: 101}), "1 rows would have a score above 100"),
        (thousand(size=0), rows({1: 50}, flags=32), "1 rows would have an unknown flag"),
        (thousand(size=0), rows({1: 50}, flags=128), "1 rows would have a score of 50 or more by its prior alone"),
        (thousand(size=0), rows({1: 49}, flags=128), None),
        (thousand(size=0), rows({1: 100}, flags=31 + 64), None),
    ],
)
def test_what_is_refused(before: Rows, after: Rows, says: str | None) -> None:
    """Each guard at its limit and one above."""
    found = objections(before, after, LIMITS)

    assert (found == []) if says is None else (len(found) == 1 and says in found[0]), found


def test_all_objections_are_named() -> None:
    """A person reads everything at once."""
    after = thousand(flipped=200, vanished=200)
    after.scores[0] = 101

    assert len(objections(thousand(), after, LIMITS)) == 3
