"""The commands about appeals: list them, answer one."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import asdict

import click
import orjson

from data.cases import printable
from data.formats.tree import rfc3339
from data.home import home_of
from data.log import appeals as store
from data.log import decide, schema
from data.log.appeals import ANSWER_MOST, APPEAL_ID, Appeal

json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line.")


@click.command()
@click.option("--answered", is_flag=True, help="List those that have their answer instead, the newest answer first.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@json_option
def appeals(answered: bool, limit: int, as_json: bool) -> None:
    """List the appeals that wait for an answer, the oldest first.

    What creators wrote, and how they can be reached, is for moderators only: keep the output to yourself.

    \b
    Example:
      realtube appeals
      realtube appeals --answered --limit 5
    """
    with closing(schema.open_for_append(home_of(os.environ).votes_log)) as log:
        found = store.answered(log, limit) if answered else store.every_open(log, limit)
    if as_json:
        click.echo(orjson.dumps([asdict(one) for one in found]))
        return
    for one in found:
        click.echo(_text(one))
    if not found:
        click.echo("no appeal was answered yet" if answered else "no appeal is open", err=True)


@click.group()
def appeal() -> None:
    """Answer an appeal.

    \b
    Example:
      realtube appeal answer 3f1c… --reject --answer "the description says that the voice is generated"
    """


@appeal.command("answer")
@click.argument("appeal_id")
@click.option(
    "--accept/--reject", "accept", default=None, help="Whether the creator is right. One of them must be said."
)
@click.option("--answer", "text", required=True, help="What the creator is told.")
@click.option("--actor", help="Who answers; kept, never shown. Default: your login name.")
@json_option
def answer(appeal_id: str, accept: bool | None, text: str, actor: str | None, as_json: bool) -> None:
    """Answer an appeal, once and for good.

    It changes nothing about the video: say what follows from it by confirm-human, unlock, hide or lock. How the
    creator can be reached is removed with the answer: write to them first.

    \b
    Example:
      realtube appeal answer 3f1c… --accept --answer "confirmed as made by people"
    """
    appeal_id, text = appeal_id.strip().lower(), text.strip()
    if not APPEAL_ID.fullmatch(appeal_id):
        raise click.BadParameter("expected 32 hex digits", param_hint="APPEAL_ID")
    if accept is None:
        raise click.UsageError("say --accept or --reject")
    if not 1 <= len(text) <= ANSWER_MOST:
        raise click.BadParameter(f"expected 1 to {ANSWER_MOST} characters", param_hint="--answer")
    with closing(schema.open_for_append(home_of(os.environ).votes_log)) as log:
        answered = store.answer(
            log, appeal_id, "accepted" if accept else "rejected", text,
            actor=actor or decide.login(), now_ms=time.time_ns() // 1_000_000,
        )  # fmt: skip
    said = f"the appeal about {answered.video_id} is {answered.state} now"
    click.echo(orjson.dumps({"state": answered.state, "video_id": answered.video_id}) if as_json else said)


def _text(one: Appeal) -> str:
    reached = f"\n    reached by: {printable(one.contact)}" if one.contact else ""
    answered = f"\n    {one.state} by {printable(one.actor)}: {printable(one.answer)}" if one.answer else ""
    return f"{one.appeal_id}  {rfc3339(one.opened_ms)}  {one.video_id}\n    {printable(one.message)}{reached}{answered}"
