"""The command line: gathers the commands that stand in each package, and loads only the one that is called."""

from __future__ import annotations

import importlib
import os
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import orjson

from data.home import Home, home_of

if TYPE_CHECKING:
    from publisher.doctor import Finding

OURS = frozenset({"intake", "publisher", "data", "clients"})
"""Packages whose exceptions are expected failures; any other exception is a bug and shows its traceback."""
EXIT_BUSY = 75


class Place(NamedTuple):
    """Where a command stands, and what `realtube --help` says of it without loading it."""

    attribute: str
    """`module:attribute`."""
    summary: str
    """The first line of its own help."""


SECTIONS: Mapping[str, Mapping[str, Place]] = {
    "Run a site": {
        "init": Place("cli:init", "Create a home: votes log, keys, settings."),
        "serve": Place("intake.commands:serve", "Take votes over HTTP."),
        "publish": Place("publisher.commands:publish", "Publish one tick, or one at every interval."),
        "prune": Place("publisher.operations.commands:prune", "Delete published files that no reader needs any more."),
        "keys": Place("publisher.trust.commands:keys", "Say who may sign, and change it: online key, root keys."),
        "doctor": Place("cli:doctor", "Check this installation and say what to do."),
        "backup": Place("intake.operations.commands:backup", "Copy the votes log to FILE, while votes arrive."),
        "restore": Place("intake.operations.commands:restore", "Put a backup in place of the home's votes log."),
    },
    "When something went wrong": {
        "rollback": Place(
            "publisher.operations.commands:rollback",
            "Publish the rows of an earlier tick again, and freeze them until resume.",
        ),
        "resume": Place("publisher.operations.commands:resume", "Let votes change the rows again after a rollback."),
        "kill": Place(
            "publisher.operations.commands:kill",
            "Hide videos at once: clients show nothing about them from their next poll on.",
        ),
        "tombstone": Place(
            "publisher.operations.commands:tombstone",
            "Replace published files that must not be published any more by signed tombstones.",
        ),
    },
    "Bring in": {
        "import-votes": Place("intake.commands:import_votes", "Append votes in bulk from files."),
        "audit": Place("intake.commands:audit", "Append audited labels of videos from a file."),
    },
    "Moderate": {
        "moderator": Place("intake.moderation.commands:moderator", "Say whose votes are moderators' votes."),
        "lock": Place("intake.moderation.commands:lock", "Fix the score of a video, until unlock."),
        "confirm-human": Place(
            "intake.moderation.commands:confirm_human", "Say that people made a video, until unlock."
        ),
        "unlock": Place("intake.moderation.commands:unlock", "Take a lock or a confirmation back: votes decide again."),
        "hide": Place("intake.moderation.commands:hide", "Keep a video out of the published rows, until unhide."),
        "unhide": Place("intake.moderation.commands:unhide", "Let a hidden video be published again."),
        "ban": Place("intake.moderation.commands:ban", "Let all votes of a voter count for nothing, until unban."),
        "unban": Place("intake.moderation.commands:unban", "Let a banned voter's votes count again."),
        "review": Place(
            "publisher.scoring.commands:review", "List what needs a person's eyes, or release what is held."
        ),
        "decisions": Place("intake.moderation.commands:decisions", "List what was decided, by whom and why."),
        "appeals": Place(
            "intake.appeals.commands:appeals", "List the appeals that wait for an answer, the oldest first."
        ),
        "appeal": Place("intake.appeals.commands:appeal", "Answer an appeal."),
        "token": Place("intake.tokens.commands:token", "Say who may moderate over HTTP."),
    },
    "Follow and look": {
        "sync": Place("clients.commands:sync", "Bring the rows in DEST up to the newest tick of SOURCE."),
        "rows": Place("clients.commands:rows", "Print the rows that a sync left in DEST."),
        "verify": Place("clients.commands:verify", "Check every promise that SOURCE's published tree makes."),
        "mirror": Place(
            "clients.mirror.commands:mirror", "Copy SOURCE's newest tick into DIRECTORY, for others to follow."
        ),
        "ticks": Place("clients.history.commands:ticks", "List the ticks of SOURCE, newest first."),
        "diff": Place("clients.history.commands:diff", "Show which rows of SOURCE differ between ticks A and B."),
        "browse": Place("publisher.commands:browse", "Look at the published files in Datasette."),
        "score": Place("publisher.scoring.commands:score", "Score a file of votes, without any home."),
        "explain": Place("publisher.scoring.commands:explain", "Say why a video scores as it does."),
    },
}
COMMANDS = {name: place for section in SECTIONS.values() for name, place in section.items()}


class Failure(click.ClickException):
    """An expected failure on its way out: one line on stderr, and an exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = code  # type: ignore[misc]  # click declares it for the class and reads it from the instance


class Commands(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, by section."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].attribute.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands by section, importing none of them."""
        for title, places in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(len("import-votes")), place.summary) for name, place in places.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Runs a command; an expected failure becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            code = exit_code(error)
            if code is None:
                raise
            raise Failure(str(error) or type(error).__name__, code) from error


