"""A report: what holds, what does not, what was not run."""

from __future__ import annotations

import io

import orjson
import pytest
from rich.console import Console

from benchmarks.report import Row, Sense, print_rows


@pytest.mark.parametrize(
    ("measured", "sense", "reached", "ok"),
    [
        (10.0, ">=", True, True),
        (7.0, ">=", False, True),
        (4.0, ">=", False, False),
        (5.0, ">=", False, True),
        (4.0, "<=", True, True),
        (11.0, "<=", False, False),
        (None, ">=", None, None),
    ],
)
def test_goal_and_limit(measured: float | None, sense: Sense, reached: bool | None, ok: bool | None) -> None:
    """A goal may be missed, a limit must hold; nothing is said of what was not measured."""
    row = Row("part", "what", measured, goal=10.0, limit=5.0, sense=sense)
    if sense == "<=":
        row = Row("part", "what", measured, goal=5.0, limit=10.0, sense=sense)
    assert (row.reached, row.ok) == (reached, ok)


def printed(*rows: Row, as_json: bool = False) -> str:
    """What a report looks like in a file."""
    output = io.StringIO()
    print_rows(rows, as_json=as_json, console=Console(file=output, highlight=False))
    return output.getvalue()


def test_a_table_for_people() -> None:
    """One line a row, with the figure, its bounds, and a word on it."""
    lines = printed(
        Row("a", "rate", 12_345.6, "votes/s", 10_000, 5_000),
        Row("a", "ratio", 12.34, "×", 10, 20, "<="),
        Row("a", "slow", 1, "", 3, 2),
        Row("b", "left out", None, note="set IT"),
    ).splitlines()
    assert lines[1].split() == ["a", "rate", "12,346", "votes/s", "≥", "10,000", "≥", "5,000", "ok"]
    assert lines[2].split() == ["a", "ratio", "12.3", "×", "≤", "10", "≤", "20", "goal", "missed"]
    assert lines[3].split() == ["a", "slow", "1", "≥", "3", "≥", "2", "beyond", "the", "limit"]
    assert lines[4].split() == ["b", "left", "out", "–", "not", "run:", "set", "IT"]


def test_json_for_programs() -> None:
    """One object a line, with everything that a row knows."""
    (line,) = printed(Row("a", "x" * 300, 0.5, goal=0.4), as_json=True).splitlines()
    assert orjson.loads(line) == {
        "part": "a",
        "name": "x" * 300,
        "measured": 0.5,
        "unit": "",
        "goal": 0.4,
        "limit": None,
        "sense": ">=",
        "note": "",
        "ok": None,
        "reached": True,
    }
