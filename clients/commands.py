"""Commands that read a published tree: sync, rows, verify."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from clients.errors import Busy, ClientError, Refused

if TYPE_CHECKING:
    from clients.reference import SyncReport
    from clients.rows import NumberedRows
    from clients.source import OnChunk, Source

FAILED, REFUSED, BUSY = 1, 3, 75
ROWS_A_WRITE = 50_000
SHOWN_FROM_BYTES = 1 << 20
"""Downloads of at least this size get a progress bar."""

ROOT_HELP = "File of root 1, or its SHA-256 in hex; without it the root held, or the first one seen, is trusted."


def _fail(error: ClientError, *, as_json: bool = False) -> NoReturn:
    """End with one line on stderr and the error's exit code."""
    code = REFUSED if isinstance(error, Refused) else BUSY if isinstance(error, Busy) else FAILED
    if as_json:
        facts: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
        facts |= {name: getattr(error, name) for name in ("code", "key", "promised", "found") if hasattr(error, name)}
        click.echo(json.dumps(facts))
    click.echo(f"Error: {error}", err=True)
    raise SystemExit(code)


def _check_root(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Neither a file nor a fingerprint is a mistake of usage."""
    from clients.strict import HASH

    if value is not None and not HASH.fullmatch(value.lower()) and not Path(value).is_file():
        raise click.BadParameter(f"expected a file or 64 hex digits, found {value!r}", param=parameter)
    return value


def _open(where: str, on_chunk: OnChunk | None = None) -> Source:
    from clients.source import open_source

    try:
        return open_source(where, clock=time.monotonic, on_chunk=on_chunk)
    except ClientError as error:
        raise click.UsageError(str(error)) from None


def _time(ms: int) -> str:
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).isoformat(" ", "seconds").replace("+00:00", " UTC")


def _bytes(count: int) -> str:
    return f"{count:,} bytes" if count < 1 << 20 else f"{count / (1 << 20):,.1f} MiB"


def _table(facts: dict[str, object]) -> None:
    width = max(map(len, facts))
    for name, fact in facts.items():
        click.echo(f"{name:<{width}}  {fact}")


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


@contextlib.contextmanager
def _download_bar() -> Iterator[OnChunk]:
    """A progress bar on stderr for each large download; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TaskID, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def on_chunk(key: str, received: int, total: int | None) -> None:
            if total and total >= SHOWN_FROM_BYTES:
                if key not in tasks:
                    tasks[key] = bar.add_task(key.rsplit("/", 1)[-1], total=total)
                bar.update(tasks[key], completed=received)

        yield on_chunk


@contextlib.contextmanager
def _tick_bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar over ticks on stderr; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("ticks", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@click.command()
@click.argument("source")
@click.argument("dest", type=click.Path(file_okay=False, path_type=Path))
@click.option("--root", metavar="FILE|FINGERPRINT", callback=_check_root, help=ROOT_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
def sync(source: str, dest: Path, root: str | None, as_json: bool) -> None:
    """Bring the rows in DEST up to the newest tick of SOURCE.

    SOURCE is an http(s) address, or a directory that holds v1/. DEST is a directory; it is made when it is
    not there. Only what changed is read, everything is checked against the signed head, and a sync that fails
    leaves DEST as it was.

    Exit codes: 0 done, 1 failed, 2 usage, 3 the head is refused, 75 another sync works on DEST.

    \b
    Example:
      realtube sync https://data.example.org my-copy --root 1.json
    """
    from clients.reference import sync as run_sync

    try:
        with _download_bar() as on_chunk:
            report = run_sync(_open(source, on_chunk), dest, root, now_ms=int(time.time() * 1000))
    except ClientError as error:
        _fail(error, as_json=as_json)
    _warn(report.warnings)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report)))
        return
    _table(_sync_facts(report))


def _sync_facts(report: SyncReport) -> dict[str, object]:
    came_from = "nothing" if report.from_seq is None else f"tick {report.from_seq}"
    return {
        "tick": f"{report.seq} of {_time(report.ts_ms)}{' (stale)' if report.stale else ''}",
        "before": came_from,
        "rows": f"{report.rows:,}",
        "state": report.state,
        "how": f"{report.how}, {report.requests} requests, {_bytes(report.bytes)}",
        "next tick": _time(report.next_ms),
    }


@click.command()
@click.argument("dest", type=click.Path(exists=True, file_okay=False, path_type=Path))
def rows(dest: Path) -> None:
    """Print the rows that a sync left in DEST.

    One JSON object a line, sorted by the bytes of their ids. Each has videoId, score (0 to 100: percent that the
    video is AI-made) and categories.

    \b
    Example:
      realtube rows my-copy | jq 'select(.score >= 80)'
    """
    from clients.held import read_held

    try:
        held = read_held(dest)
        if held is None or held.rows is None:
            state = "damaged" if held else "none"
            raise ClientError(f"{dest}: expected the rows of a sync, found {state}: run `realtube sync SOURCE {dest}`")
    except ClientError as error:
        _fail(error)
    for chunk in _row_lines(held.rows):
        sys.stdout.write(chunk)
    sys.stdout.flush()


def _row_lines(rows: NumberedRows) -> Iterator[str]:
    from clients.rows import CATEGORIES

    living = rows.pick(rows.alive)
    ordered = living.pick(living.ids.argsort(kind="stable"))
    named = [json.dumps([name for name, bit in CATEGORIES.items() if flags & bit]) for flags in range(256)]
    for start in range(0, ordered.numbers, ROWS_A_WRITE):
        part = slice(start, start + ROWS_A_WRITE)
        columns = (ordered.ids[part].tolist(), ordered.scores[part].tolist(), ordered.flags[part].tolist())
        # Ids are letters, digits, `-` and `_`: nothing in them needs escaping.
        yield "".join(
            f'{{"videoId": "{id_.decode()}", "score": {score}, "categories": {named[flags]}}}\n'
            for id_, score, flags in zip(*columns, strict=True)
        )


@click.command()
@click.argument("source")
@click.option("--root", metavar="FILE|FINGERPRINT", callback=_check_root, help=ROOT_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as one JSON object.")
def verify(source: str, root: str | None, as_json: bool) -> None:
    """Check every promise that SOURCE's published tree makes.

    All of docs/formats.md, for every tick that SOURCE ever published: signatures, hashes and sizes, the chain of
    commits, that each snapshot with its deltas gives the rows of the signed head, and that Parquet and compat files
    say the same. It shares no code with the publisher.

    Exit codes: 0 every promise holds, 1 one is broken (the first one is named), 2 usage, 3 the root is refused.

    \b
    Example:
      realtube verify https://data.example.org --root 1.json
    """
    from clients.verify import verify as run_verify

    try:
        with _tick_bar() as progress:
            report = run_verify(_open(source), root, progress)
    except ClientError as error:
        _fail(error, as_json=as_json)
    _warn(report.warnings)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report)))
        return
    _table(
        {
            "ticks": f"1 to {report.seq}, {report.epochs} epochs, {report.roots} roots",
            "rows": f"{report.rows:,}",
            "state": report.state,
            "files": f"{report.files:,} listed, {report.unlisted} unlisted",
            "compared": f"{report.prefixes} prefixes, {report.parquet} Parquet files, {report.compat} compat files",
            "read": f"{report.requests:,} requests, {_bytes(report.bytes)}",
        }
    )
    click.echo("Every promise holds.")