def exit_code(error: Exception) -> int | None:
    """The exit code of an expected failure, None for a bug.

    Expected are our own exceptions (code 1, or their class's `exit_code`), a locked database (75), and what the
    operating system refuses.
    """
    if type(error).__module__.partition(".")[0] in OURS:
        return int(getattr(error, "exit_code", 1))
    if isinstance(error, sqlite3.DatabaseError):
        return EXIT_BUSY if error.sqlite_errorcode == sqlite3.SQLITE_BUSY else 1
    reads_columns = type(error).__module__.partition(".")[0] == "adbc_driver_manager"  # SQLite through another driver
    return 1 if isinstance(error, OSError) or reads_columns else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="realtube", message="realtube %(version)s")
def main() -> None:
    """Votes on which videos are AI-made, published as signed files that anyone can follow and verify.

    \b
    Every command works on the home that REALTUBE_HOME names (default: var/).
    Every command has --help with an example, and --json where it prints facts.
    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused and needs a person, 75 busy, try again.
    """


@main.command()
@click.option(
    "--root-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the three root keys go. Default: root-keys/ beside the home.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be made, make nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON, one line.")
def init(root_dir: Path | None, dry_run: bool, as_json: bool) -> None:
    """Create a home: votes log, keys, settings.

    Keeps whatever is there; a second call changes nothing, and completes a first one that was interrupted.
    The root keys certify the key that signs what is published. Take them offline: publishing does not need them.

    \b
    Example:
      realtube init
      REALTUBE_HOME=/srv/realtube realtube init --root-dir /media/usb/root-keys
    """
    from data import settings
    from data.log.schema import LogIdentity
    from intake.settings import IntakeSettings
    from publisher import inception
    from publisher.settings import PublisherSettings

    home = home_of(os.environ)
    root_dir = root_dir or _root_dir(home)
    if dry_run:
        made = [str(path) for path in inception.missing(home, root_dir)]
        click.echo(orjson.dumps({"would_make": made}) if as_json else "\n".join(["would make:", *made]))
        return
    begun = inception.begin(
        home,
        root_dir,
        identity=LogIdentity(secrets.token_hex(16), _now_ms()),
        settings_text=settings.render([IntakeSettings, PublisherSettings]),
    )
    if as_json:
        made = [str(path) for path in begun.made]
        facts = {"home": str(home.directory), "log_id": begun.log_id, "fingerprint": begun.fingerprint, "made": made}
        click.echo(orjson.dumps(facts))
        return
    click.echo(f"The home {home.directory} is {'complete' if begun.made else 'there already: nothing changed'}.")
    for path in begun.made:
        click.echo(f"  made {path}")
    click.echo(f"  votes log  {begun.log_id}\n  root 1     {begun.fingerprint} (what clients pin)")
    if any(path.parent == root_dir for path in begun.made):
        click.secho(
            f"Take the root keys in {root_dir} offline now, each to another place: two of the three replace a stolen\n"
            "online key, and publishing needs none of them.",
            bold=True,
        )


@main.command()
@click.option(
    "--root-keys",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to look for private root keys. Default: root-keys/ beside the home.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, one line.")
def doctor(root_keys: Path | None, as_json: bool) -> None:
    """Check this installation and say what to do.

    Looks at versions, settings, permissions, disk, clock, votes log, keys and the published head. Changes nothing.
    Exit code 1: at least one check failed.

    \b
    Example:
      realtube doctor
    """
    from data.formats.tree import HEAD
    from data.settings import load
    from intake.settings import IntakeSettings
    from publisher.doctor import examine
    from publisher.settings import PublisherSettings
    from publisher.stores import open_store

    home = home_of(os.environ)

    def load_settings() -> PublisherSettings:
        load(IntakeSettings, os.environ, home.settings)
        return load(PublisherSettings, os.environ, home.settings)

    findings = examine(
        home,
        root_dir=root_keys or _root_dir(home),
        load_settings=load_settings,
        read_head=lambda: open_store(home, load_settings()).read(HEAD),
        now_ms=_now_ms(),
    )
    if as_json:
        click.echo(orjson.dumps([asdict(finding) for finding in findings]))
    else:
        _print_findings(findings)
    if any(finding.state == "fail" for finding in findings):
        raise SystemExit(1)


def _print_findings(findings: Sequence[Finding]) -> None:
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        click.echo(
            f"{click.style(finding.state.ljust(4), colours[finding.state])}  {finding.name:{width}}  {finding.found}"
        )
        if finding.advice:
            click.echo(f"{'':6}{'':{width}}  -> {finding.advice}")


def _root_dir(home: Home) -> Path:
    return home.directory.absolute().parent / "root-keys"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main(prog_name="realtube")
