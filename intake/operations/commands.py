"""The commands that copy the votes log and put a copy back: they parse, call one function, print."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.progress import Progress

from data import settings
from data.formats import head
from data.formats.tree import HEAD, FormatError
from data.home import Home, home_of
from data.log import backup as copies
from intake.settings import IntakeSettings

json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line.")
AHEAD = (
    "The published tree is ahead of this log: it was published through position {published:,}, the log ends at "
    "{last:,}. `realtube publish` refuses to go on from there: bring a newer backup, or set REALTUBE_STORE to an "
    "empty store."
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Copy the votes log to FILE, while votes arrive.

    The copy is the log of one moment, one file, checked from its first page to its last; FILE appears when it is whole
    and on disk, and never in place of another file. Every vote that was answered before the backup began is in it.
    It holds voters' ids: keep it as safe as the log. The keys and settings of the home are not in it.

    \b
    Example:
      realtube backup /mnt/backups/votes-2026-11-21.db
    """
    home = home_of(os.environ)
    with _progress("copying") as seen:
        done = copies.back_up(home.votes_log, file, seen)
    if as_json:
        click.echo(orjson.dumps({"file": str(file), **asdict(done)}))
    else:
        click.echo(f"{file}: {_shown(done)}, checked")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--replace", is_flag=True, help="Keep the log that is there aside, as votes.db.replaced-TIME.")
@json_option
def restore(file: Path, replace: bool, as_json: bool) -> None:
    """Put a backup in place of the home's votes log.

    FILE is checked from its first page to its last before anything is changed. A log that is there is never written
    over: with --replace it is kept aside. Nothing else may have it open: stop `realtube serve` first (exit code 75).

    \b
    Example:
      realtube restore /mnt/backups/votes-2026-11-21.db
      realtube restore --replace /mnt/backups/votes-2026-11-21.db
    """
    home = home_of(os.environ)
    chosen = settings.load(IntakeSettings, os.environ, home.settings)
    home.directory.mkdir(parents=True, exist_ok=True)
    aside = time.strftime(".replaced-%Y%m%dT%H%M%SZ", time.gmtime()) if replace else ""
    kept = home.votes_log.with_name(home.votes_log.name + aside) if home.votes_log.exists() else None
    with _progress("checking and copying") as seen:
        done = copies.restore(file, home.votes_log, aside=aside, progress=seen)
    for cache in (home.standing, home.review):
        cache.unlink(missing_ok=True)  # caches that were worked out from the log that was there
    shutil.rmtree(home.cache, ignore_errors=True)
    published = _published(Path(chosen.store) if chosen.store else home.public, done.log_id)
    ahead = published > done.last_position
    if as_json:
        facts = {"file": str(home.votes_log), **asdict(done), "kept_aside": str(kept) if kept else None}
        click.echo(orjson.dumps({**facts, "published_through": published, "store_is_ahead": ahead}))
        return
    click.echo(f"{home.votes_log}: {_shown(done)}, checked")
    if kept:
        click.echo(f"The log that was there is now {kept}: delete it when nothing in it is needed any more.")
    if ahead:
        click.echo(AHEAD.format(published=published, last=done.last_position))
    for step in _next_steps(home, ahead=ahead):
        click.echo(f"  -> {step}")


def _next_steps(home: Home, *, ahead: bool) -> Iterator[str]:
    if not home.online_key.exists():
        yield "`realtube init` completes the home; to go on signing as before, bring its keys and root/ back first"
    yield "`realtube doctor` checks the home"
    yield "`realtube serve` takes votes again"
    if not ahead:
        yield "`realtube publish` goes on where the published tree ends"


def _published(store: Path, log_id: str) -> int:
    """Through which position this log was published to a store; 0 when it was not, or the store is no directory."""
    try:
        newest, _ = head.parse((store / HEAD).read_bytes())
    except (OSError, FormatError):
        return 0
    return newest.through_position if newest.log == log_id else 0


def _shown(done: copies.Copied) -> str:
    return f"log {done.log_id} up to position {done.last_position:,}, {done.bytes / 1e6:,.1f} MB"


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar over the pages, on a terminal's stderr only."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
