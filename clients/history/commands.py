"""Commands that look back: ticks, diff."""

from __future__ import annotations

import dataclasses
import json
from itertools import islice
from typing import TYPE_CHECKING

import click

from clients.errors import ClientError
from clients.strict import plain
from clients.terminal import ROOT_HELP, check_root, fail, open_place, time_text, warn, write

if TYPE_CHECKING:
    from clients.history.diff import Change, Value
    from clients.history.ticks import Tick

MARKS = {"added": "+", "removed": "-", "changed": "~"}


@click.command()
@click.argument("source")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many ticks at most.")
@click.option("--root", metavar="FILE|FINGERPRINT", callback=check_root, help=ROOT_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def ticks(source: str, limit: int, root: str | None, as_json: bool) -> None:
    """List the ticks of SOURCE, newest first.

    Number, time, rows, what each tick added, changed and removed (where its commit tells: changes too large for
    line 3 of a head are shown as ?), bytes of ring and base, and marks: kill (a list of ids to hide), frozen, note.
    Each commit is checked by the one after it, the newest by its signature.

    \b
    Example:
      realtube ticks https://data.example.org --limit 48
    """
    from clients.history.ticks import ticks as read_ticks

    try:
        past = read_ticks(open_place(source), root)
        warn(past.warnings)
        if not as_json:
            write(f"{'tick':>8}  {'time':23}  {'rows':>11}  {'+':>7} {'~':>7} {'-':>7}  {'ring':>11}  {'base':>12}\n")
        for tick in islice(past.ticks, limit):
            write(json.dumps(dataclasses.asdict(tick)) + "\n" if as_json else _tick_line(tick))
    except ClientError as error:
        fail(error, as_json=as_json)


def _tick_line(tick: Tick) -> str:
    counts = " ".join(f"{'?' if count is None else count:>7}" for count in (tick.added, tick.changed, tick.removed))
    base = "?" if tick.base_bytes is None else f"{tick.base_bytes:,}"
    marks = ["kill"] if tick.kill_list else []
    marks += [f"frozen at {tick.frozen.seq}: {plain(tick.frozen.reason)}"] if tick.frozen else []
    marks += [f"note: {plain(tick.note)}"] if tick.note else []
    line = f"{tick.seq:>8}  {time_text(tick.ts_ms)}  {tick.rows:>11,}  {counts}  {tick.ring_bytes:>11,}  {base:>12}"
    return f"{line}  {'; '.join(marks)}".rstrip() + "\n"


@click.command()
@click.argument("a", type=click.IntRange(min=1))
@click.argument("b", type=click.IntRange(min=1))
@click.argument("source")
@click.option("--root", metavar="FILE|FINGERPRINT", callback=check_root, help=ROOT_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def diff(a: int, b: int, source: str, root: str | None, as_json: bool) -> None:
    """Show which rows of SOURCE differ between ticks A and B.

    A line for each row that was added (+), removed (-) or changed (~), sorted by id, with score and categories; the
    counts follow on stderr. Both ticks must still be published. Ids that the kill list hides are left out.

    \b
    Example:
      realtube diff 1200 1248 https://data.example.org
    """
    from clients.history.diff import diff as compare_ticks

    try:
        difference = compare_ticks(open_place(source), a, b, root)
    except ClientError as error:
        fail(error, as_json=as_json)
    warn(difference.warnings)
    for change in difference.changes():
        write(_change_json(change) if as_json else _change_line(change))
    counts = {"added": difference.added, "removed": difference.removed, "changed": difference.changed[0]}
    click.echo(", ".join(f"{len(places):,} {kind}" for kind, places in counts.items()), err=True)


def _change_line(change: Change) -> str:
    values = [_value_text(value) for value in (change.before, change.after) if value is not None]
    return f"{MARKS[change.kind]} {change.video_id:<16}  {' -> '.join(values)}\n"


def _value_text(value: Value) -> str:
    return f"{value[0]:>3} {', '.join(_categories(value)) or 'no category'}"


def _categories(value: Value) -> list[str]:
    from clients.rows import CATEGORIES

    return [name for name, bit in CATEGORIES.items() if value[1] & bit]


def _change_json(change: Change) -> str:
    told: dict[str, object] = {"videoId": change.video_id, "change": change.kind}
    for name, value in (("before", change.before), ("after", change.after)):
        told[name] = None if value is None else {"score": value[0], "categories": _categories(value)}
    return json.dumps(told) + "\n"
