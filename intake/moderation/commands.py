"""The commands of moderators and auditors: each appends a decision, none edits anything."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict

import click
import orjson

from data.cases import printable
from data.formats.tree import rfc3339
from data.home import home_of
from data.log import decide, schema
from data.log.append import Appender, VideoRuling, VoterRuling
from data.log.decide import Author
from data.records import VIDEO_ID, VOTER_ID

actor_option = click.option("--actor", help="Who decides; kept, never published. Default: your login name.")
reason_option = click.option("--reason", help="Why; kept with the decision. Default: names the command.")
stated_reason_option = click.option(
    "--reason", required=True, help="Why; kept with the decision, and may be published."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line.")
Callback = Callable[..., None]


def about_video(command: Callback) -> Callback:
    """Gives a command VIDEO_ID, --actor, --reason and --json."""
    return click.argument("video_id")(actor_option(stated_reason_option(json_option(command))))


def about_voter(command: Callback) -> Callback:
    """Gives a command VOTER_ID, --actor, --reason and --json."""
    return click.argument("voter_id")(actor_option(stated_reason_option(json_option(command))))


@click.group()
def moderator() -> None:
    """Say whose votes are moderators' votes.

    \b
    Example:
      realtube moderator add 5f0c… --reason "joined the team"
      realtube moderator list
    """


@moderator.command("add")
@click.argument("voter_id")
@actor_option
@reason_option
@json_option
def moderator_add(voter_id: str, actor: str | None, reason: str | None, as_json: bool) -> None:
    """Make a voter a moderator: all their votes count as moderators' votes. Twice changes nothing.

    \b
    Example:
      realtube moderator add 5f0c… --reason "joined the team"
    """
    _on_voter(voter_id, "moderator_add", "a moderator", actor, reason, as_json=as_json)


@moderator.command("remove")
@click.argument("voter_id")
@actor_option
@reason_option
@json_option
def moderator_remove(voter_id: str, actor: str | None, reason: str | None, as_json: bool) -> None:
    """Make a moderator an ordinary voter again, for all their votes.

    \b
    Example:
      realtube moderator remove 5f0c… --reason "left the team"
    """
    _on_voter(voter_id, "moderator_remove", "no moderator", actor, reason, as_json=as_json)


@moderator.command("list")
@json_option
def moderator_list(as_json: bool) -> None:
    """List the moderators of now. Their ids are credentials: keep the output to yourself.

    \b
    Example:
      realtube moderator list --json
    """
    with closing(schema.open_for_reading(home_of(os.environ).votes_log)) as connection:
        found = decide.moderators(connection)
    if as_json:
        click.echo(orjson.dumps([asdict(one) for one in found]))
        return
    for one in found:
        click.echo(f"{one.voter_id}  since {rfc3339(one.since_ms)}, by {one.actor}: {one.reason}")
    if not found:
        click.echo("no moderators", err=True)


@click.command()
@click.option("--score", type=click.IntRange(0, 100), required=True, help="The score to show, 0-100.")
@about_video
def lock(video_id: str, score: int, actor: str | None, reason: str, as_json: bool) -> None:
    """Fix the score of a video, until unlock.

    Whatever votes say, it is shown with this score. A video that nobody has voted on has no row, locked or not.

    \b
    Example:
      realtube lock dQw4w9WgXcQ --score 95 --reason "the maker says so"
    """
    _on_video(video_id, "lock", f"locked at {score}", actor, reason, as_json=as_json, score=score)


@click.command("confirm-human")
@about_video
def confirm_human(video_id: str, actor: str | None, reason: str, as_json: bool) -> None:
    """Say that people made a video, until unlock.

    Its score is 0, whatever votes say.

    \b
    Example:
      realtube confirm-human dQw4w9WgXcQ --reason "filmed in 1987"
    """
    _on_video(video_id, "confirm_human", "confirmed as made by people", actor, reason, as_json=as_json)


@click.command()
@about_video
def unlock(video_id: str, actor: str | None, reason: str, as_json: bool) -> None:
    """Take a lock or a confirmation back: votes decide again.

    \b
    Example:
      realtube unlock dQw4w9WgXcQ --reason "appeal 4 was right"
    """
    _on_video(video_id, "unlock", "not locked", actor, reason, as_json=as_json)


@click.command()
@about_video
def hide(video_id: str, actor: str | None, reason: str, as_json: bool) -> None:
    """Keep a video out of the published rows, until unhide.

    \b
    Example:
      realtube hide dQw4w9WgXcQ --reason "court order 12"
    """
    _on_video(video_id, "hide", "hidden", actor, reason, as_json=as_json)


@click.command()
@about_video
def unhide(video_id: str, actor: str | None, reason: str, as_json: bool) -> None:
    """Let a hidden video be published again.

    It comes back when its score says so.

    \b
    Example:
      realtube unhide dQw4w9WgXcQ --reason "order 12 was lifted"
    """
    _on_video(video_id, "unhide", "not hidden", actor, reason, as_json=as_json)


@click.command()
@about_voter
def ban(voter_id: str, actor: str | None, reason: str, as_json: bool) -> None:
    """Let all votes of a voter count for nothing, until unban.

    Past and future ones; they are stored and answered like any other.

    \b
    Example:
      realtube ban 5f0c… --reason "sells votes"
    """
    _on_voter(voter_id, "ban", "banned", actor, reason, as_json=as_json)


@click.command()
@about_voter
def unban(voter_id: str, actor: str | None, reason: str, as_json: bool) -> None:
    """Let a banned voter's votes count again.

    Past ones too.

    \b
    Example:
      realtube unban 5f0c… --reason "mistaken for another"
    """
    _on_voter(voter_id, "unban", "not banned", actor, reason, as_json=as_json)


@click.command()
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, the newest first.")
@json_option
def decisions(limit: int, as_json: bool) -> None:
    """List what was decided, by whom and why.

    Voters' ids are credentials: keep the output to yourself.

    \b
    Example:
      realtube decisions --limit 50
    """
    with closing(schema.open_for_reading(home_of(os.environ).votes_log)) as connection:
        found = decide.newest(connection, limit)
    if as_json:
        click.echo(orjson.dumps([{"position": position, **asdict(one)} for position, one in found]))
        return
    for position, one in found:
        about = one.video_id or one.voter_id
        what = {"audit": f"audit {one.label}", "lock": f"lock {one.score}"}.get(one.kind, one.kind.replace("_", " "))
        who = f"by {printable(one.actor)}: {printable(one.reason)}"
        click.echo(f"{position:>8}  {rfc3339(one.decided_at_ms)}  {what:<16}  {about}  {who}")
    if not found:
        click.echo("nothing was decided yet", err=True)


def _on_video(
    video_id: str, kind: VideoRuling, state: str, actor: str | None, reason: str, *, as_json: bool, score: int = 0
) -> None:
    video_id = video_id.strip()
    if not VIDEO_ID.fullmatch(video_id):
        raise click.BadParameter("expected 1 to 16 characters of A-Z a-z 0-9 _ -", param_hint="VIDEO_ID")
    with _log() as appender, appender.transaction():
        changed = decide.rule_on_video(appender, video_id, kind, _author(kind, actor, reason), score=score)
    _print("the video", state, changed, as_json=as_json)


def _on_voter(
    voter_id: str, kind: VoterRuling, state: str, actor: str | None, reason: str | None, *, as_json: bool
) -> None:
    voter_id = voter_id.strip().lower()
    if not VOTER_ID.fullmatch(voter_id):
        raise click.BadParameter("expected 1 to 64 hex digits", param_hint="VOTER_ID")
    with _log() as appender, appender.transaction():
        changed = decide.rule_on_voter(appender, voter_id, kind, _author(kind, actor, reason))
    _print("the voter", state, changed, as_json=as_json)


def _print(whom: str, state: str, changed: bool, *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({"changed": changed}))
    else:
        click.echo(f"{whom} is {state} {'now' if changed else 'already: nothing changed'}")


def _author(kind: str, actor: str | None, reason: str | None) -> Author:
    return Author(_now_ms(), actor or decide.login(), reason or f"realtube {kind.replace('_', ' ')}")


@contextmanager
def _log() -> Iterator[Appender]:
    with closing(schema.open_for_append(home_of(os.environ).votes_log)) as connection:
        yield Appender(connection)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
