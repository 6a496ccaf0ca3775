"""The command line as a whole: help, laziness, failures, exit codes."""

from __future__ import annotations

import importlib
import inspect
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import cli
from data.log.schema import LogError
from data.settings import SettingsError
from publisher.refusals import PublishRefused
from publisher.schedule import Busy
from tests.homes import PROJECT

HEAVY = {"pyarrow", "numpy", "flask", "datasette", "cryptography", "rich", "boto3"}
FAST_S = 0.3


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and every command of a group, by what a person types."""
    for name, place in cli.COMMANDS.items():
        module, _, attribute = place.attribute.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {child}", found) for child, found in command.commands.items())


def test_the_names_are_fixed() -> None:
    """Scripts outside the project call these."""
    assert set(cli.COMMANDS) == {
        "init", "serve", "publish", "import-votes", "audit", "moderator", "score", "sync", "rows", "verify", "browse",
        "mirror", "ticks", "diff", "backup", "restore",
        "doctor", "lock", "confirm-human", "unlock", "hide", "unhide", "ban", "unban", "decisions", "explain", "review",
        "keys", "prune", "rollback", "resume", "kill", "tombstone",
        "token", "appeals", "appeal",
    }  # fmt: skip


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_the_list_says_what_the_command_says(name: str) -> None:
    """What `realtube --help` says of a command, without loading it, is the first line of the command's own help."""
    command = dict(all_commands())[name]
    assert command.name == name
    assert (command.help or "").splitlines()[0] == cli.COMMANDS[name].summary


@pytest.mark.parametrize(("name", "command"), list(all_commands()))
def test_every_command_explains_itself(name: str, command: click.Command) -> None:
    """Each has an example, and a help text on every option."""
    assert f"Example:\n  realtube {name}" in inspect.cleandoc(command.help or "")
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_help_is_fast_and_loads_nothing_heavy() -> None:
    """Nobody waits for pyarrow to read a list of commands."""
    program = f"import sys, cli; cli.main(['--help'], standalone_mode=False); print({HEAVY} & set(sys.modules))"
    durations = []
    for _ in range(3):
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
        durations.append(time.perf_counter() - begun)
        assert done.stdout.splitlines()[-1] == "set()"
    assert min(durations) < FAST_S


def test_the_version_is_that_of_the_package() -> None:
    """`realtube --version` says what is installed."""
    assert CliRunner().invoke(cli.main, ["--version"]).output == "realtube 0.1.0\n"


def test_the_console_script_is_installed() -> None:
    """`realtube` beside this Python starts the same commands."""
    script = Path(sys.executable).with_name("realtube")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: realtube [OPTIONS] COMMAND [ARGS]...")


def test_an_unknown_command_is_wrong_usage() -> None:
    """Exit code 2."""
    done = CliRunner().invoke(cli.main, ["vote"])
    assert (done.exit_code, "No such command 'vote'" in done.stderr) == (2, True)


def locked() -> sqlite3.OperationalError:
    """What SQLite raises when another process holds the lock too long."""
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (LogError("there is no votes log:\nmake one"), 1, "Error: there is no votes log: make one\n"),
        (SettingsError(""), 1, "Error: SettingsError\n"),
        (PublishRefused("look"), 3, "Error: look\n"),
        (Busy("a publish is running"), 75, "Error: a publish is running\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "Error: [Errno 13] Permission denied: '/x'\n"),
        (locked(), 75, "Error: database is locked\n"),
    ],
)
def test_an_expected_failure_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, said: str
) -> None:
    """No traceback, one line on stderr, and the exit code of its kind."""
    assert fail_with(monkeypatch, error) == (code, said)


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected is not made pretty."""
    with pytest.raises(KeyError):
        fail_with(monkeypatch, KeyError("bug"))


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> tuple[int, str]:
    """Exit code and stderr of a command that raises."""

    @click.command("fail")
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "COMMANDS", {"fail": cli.Place(f"{__name__}:fail", "")})
    monkeypatch.setattr(sys.modules[__name__], "fail", fail, raising=False)
    done = CliRunner().invoke(cli.main, ["fail"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stderr
