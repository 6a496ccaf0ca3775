"""What the commands of this package share: how they open, fail, and show."""

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
from clients.strict import HASH, plain

if TYPE_CHECKING:
    from clients.head import Frozen, Sunset
    from clients.source import OnChunk, Source

FAILED, REFUSED, BUSY = 1, 3, 75
SHOWN_FROM_BYTES = 1 << 20
"""Downloads of at least this size get a progress bar."""

ROOT_HELP = "File of root 1, or its SHA-256 in hex; without it the root held, or the first one seen, is trusted."


def fail(error: ClientError, *, as_json: bool = False) -> NoReturn:
    """End with one line on stderr and the error's exit code."""
    code = REFUSED if isinstance(error, Refused) else BUSY if isinstance(error, Busy) else FAILED
    if as_json:
        facts: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
        facts |= {name: getattr(error, name) for name in ("code", "key", "promised", "found") if hasattr(error, name)}
        click.echo(json.dumps(facts))
    click.echo(f"Error: {error}", err=True)
    raise SystemExit(code)


def check_root(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Neither a file nor a fingerprint is a mistake of usage."""
    if value is not None and not HASH.fullmatch(value.lower()) and not Path(value).is_file():
        raise click.BadParameter(f"expected a file or 64 hex digits, found {value!r}", param=parameter)
    return value


def open_place(where: str, on_chunk: OnChunk | None = None) -> Source:
    """A source by the name that a person gave; another scheme is a mistake of usage."""
    from clients.source import open_source

    try:
        return open_source(where, clock=time.monotonic, on_chunk=on_chunk)
    except ClientError as error:
        raise click.UsageError(str(error)) from None


def time_text(ms: int) -> str:
    """A time for people, UTC."""
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).isoformat(" ", "seconds").replace("+00:00", " UTC")


def bytes_text(count: int) -> str:
    """A size for people."""
    return f"{count:,} bytes" if count < 1 << 20 else f"{count / (1 << 20):,.1f} MiB"


def show_facts(facts: dict[str, object]) -> None:
    """A fact a line."""
    width = max(map(len, facts))
    for name, fact in facts.items():
        click.echo(f"{name:<{width}}  {fact}")


def announced(*, frozen: Frozen | None, note: str | None, sunset: Sunset | None) -> dict[str, object]:
    """What the publisher says of this tick, where it says anything."""
    facts: dict[str, object] = {}
    if frozen:
        facts["frozen"] = f"at tick {frozen.seq}: {plain(frozen.reason)}"
    if note:
        facts["note"] = plain(note)
    if sunset:
        facts["sunset"] = f"{time_text(sunset.ts_ms)}, then {plain(sunset.see)}"
    return facts


def show_json(report: Any) -> None:
    """A report as one JSON object."""
    click.echo(json.dumps(dataclasses.asdict(report)))


def write(text: str) -> None:
    """To stdout, at once and unchanged; a reader that went away ends the command quietly."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise SystemExit(0) from None


def warn(warnings: tuple[str, ...]) -> None:
    """A line each on stderr."""
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


@contextlib.contextmanager
def download_bar() -> Iterator[OnChunk]:
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
def count_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar over ticks or files on stderr; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
