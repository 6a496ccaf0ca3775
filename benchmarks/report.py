"""Rows of a report: what was measured, beside its goal and its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH = 140
"""Columns of a table that goes to a file."""
Sense = Literal[">=", "<="]


@dataclass(frozen=True, slots=True)
class Row:
    """One promise, and what was found."""

    part: str
    """Which part of the benchmarks it belongs to."""
    name: str
    measured: float | None
    """None: not run; `note` says why."""
    unit: str = ""
    goal: float | None = None
    """What we aim for."""
    limit: float | None = None
    """What must hold; None: the figure is only shown."""
    sense: Sense = ">="
    """Whether goal and limit are least or greatest values."""
    note: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether the limit holds; None when there is none, or nothing was measured."""
        return self._holds(self.limit)

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None when there is none, or nothing was measured."""
        return self._holds(self.goal)

    def facts(self) -> dict[str, object]:
        """The row as JSON says it."""
        names = ("part", "name", "measured", "unit", "goal", "limit", "sense", "note", "ok", "reached")
        return {name: getattr(self, name) for name in names}

    def _holds(self, bound: float | None) -> bool | None:
        if self.measured is None or bound is None:
            return None
        return self.measured >= bound if self.sense == ">=" else self.measured <= bound


def print_rows(rows: Sequence[Row], *, as_json: bool = False, console: Console | None = None) -> None:
    """Prints a report: a table for people, or one JSON object a line."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    if as_json:
        for row in rows:
            console.print(orjson.dumps(row.facts()).decode(), markup=False, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "what"):
        table.add_column(heading, no_wrap=True)
    for heading in ("measured", "goal", "limit"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows:
        measured = "–" if row.measured is None else f"{shown(row.measured)} {row.unit}".strip()
        said = " ".join(filter(None, [_mark(row), escape(row.note)]))
        table.add_row(row.part, escape(row.name), measured, _bound(row, row.goal), _bound(row, row.limit), said)
    console.print(table)


def shown(value: float) -> str:
    """A figure with three digits that matter."""
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _mark(row: Row) -> str:
    if row.measured is None:
        return "[yellow]not run:[/]"
    if row.ok is False:
        return "[bold red]beyond the limit[/]"
    if row.reached is False:
        return "[yellow]goal missed[/]"
    return "[green]ok[/]" if row.ok or row.reached else ""


def _bound(row: Row, bound: float | None) -> str:
    return "" if bound is None else f"{'≥' if row.sense == '>=' else '≤'} {shown(bound)}"
