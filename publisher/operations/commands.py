"""The commands for when something went wrong: rollback, resume, kill, prune, tombstone."""

from __future__ import annotations

from dataclasses import asdict

import click
import orjson

from data.records import LATEST_MS, VIDEO_ID
from publisher.commands import clock_ms, home_and_settings, print_report, progress_bar
from publisher.operations import prune as pruning
from publisher.operations import tombstones
from publisher.operations.orders import Order
from publisher.run import publish
from publisher.stores import open_store
from publisher.trust.installing import settle_quietly, signer_of

reason_option = click.option("--reason", required=True, metavar="TEXT", help="Why; it is published.")
clock_option = click.option(
    "--now-ms", type=click.IntRange(0, LATEST_MS), help="Clock of this one run, Unix milliseconds, for rehearsals."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, write nothing.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line.")


@click.command()
@click.option("--to", "seq", type=click.IntRange(1), required=True, metavar="SEQ", help="The last good tick.")
@reason_option
@clock_option
@dry_run_option
@json_option
def rollback(seq: int, reason: str, now_ms: int | None, dry_run: bool, as_json: bool) -> None:
    """Publish the rows of an earlier tick again, and freeze them until resume.

    Votes are still taken; ticks go on as heartbeats. Where the newest commits are a thief's or damaged, it goes on
    above their numbers, from the tick that you name. May run beside `publish --every`.

    \b
    Example:
      realtube rollback --to 4711 --reason "a faulty release flagged news channels"
    """
    _publish(Order(reason=_said(reason), rollback_to=seq), now_ms, dry_run=dry_run, as_json=as_json)


@click.command()
@reason_option
@click.option("--override", is_flag=True, help="Although a guard objects.")
@clock_option
@dry_run_option
@json_option
def resume(reason: str, override: bool, now_ms: int | None, dry_run: bool, as_json: bool) -> None:
    """Let votes change the rows again after a rollback.

    Makes a full round: every video is scored anew from all votes.

    \b
    Example:
      realtube resume --reason "release 1.4.1 mends it"
    """
    _publish(Order(reason=_said(reason), resume=True, override=override), now_ms, dry_run=dry_run, as_json=as_json)


@click.command()
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@reason_option
@click.option("--undo", is_flag=True, help="Take the ids off the list again.")
@clock_option
@dry_run_option
@json_option
def kill(ids: tuple[str, ...], reason: str, undo: bool, now_ms: int | None, dry_run: bool, as_json: bool) -> None:
    """Hide videos at once: clients show nothing about them from their next poll on.

    The list lies over the rows and changes none of them; it stays until --undo, also while rows are frozen.
    `realtube hide` keeps a video out of the rows for good.

    \b
    Example:
      realtube kill dQw4w9WgXcQ --reason "court order 12/26"
      realtube kill dQw4w9WgXcQ --undo --reason "order lifted"
    """
    wrong = [one for one in ids if not VIDEO_ID.fullmatch(one)]
    if wrong:
        raise click.UsageError(f"no video id: {', '.join(wrong)}")
    named, nobody = frozenset(ids), frozenset[str]()
    order = Order(reason=_said(reason), kill=nobody if undo else named, unkill=named if undo else nobody)
    _publish(order, now_ms, dry_run=dry_run, as_json=as_json)


@click.command()
@clock_option
@dry_run_option
@json_option
def prune(now_ms: int | None, dry_run: bool, as_json: bool) -> None:
    """Delete published files that no reader needs any more.

    Commits, roots and Parquet files stay for ever; docs/operations.md says how long the rest does. May run beside
    `publish`, and again after it was killed.

    \b
    Example:
      realtube prune --dry-run
      realtube prune
    """
    home, settings = home_and_settings()
    with progress_bar() as progress:
        report = pruning.prune(open_store(home, settings), now_ms=_or_clock(now_ms), dry_run=dry_run, progress=progress)
    if as_json:
        click.echo(orjson.dumps(asdict(report)))
        return
    verb = "would delete" if dry_run else "deleted"
    for name, count in report.deleted.items():
        click.echo(f"{verb} {count:,} files of {name}")
    click.echo(f"{verb} {sum(report.deleted.values()):,} files, {report.bytes:,} bytes; {report.kept:,} files stay")


@click.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@reason_option
@clock_option
@dry_run_option
@json_option
def tombstone(keys: tuple[str, ...], reason: str, now_ms: int | None, dry_run: bool, as_json: bool) -> None:
    """Replace published files that must not be published any more by signed tombstones.

    KEY is a path below the tree, such as v1/parquet/2026-09-21/videos-1-0123456789abcdef.parquet. A file that the
    newest tick lists is refused: publish first what replaces it. Ask mirrors to follow.

    \b
    Example:
      realtube tombstone v1/c/12.json --reason "erasure request 7"
    """
    home, settings = home_and_settings()
    settle_quietly(home)
    done = tombstones.bury(
        open_store(home, settings), signer_of(home), keys, reason=_said(reason), now_ms=_or_clock(now_ms),
        dry_run=dry_run,
    )  # fmt: skip
    if as_json:
        click.echo(orjson.dumps({"replaced": done}))
        return
    for key in done:
        click.echo(f"{'would replace' if dry_run else 'replaced'} {key}")
    click.echo(f"{len(done)} of {len(keys)} files, the others were replaced before")


def _publish(order: Order, now_ms: int | None, *, dry_run: bool, as_json: bool) -> None:
    home, settings = home_and_settings()
    signer_of(home)  # a home without keys ends here
    settle_quietly(home)
    with progress_bar() as progress:
        report = publish(
            home, open_store(home, settings), signer_of(home), settings, now_ms=_or_clock(now_ms), order=order,
            dry_run=dry_run, progress=progress,
        )  # fmt: skip
    print_report(report, as_json, dry_run=dry_run)


def _said(reason: str) -> str:
    if not reason.strip():
        raise click.UsageError("--reason must say something")
    return reason


def _or_clock(now_ms: int | None) -> int:
    return clock_ms() if now_ms is None else now_ms
