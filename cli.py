"""The command line: gathers the commands that stand in each package, and loads only the one that is called."""

from __future__ import annotations

import importlib
import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

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
        "doctor": Place("cli:doctor", "Check this installation and say what to do."),
    },
    "Bring in": {
        "import-votes": Place("intake.commands:import_votes", "Append votes in bulk from files."),
        "audit": Place("intake.commands:audit", "Append audited labels of videos from a file."),
        "moderator": Place("intake.commands:moderator", "Say whose votes are moderators' votes."),
    },
    "Follow and look": {
        "sync": Place("clients.commands:sync", "Bring a copy of the published rows up to date."),
        "rows": Place("clients.commands:rows", "Print the rows of a copy as NDJSON."),
        "verify": Place("clients.commands:verify", "Check every promise of a published tree."),
        "browse": Place("publisher.commands:browse", "Look at the published files in Datasette."),
        "score": Place("publisher.commands:score", "Score a file of votes, without any home."),
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
    if isinstance(error, sqlite3.OperationalError):
        return EXIT_BUSY if error.sqlite_errorcode == sqlite3.SQLITE_BUSY else 1
    return 1 if isinstance(error, OSError) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="realtube", message="realtube %(version)s")
def main() -> None:
    """Votes on which videos are AI-made, published as signed files that anyone can follow and verify.

    \b
    Every command works on the home that REALTUBE_HOME names (default: var/).
    Every command has --help with an example, and --json where it prints facts.
    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused and needs a person, 75 busy, try again.
    """  # noqa: D301 - \b is click's mark for lines to keep


if __name__ == "__main__":
    main(prog_name="realtube")
