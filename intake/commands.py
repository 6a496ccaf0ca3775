"""The intake's commands: they parse, call one function, print."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from data import settings
from data.home import home_of
from data.input import labelfile, votefile
from data.input.votebatch import Reject, VoteBatch
from data.log import bulk, decide, schema
from data.log.append import Appender
from data.log.decide import Author
from data.records import LATEST_MS
from intake.bulk import SHOWN, FileReport, RejectFile, import_file
from intake.settings import IntakeSettings

STDIN = "-"

json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")


@click.command()
@click.option("--host", help="Name or address to listen on.  [default: REALTUBE_HOST, else localhost]")
@click.option("--port", type=click.IntRange(0, 65_535), help="TCP port.  [default: REALTUBE_PORT, else 8080]")
@click.option("--no-limits", is_flag=True, help="Limit nobody: for load tests.")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="Lines on stderr.  [default: json]")
def serve(host: str | None, port: int | None, no_limits: bool, log_format: str | None) -> None:
    """Take votes over HTTP.

    One process, until SIGTERM: it answers what it has read and stores the votes that wait, then exits 0. Killed at any
    moment, no vote that was answered is lost.

    \b
    Example:
      realtube serve
      realtube serve --host 0.0.0.0 --port 8081
    """
    from intake import wsgi
    from intake.watch.lines import to_stderr

    home = home_of(os.environ)
    chosen = settings.load(IntakeSettings, os.environ, home.settings)
    chosen = replace(
        chosen,
        host=host or chosen.host,
        port=chosen.port if port is None else port,
        log_format=log_format or chosen.log_format,
        rate_limits="off" if no_limits else chosen.rate_limits,
    )
    wsgi.serve(home, chosen, to_stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # all is stored and closed; granian's threads live on, and abort an interpreter that ends under them


@click.command("import-votes")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where bad rows go. Default: FILE.rejects.ndjson.",
)
@click.option(
    "--now-ms", type=click.IntRange(0, LATEST_MS), help="Clock, Unix milliseconds: votes 60 s after it are rejected."
)
@dry_run_option
@json_option
def import_votes(files: Sequence[str], rejects: Path | None, now_ms: int | None, dry_run: bool, as_json: bool) -> None:
    """Append votes in bulk from files.

    FILE is CSV, NDJSON or Parquet, or - for CSV or NDJSON on stdin, with the columns cast_at_ms, voter_id, video_id,
    category and, where known, channel_id, network, voter_since_ms. Several categories are joined by |, an empty one
    retracts. Bad rows are shown, counted and written to a reject file; good rows are kept. No vote is imported twice:
    after an interruption, run it again. Exit code 1: a file could not be read to its end.

    \b
    Example:
      realtube import-votes votes-2026-10.csv votes-2026-11.parquet
      zcat votes.ndjson.gz | realtube import-votes -
    """
    if rejects and any(name != STDIN and Path(name).resolve() == rejects.resolve() for name in files):
        raise click.UsageError(f"--rejects {rejects} would be written over the votes in it")
    clock_ms = _now_ms() if now_ms is None else now_ms
    one_sink = RejectFile(rejects) if rejects else None
    with nullcontext() if dry_run else _log() as appender:
        reports = [
            _import(name, appender, one_sink or RejectFile(_rejects_of(name)), clock_ms, as_json=as_json)
            for name in files
        ]
    if as_json:
        click.echo(orjson.dumps(_import_facts(reports)))
    if any(report.error for report in reports):
        raise SystemExit(1)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--actor", help="Who decides; kept, never published. Default: your login name.")
@click.option("--reason", help="Why; kept with the decision. Default: names the file.")
@dry_run_option
@json_option
def audit(file: Path, actor: str | None, reason: str | None, dry_run: bool, as_json: bool) -> None:
    """Append audited labels of videos from a file.

    FILE is CSV with the columns video_id and label: 1 AI, 0 made by people. Of two labels of one video the later one
    wins. A label that stands already appends nothing. Bad rows are shown and counted; good rows are kept.

    \b
    Example:
      realtube audit audited-2026-11.csv --reason "second review"
    """
    audited = labelfile.read_audited(file)
    author = Author(_now_ms(), actor or decide.login(), reason or f"audit file {file.name}")
    with _log() as appender, appender.transaction():
        changed = decide.new_audits(appender.connection, audited.labels)
        if not dry_run:
            decide.append_audits(appender, changed, author)
    unchanged = len(audited.labels) - len(changed)
    if as_json:
        facts = {"appended": len(changed), "already_there": unchanged, "rejected": len(audited.rejects)}
        click.echo(orjson.dumps(facts))
    else:
        done = "would be appended" if dry_run else "appended"
        click.echo(f"{file}: {len(changed):,} {done}, {unchanged:,} already there, {len(audited.rejects):,} rejected")
    _show_rejects(str(file), audited.rejects[:SHOWN], len(audited.rejects))


def _import(name: str, appender: Appender | None, sink: RejectFile, now_ms: int, *, as_json: bool) -> FileReport:
    with _progress(name) as seen:
        batches = (
            votefile.read_stream(sys.stdin.buffer, "stdin", now_ms)
            if name == STDIN
            else votefile.read(Path(name), now_ms)
        )
        report = import_file(name, batches, appender=appender, rejects=sink if appender else None, seen=seen)
    if not as_json:
        done = "imported" if appender else "good, none imported"
        rejected = f"{report.rejected:,} rejected"
        click.echo(f"{name}: {report.stored:,} {done}, {report.already_there:,} already there, {rejected}")
    _show_rejects(name, report.first_rejects, report.rejected, report.rejects_file)
    if report.error:
        click.echo(f"Error: {report.error}", err=True)
    return report


def _import_facts(reports: Sequence[FileReport]) -> dict[str, object]:
    shown = ("file", "stored", "already_there", "rejected", "rejects_file", "error")
    sums = {name: sum(getattr(report, name) for report in reports) for name in shown[1:4]}
    return {**sums, "files": [{name: getattr(report, name) for name in shown} for report in reports]}


def _rejects_of(name: str) -> Path:
    if name == STDIN:
        return Path("stdin.rejects.ndjson")
    path = Path(name if Path(name).is_file() else Path(name).name)  # not beside a pipe such as /dev/fd/63
    return path.with_name(f"{path.name}.rejects.ndjson")


def _show_rejects(name: str, first: Sequence[Reject], count: int, path: str | None = None) -> None:
    for reject in first:
        click.echo(f"{name} line {reject.line}: {reject.reason}", err=True)
    if count:
        more = f", all of them in {path}" if path else ""
        click.echo(f"{name}: rejected {count:,}, shown {len(first)}{more}", err=True)


@contextmanager
def _log() -> Iterator[Appender]:
    with closing(schema.open_for_append(home_of(os.environ).votes_log)) as connection:
        bulk.prepare(connection)
        yield Appender(connection)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[VoteBatch], None]]:
    """A bar over the bytes of a file, on a terminal's stderr only."""
    total = Path(name).stat().st_size if Path(name).is_file() else None
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task(name, total=total)
        yield lambda batch: bars.update(task, advance=batch.bytes_read)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
