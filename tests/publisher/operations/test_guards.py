"""Guards refuse what no ordinary tick does, and hinder no small tree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from publisher.operations.guards import Limits, objections, out_of_range
from publisher.scoring.verdicts import VerdictTable, empty

LIMITS = Limits(flipped=10, vanished=10, few_rows=100)
KEYS = np.arange(6000, dtype=np.int32)


def rows(flipped: int = 0, vanished: int = 0, size: int = 1000, score: int = 80) -> VerdictTable:
    """Rows of which the first ones flipped, the last ones are gone."""
    table = empty(len(KEYS))
    table.published[: size - vanished] = True
    table.score[:size] = score
    table.score[:flipped] = 30
    return table


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (rows(), rows(flipped=100, vanished=100), None),
        (rows(), rows(flipped=101), "101 of 1,000 rows (10.1 %) would change sides of 50, at most 10 % may"),
        (rows(flipped=101), rows(), "101 of 1,000 rows (10.1 %) would change sides of 50"),
        (rows(), rows(vanished=101), "101 of 1,000 rows (10.1 %) would vanish, at most 10 % may"),
        (rows(), rows(vanished=1000), "all 1,000 rows would vanish"),
        (rows(size=99), rows(size=99, flipped=99), None),
        (rows(size=100), rows(size=100, flipped=100), "100 of 100 rows (100.0 %)"),
        (rows(size=10), rows(size=10, vanished=10), None),
        (rows(size=11), rows(size=11, vanished=11), "all 11 rows would vanish"),
        (rows(size=0), rows(), None),
        (rows(size=500), rows(size=5000), None),
        (rows(size=0), rows(size=7, score=101), "7 rows would have a score above 100"),
        (rows(size=0), rows(size=7, score=100), None),
    ],
)
def test_what_is_refused(before: VerdictTable, after: VerdictTable, says: str | None) -> None:
    """Each guard at its limit and one above."""
    found = objections(before, after, KEYS, LIMITS)

    assert (found == ()) if says is None else (len(found) == 1 and says in found[0]), found


def test_a_prior_alone_flags_nothing() -> None:
    """A row that no flag speaks for stays below 50, even when a person overrides."""
    table = rows(size=7, score=50)
    marked = replace(table, prior_only=table.published.copy())

    assert out_of_range(marked, KEYS) == ("7 rows would have a score of 50 or more by its prior alone",)
    assert out_of_range(table, KEYS) == ()


def test_all_objections_are_named() -> None:
    """A person reads everything at once."""
    after = rows(flipped=200, vanished=200)
    after.score[300] = 101

    assert len(objections(rows(), after, KEYS, LIMITS)) == 3
