"""The commands about bearer tokens. A token is printed once and kept nowhere."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import closing
from dataclasses import asdict

import click
import orjson

from data.cases import printable
from data.formats.tree import rfc3339
from data.home import home_of
from data.log import schema, tokens
from data.log.tokens import ROLES, Role
from data.settings import UNIT_MS, duration_ms

NAME_MOST = 64
LONGEST_MS = 3_650 * UNIT_MS["d"]
json_option = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line.")


@click.group()
def token() -> None:
    """Say who may moderate over HTTP.

    \b
    Example:
      realtube token create --role moderator --name ada --expires 30d
      realtube token list
    """


@token.command("create")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    required=True,
    help="moderator: decides about videos, answers appeals; maintainer: bans voters too.",
)
@click.option("--name", required=True, help="Who bears it: the actor of all that is decided with it.")
@click.option(
    "--expires", required=True, metavar="TIME", help="After this time it lets nobody in: 12h, 30d, at most 3650d."
)
@json_option
def create(role: Role, name: str, expires: str, as_json: bool) -> None:
    """Make a bearer token and print it, this once.

    Only a hash of it is stored. Give it to its bearer by a way that nobody else reads; whoever has it may decide.

    \b
    Example:
      realtube token create --role moderator --name ada --expires 30d
    """
    name, lasts_ms, now_ms = name.strip(), duration_ms(expires), time.time_ns() // 1_000_000
    if not 1 <= len(name) <= NAME_MOST or printable(name) != name:
        raise click.BadParameter(f"expected 1 to {NAME_MOST} characters that can be printed", param_hint="--name")
    if not 0 < lasts_ms <= LONGEST_MS:
        raise click.BadParameter("expected a time such as 12h or 30d, at most 3650d", param_hint="--expires")
    with closing(schema.open_for_append(home_of(os.environ).votes_log)) as log:
        made, text = tokens.create(
            log, role, name,
            secret=secrets.token_bytes(tokens.SECRET_BYTES), created_ms=now_ms, expires_ms=now_ms + lasts_ms,
        )  # fmt: skip
    if as_json:
        click.echo(orjson.dumps({"token_id": made.token_id, "token": text, "expires": rfc3339(made.expires_ms)}))
        return
    click.echo(text)
    click.echo(
        f"Token {made.token_id} of {name}, {role}, until {rfc3339(made.expires_ms)}. It is not shown again.", err=True
    )


@token.command("list")
@json_option
def listing(as_json: bool) -> None:
    """List the tokens that were made, and whether they let anybody in. Shows no token.

    \b
    Example:
      realtube token list
    """
    with closing(schema.open_for_append(home_of(os.environ).votes_log)) as log:
        found = tokens.every(log)
    now_ms = time.time_ns() // 1_000_000
    if as_json:
        click.echo(orjson.dumps([{**asdict(one), "state": one.state(now_ms)} for one in found]))
        return
    for one in found:
        lasts = f"{rfc3339(one.created_ms)} to {rfc3339(one.revoked_ms or one.expires_ms)}"
        click.echo(f"{one.token_id:>5}  {one.state(now_ms):<8} {one.role:<11} {lasts}  {one.name}")
    if not found:
        click.echo("no tokens", err=True)


@token.command("revoke")
@click.argument("token_id", type=click.IntRange(1))
@json_option
def revoke(token_id: int, as_json: bool) -> None:
    """Let a token in no more, from now on. What was decided with it stands.

    \b
    Example:
      realtube token revoke 3
    """
    with closing(schema.open_for_append(home_of(os.environ).votes_log)) as log:
        changed = tokens.revoke(log, token_id, time.time_ns() // 1_000_000)
    text = f"token {token_id} is revoked {'now' if changed else 'already: nothing changed'}"
    click.echo(orjson.dumps({"changed": changed}) if as_json else text)
