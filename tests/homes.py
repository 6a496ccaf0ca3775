"""Homes made and asked through the command line, as a person would."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

import cli
from data.home import Home

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs commands on one home, in this process."""

    home: Home

    def environment(self) -> dict[str, str]:
        """Ours, with this home and none of the caller's settings."""
        ours = {name: text for name, text in os.environ.items() if not name.startswith("REALTUBE_")}
        return ours | {"REALTUBE_HOME": str(self.home.directory), "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}

    def run(self, *arguments: object, stdin: str | bytes | None = None, exit_code: int = 0) -> Result:
        """Runs a command, which must end with this exit code."""
        env: dict[str, str | None] = dict.fromkeys(name for name in os.environ if name.startswith("REALTUBE_"))
        env["REALTUBE_HOME"] = str(self.home.directory)
        result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments], input=stdin, env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return result

    def facts(self, *arguments: object, stdin: str | bytes | None = None, exit_code: int = 0) -> Any:
        """Runs a command with --json and reads what it printed."""
        return json.loads(self.run(*arguments, "--json", stdin=stdin, exit_code=exit_code).stdout)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Asks the votes log."""
        with closing(sqlite3.connect(f"file:{self.home.votes_log}?mode=ro", uri=True)) as log:
            return log.execute(query).fetchall()


def new_home(directory: Path) -> CommandLine:
    """A home below a directory, made by `realtube init`."""
    made = CommandLine(Home(directory / "var"))
    made.run("init")
    return made
