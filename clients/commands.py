"""Commands that read a published tree: sync, rows, verify."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clients.errors import ClientError
from clients.terminal import (
    ROOT_HELP,
    announced,
    bytes_text,
    check_root,
    count_bar,
    download_bar,
    fail,
    open_place,
    show_facts,
    show_json,
    time_text,
    warn,
)

if TYPE_CHECKING:
    from clients.reference import SyncReport
    from clients.rows import NumberedRows

ROWS_A_WRITE = 50_000


@click.command()
@click.argument("source")
@click.argument("dest", type=click.Path(file_okay=False, path_type=Path))
@click.option("--root", metavar="FILE|FINGERPRINT", callback=check_root, help=ROOT_HELP)
@click.option("--mirror", "mirrors", multiple=True, metavar="URL", help="Another origin of the same tree; repeatable.")
@click.option("--at", type=click.IntRange(min=1), metavar="SEQ", help="A past tick, into a directory of its own.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
def sync(source: str, dest: Path, root: str | None, mirrors: tuple[str, ...], at: int | None, as_json: bool) -> None:
    """Bring the rows in DEST up to the newest tick of SOURCE.

    SOURCE is an http(s) address, or a directory that holds v1/. DEST is a directory; it is made when it is
    not there. Only what changed is read, everything is checked against the signed head, and a sync that fails
    leaves DEST as it was. With several origins the newest valid head wins, and any of them may deliver its files.

    Exit codes: 0 done, 1 failed, 2 usage, 3 the head is refused, 75 another sync works on DEST.

    \b
    Example:
      realtube sync https://data.example.org my-copy --root 1.json
      realtube sync https://data.example.org tick-1200 --at 1200 --mirror https://mirror.example.net
    """
    from clients.reference import sync as run_sync

    try:
        with download_bar() as on_chunk:
            opened = [open_place(where, on_chunk) for where in (source, *mirrors)]
            report = run_sync(opened[0], dest, root, mirrors=opened[1:], at=at, now_ms=time.time_ns() // 1_000_000)
    except ClientError as error:
        fail(error, as_json=as_json)
    warn(report.warnings)
    if as_json:
        show_json(report)
        return
    show_facts(_sync_facts(report))


def _sync_facts(report: SyncReport) -> dict[str, object]:
    came_from = "nothing" if report.from_seq is None else f"tick {report.from_seq}"
    hidden = f" ({report.killed} ids must not be shown)" if report.killed else ""
    facts: dict[str, object] = {
        "tick": f"{report.seq} of {time_text(report.ts_ms)}{' (stale)' if report.stale else ''}",
        "before": came_from,
        "rows": f"{report.rows:,}{hidden}",
        "state": report.state,
        "how": f"{report.how}, {report.requests} requests, {bytes_text(report.bytes)}",
        "next tick": time_text(report.next_ms),
    }
    return facts | announced(frozen=report.frozen, note=report.note, sunset=report.sunset)


@click.command()
@click.argument("dest", type=click.Path(exists=True, file_okay=False, path_type=Path))
def rows(dest: Path) -> None:
    """Print the rows that a sync left in DEST.

    One JSON object a line, sorted by the bytes of their ids; ids that the kill list hides are left out. Each has
    videoId, score (0 to 100: percent that the video is AI-made) and categories.

    \b
    Example:
      realtube rows my-copy | jq 'select(.score >= 80)'
    """
    from clients.held import read_held
    from clients.kill import shown_rows

    try:
        held = read_held(dest)
        if held is None or held.rows is None:
            state = "damaged" if held else "none"
            raise ClientError(f"{dest}: expected the rows of a sync, found {state}: run `realtube sync SOURCE {dest}`")
    except ClientError as error:
        fail(error)
    for chunk in _row_lines(shown_rows(held.rows.now, held.kill)):
        sys.stdout.write(chunk)
    sys.stdout.flush()


def _row_lines(rows: NumberedRows) -> Iterator[str]:
    from clients.rows import CATEGORIES

    ordered = rows.pick(rows.ids.argsort(kind="stable"))
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
@click.option("--root", metavar="FILE|FINGERPRINT", callback=check_root, help=ROOT_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as one JSON object.")
def verify(source: str, root: str | None, as_json: bool) -> None:
    """Check every promise that SOURCE's published tree makes.

    All of docs/formats.md, for every tick of SOURCE that is still there: signatures, hashes and sizes, the chain of
    commits, that each base with its ring gives the rows of the signed head, that rolls, shards and JSON files, Parquet
    and compat files say the same. It shares no code with the publisher. A mirror is checked alike.

    Exit codes: 0 every promise holds, 1 one is broken (the first one is named), 2 usage, 3 the root is refused.

    \b
    Example:
      realtube verify https://data.example.org --root 1.json
    """
    from clients.verify import verify as run_verify

    try:
        with count_bar("ticks") as progress:
            report = run_verify(open_place(source), root, progress)
    except ClientError as error:
        fail(error, as_json=as_json)
    warn(report.warnings)
    if as_json:
        show_json(report)
        return
    show_facts(
        {
            "ticks": f"{report.first} to {report.seq}, {report.followed} with all their files",
            "trust": f"{report.roots} roots, {report.tombstones} tombstones, {report.killed} ids hidden",
            "rows": f"{report.rows:,}",
            "state": report.state,
            "files": f"{report.files:,} listed, {report.unlisted} unlisted",
            "bases": f"{report.epochs}, {report.rolls} rolls, {report.shards:,} shards",
            "compared": f"{report.prefixes} prefixes, {report.parquet} Parquet files, {report.compat} compat files",
            "read": f"{report.requests:,} requests, {bytes_text(report.bytes)}",
        }
        | announced(frozen=report.frozen, note=report.note, sunset=report.sunset)
    )
    click.echo("Every promise holds.")
