"""`realtube token`: made once, shown once, listed without letting anybody in, revoked at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.homes import CommandLine, new_home

MAKE = ("token", "create", "--role", "moderator", "--name", "ada", "--expires", "30d")
DAY_MS = 86_400_000


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """An empty home."""
    return new_home(tmp_path)


def stored(line: CommandLine) -> bytes:
    """All bytes of the home."""
    return b"".join(path.read_bytes() for path in line.home.directory.rglob("*") if path.is_file())


def test_a_token_is_shown_once(line: CommandLine) -> None:
    """On stdout alone, so that it can be piped; no file of the home and no list has it."""
    made = line.run(*MAKE)
    text = made.stdout.strip()

    assert re.fullmatch(r"rt_1_[0-9a-f]{64}", text)
    assert "Token 1 of ada, moderator, until " in made.stderr
    assert text not in made.stderr
    assert text.encode() not in stored(line)
    assert bytes.fromhex(text[-64:]) not in stored(line)
    assert text[-64:] not in line.run("token", "list").stdout + line.run("token", "list", "--json").stdout


def test_tokens_differ(line: CommandLine) -> None:
    """Even when everything that was asked for is the same."""
    first, second = line.facts(*MAKE), line.facts(*MAKE)

    assert (first["token_id"], second["token_id"]) == (1, 2)
    assert first["token"][-64:] != second["token"][-64:]


def test_tokens_are_listed_and_revoked(line: CommandLine) -> None:
    """With their state; twice changes nothing; a number that nobody has is a failure."""
    assert "no tokens" in line.run("token", "list").stderr
    line.run(*MAKE)
    assert line.facts("token", "revoke", 1) == {"changed": True}
    assert line.facts("token", "revoke", 1) == {"changed": False}
    (listed,) = line.facts("token", "list")

    assert (listed["state"], listed["role"], listed["name"]) == ("revoked", "moderator", "ada")
    assert listed["expires_ms"] - listed["created_ms"] == 30 * DAY_MS
    assert "revoked  moderator" in line.run("token", "list").stdout
    assert "there is no token 9" in line.run("token", "revoke", 9, exit_code=1).stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("--expires", "30"), ("--expires", "0d"), ("--expires", "-1d"), ("--expires", "3651d"), ("--expires", ""),
     ("--role", "admin"), ("--role", ""), ("--name", ""), ("--name", "  "), ("--name", "x" * 65),
     ("--name", "ada\nbob"), ("--name", "\x1b[2J")],
)  # fmt: skip
def test_wrong_usage_makes_no_token(line: CommandLine, option: str, value: str) -> None:
    """A token that lasts for ever, has no name, or forges a line of the list."""
    words = list(MAKE)
    words[words.index(option) + 1] = value
    line.run(*words, exit_code=2)

    assert line.rows("SELECT count(*) FROM tokens") == [(0,)]


@pytest.mark.parametrize("option", ["--role", "--name", "--expires"])
def test_everything_must_be_said(line: CommandLine, option: str) -> None:
    """No token is made by default for ever, or for anybody."""
    words = list(MAKE)
    place = words.index(option)
    del words[place : place + 2]
    line.run(*words, exit_code=2)
