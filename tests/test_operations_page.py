"""Whoever copies the commands of `docs/operations.md` in a bad hour gets what the page says."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.home import Home
from data.log import schema
from data.log.append import Appender
from tests.factories import vote
from tests.homes import PROJECT

PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", PAGE, re.MULTILINE))


@dataclass
class Shell:
    """A shell in the directory that holds a home `var/`, with `realtube` on its path."""

    directory: Path

    @property
    def home(self) -> Home:
        """The home."""
        return Home(self.directory / "var")

    def run(self, script: str, exit_code: int = 0) -> str:
        """Runs lines until one fails; gives all that was said."""
        ours = {name: text for name, text in os.environ.items() if not name.startswith("REALTUBE_")}
        paths = {"PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
        done = subprocess.run(
            ["sh", "-e", "-c", script], cwd=self.directory, env=ours | paths, text=True, timeout=60, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == exit_code, done.stdout
        return done.stdout

    def follow(self, section: str) -> str:
        """Runs all commands of a section of the page."""
        blocks = re.findall(r"^```sh\n(.*?)^```", SECTIONS[section], re.MULTILINE | re.DOTALL)
        assert blocks, section
        return self.run("".join(blocks))

    def cast(self, *voters: int) -> None:
        """Votes."""
        with closing(schema.open_for_append(self.home.votes_log)) as log:
            appender = Appender(log)
            with appender.transaction():
                appender.cast_all([vote(voter, "a", "fully_ai") for voter in voters])

    def votes(self) -> int:
        """How many votes the log holds."""
        with closing(sqlite3.connect(self.home.votes_log)) as log:
            return int(log.execute("SELECT count(*) FROM votes").fetchone()[0])


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A published site with three votes."""
    program = tmp_path / "bin" / "realtube"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PROJECT / "cli.py"}" "$@"\n')
    program.chmod(0o755)
    made = Shell(tmp_path)
    made.run("realtube init")
    made.cast(1, 2, 3)
    made.run("realtube publish")
    return made


def test_a_backup_is_restored(shell: Shell) -> None:
    """Backup, a lost log, restore, and the next publish goes on."""
    assert "checked" in shell.follow("Backups")
    shell.cast(4)
    said = shell.follow("Restoring a backup")

    assert shell.votes() == 3
    assert "The log that was there is now" in said
    assert len(list(shell.home.directory.glob("votes.db.replaced-*"))) == 1


def test_a_damaged_log_is_restored(shell: Shell) -> None:
    """`doctor` says what the page says it says; after the page's commands it says nothing of the kind."""
    shell.follow("Backups")
    shell.home.votes_log.write_bytes(b"damaged" * 5_000)
    assert re.search(r"^fail +votes log", shell.run("realtube doctor", exit_code=1), re.MULTILINE)
    assert "fail" not in shell.follow("A damaged log")
    assert shell.votes() == 3


OTHERS: dict[str, Callable[[str], bool]] = {
    "A full disk": lambda said: "votes.db" in said and "GB free" in said,
    "Moderators": lambda said: (
        "rt_1_" in said and "valid    moderator" in said and "token 1 is revoked now" in said and "nothing was" in said
    ),
    "Takedowns and appeals": lambda said: "no appeal is open" in said,
    "Upgrading": lambda said: "before-upgrade" in said and f"version {schema.newest_version()}" in said,
}


@pytest.mark.parametrize("section", OTHERS)
def test_the_other_commands_work(shell: Shell, section: str) -> None:
    """The commands of these sections show what they are there for."""
    (shell.directory / "backups").mkdir()
    assert OTHERS[section](shell.follow(section))


def test_every_section_with_commands_is_followed() -> None:
    """No command stands on the page that no test runs; the container's need an image."""
    with_commands = {name for name, text in SECTIONS.items() if "```sh" in text}
    runbooks = (PROJECT / "tests" / "publisher" / "operations" / "test_runbooks.py").read_text(encoding="utf-8")
    elsewhere = set(re.findall(r'"([A-Z][a-z ]+)"', runbooks)) & set(SECTIONS)
    assert with_commands == {"Backups", "Restoring a backup", "A damaged log", *OTHERS, *elsewhere, "In a container"}


def test_quoted_messages_are_those_of_the_code() -> None:
    """What the page quotes of readiness can be searched for."""
    code = "".join((PROJECT / "data" / "log" / name).read_text(encoding="utf-8") for name in ("place.py", "backup.py"))
    for said in ("free space on its disk", "is gone", "was replaced", "is in use: stop `realtube serve`"):
        assert said.replace("`", "") in PAGE.replace("`", "")
        assert said in code
