"""The command that copies a published tree: mirror."""

from __future__ import annotations

import time
from pathlib import Path

import click

from clients.errors import ClientError
from clients.terminal import (
    ROOT_HELP,
    bytes_text,
    check_root,
    count_bar,
    fail,
    open_place,
    show_facts,
    show_json,
    time_text,
    warn,
)


@click.command()
@click.argument("source")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--root", metavar="FILE|FINGERPRINT", callback=check_root, help=ROOT_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as one JSON object.")
def mirror(source: str, directory: Path, root: str | None, as_json: bool) -> None:
    """Copy SOURCE's newest tick into DIRECTORY, for others to follow.

    Every byte is checked against the signed head. The first run copies all files of the newest tick, later runs only
    what is new; nothing is deleted. Whoever follows DIRECTORY meanwhile sees the old tick, then the new one; a run that
    was killed goes on where it stopped. DIRECTORY is served by any static web server, and may be mirrored itself.

    Exit codes: 0 done, 1 failed, 2 usage, 3 the head is refused, 75 another run works on DIRECTORY.

    \b
    Example:
      realtube mirror https://data.example.org /srv/mirror --root 1.json
    """
    from clients.mirror.run import mirror as run_mirror

    try:
        with count_bar("files") as progress:
            now_ms = time.time_ns() // 1_000_000
            report = run_mirror(open_place(source), directory, root, progress=progress, now_ms=now_ms)
    except ClientError as error:
        fail(error, as_json=as_json)
    warn(report.warnings)
    if as_json:
        show_json(report)
        return
    before = "nothing" if report.from_seq is None else f"tick {report.from_seq}"
    show_facts(
        {
            "tick": f"{report.seq} of {time_text(report.ts_ms)}{' (stale)' if report.stale else ''}",
            "before": before,
            "files": f"{report.files:,}, {report.fetched:,} of them and of {report.commits:,} commits were new",
            "read": f"{report.requests:,} requests, {bytes_text(report.bytes)}",
            "next tick": time_text(report.next_ms),
        }
    )
