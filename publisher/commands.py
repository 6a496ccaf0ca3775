"""The publisher's commands: they parse, call one function, print."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from data import settings as setting_files
from data.formats.tree import rfc3339
from data.home import Home, home_of
from data.log.schema import LogError
from data.records import LATEST_MS
from data.settings import duration_ms
from publisher import schedule
from publisher.operations.orders import NOTHING, Order
from publisher.refusals import GuardRefused
from publisher.research import browse as browsing
from publisher.research import site
from publisher.run import Report
from publisher.run import publish as publish_once
from publisher.scoring.pressing import leave_list
from publisher.settings import PublisherSettings
from publisher.store import Store
from publisher.stores import open_store
from publisher.stores.local import LocalStore
from publisher.trust.installing import settle_quietly, signer_of

DAY_MS = 86_400_000
"""A head expires after a day: ticks must not be further apart."""


@click.command()
@click.option(
    "--every", metavar="TIME", help="Publish now and then at each multiple of TIME (90s, 30m, 1h) until SIGTERM."
)
@click.option(
    "--now-ms", type=click.IntRange(0, LATEST_MS), help="Clock of this one tick, Unix milliseconds, for rehearsals."
)
@click.option("--override", metavar="REASON", help="Publish although a guard objects; the reason is published too.")
@click.option("--dry-run", is_flag=True, help="Build everything, write nothing, print what a tick would be.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line a tick.")
def publish(every: str | None, now_ms: int | None, override: str | None, dry_run: bool, as_json: bool) -> None:
    """Publish one tick, or one at every interval.

    Reads the votes log, scores what changed, writes the files, moves the head. Killed at any moment, the next run
    heals what was left. Exit code 3: refused, a person must look; 75: another publish of this home is running.
    When a tick would change too many rows, the old ones are published again and it is refused; --every goes on.

    \b
    Example:
      realtube publish
      realtube publish --every 30m
      realtube publish --override "a ring of voters was banned"
    """
    home, settings = home_and_settings()
    if override is not None and (every is not None or not override.strip()):
        raise click.UsageError("--override takes a reason, and no --every beside it")
    order = NOTHING if override is None else Order(reason=override, override=True)
    if every is not None:
        if now_ms is not None or not 0 < duration_ms(every) <= DAY_MS:
            raise click.UsageError("--every takes a time such as 90s, 30m or 1h, at most 1d, and no --now-ms beside it")
        settings = replace(settings, interval=every)  # what heads tell clients
    store, rehearsal = _store(home, settings), dry_run or now_ms is not None
    signer_of(home)  # a home without keys ends here

    def tick(tick_ms: int) -> None:
        settle_quietly(home)
        signer = signer_of(home)  # at each tick: keys may change while this runs
        try:
            with progress_bar() as progress:
                report = publish_once(
                    home, store, signer, settings, now_ms=tick_ms, order=order, dry_run=dry_run, progress=progress
                )
        except GuardRefused:
            if not rehearsal:
                _leave_list(home)  # a person must look: now more than ever
            raise
        print_report(report, as_json, dry_run=dry_run)
        if not rehearsal:
            _leave_list(home)

    with schedule.alone(home.publish_lock):
        if every is None:
            tick(now_ms if now_ms is not None else clock_ms())
            return
        schedule.every(duration_ms(every), now_ms=clock_ms, wait=_stop_on_signal().wait, tick=going_on(tick))


def going_on(tick: Callable[[int], None]) -> Callable[[int], None]:
    """A tick that says what a guard objects to and ends well: heartbeats go on until a person has looked."""

    def careful(tick_ms: int) -> None:
        try:
            tick(tick_ms)
        except GuardRefused as refused:
            click.echo(f"Error: {refused}", err=True)

    return careful


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 lets others in.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8001, show_default=True, help="0 takes a free one.")
@click.option("--open/--no-open", "open_it", default=False, help="Open the front page in the web browser.")
@click.option("--build-only", is_flag=True, help="Build the SQLite file and end.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line a tick.")
def browse(host: str, port: int, open_it: bool, build_only: bool, as_json: bool) -> None:
    """Look at the published files in Datasette.

    Builds one SQLite file in the home's cache from the published files of the newest tick, and shows it until Ctrl-C
    or SIGTERM. When a new tick is published, it is built and shown in place of the old one.

    \b
    Example:
      realtube browse
      realtube browse --port 0 --open
      realtube browse --build-only
    """
    home, settings = home_and_settings()
    store = _store(home, settings)
    database = home.cache / "browse.db"
    source, stop = browsing.newest(store), _stop_on_signal()
    with progress_bar() as progress:
        built = site.build(store, source, database, progress=browsing.until_stopped(progress, stop.wait))
    if build_only:
        facts = {"seq": source.head.seq, "database": str(database), "bytes": database.stat().st_size, "built": built}
        text = f"tick {source.head.seq} {'is now' if built else 'was already'} in {database}"
        click.echo(orjson.dumps(facts) if as_json else text)
        return
    tree = store.directory if isinstance(store, LocalStore) else None
    place = browsing.Place(store, tree, database, host, browsing.free_port(host, port))

    def opened(shown: site.Source) -> None:
        facts = {"url": place.url, "seq": shown.head.seq, "database": str(database)}
        click.echo(orjson.dumps(facts) if as_json else f"tick {shown.head.seq} at {place.url} (Ctrl-C ends it)")
        if open_it and shown is source:
            webbrowser.open(place.url)

    browsing.follow(
        place, source, wait=stop.wait, progress=progress_bar, opened=opened,
        failed=lambda trouble: click.echo(f"a new tick cannot be shown yet: {trouble}", err=True),
    )  # fmt: skip


def _leave_list(home: Home) -> None:
    """Lists for the server what needs eyes. What goes wrong here must not look as if the tick had."""
    try:
        leave_list(home, clock_ms)
    except (OSError, sqlite3.Error, LogError) as error:
        click.echo(f"the list of what needs eyes could not be written: {error}", err=True)


def home_and_settings() -> tuple[Home, PublisherSettings]:
    """The home that the environment names, and its publisher's settings."""
    home = home_of(os.environ)
    return home, setting_files.load(PublisherSettings, os.environ, home.settings)


def _store(home: Home, settings: PublisherSettings) -> Store:
    return open_store(home, settings)


def clock_ms() -> int:
    """The clock, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def _stop_on_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set: the running tick ends first."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


@contextmanager
def progress_bar() -> Iterator[_Bar]:
    """A progress bar on stderr; nothing where nobody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        yield _Bar(bars)


class _Bar:
    """A progress bar that starts over when something else is going on."""

    def __init__(self, bars: Progress) -> None:
        self.bars, self.task = bars, bars.add_task("publishing", total=None)

    def __call__(self, what: str, done: int, total: int) -> None:
        self.bars.update(self.task, description=what, completed=done, total=total)


def print_report(report: Report, as_json: bool, *, dry_run: bool) -> None:
    """Says what a tick was."""
    if as_json:
        click.echo(orjson.dumps(asdict(report)))
        return
    if not report.published and not dry_run:
        click.echo(f"tick {report.seq} of {rfc3339(report.ts)} is published already: nothing new")
        return
    what = "would publish" if dry_run else "published"
    click.echo(
        f"{what} tick {report.seq} of {rfc3339(report.ts)}: {report.rows:,} rows, {report.changed:,} verdicts changed, "
        f"{report.files} files, {report.bytes:,} bytes, log read to position {report.through_position:,}"
    )
