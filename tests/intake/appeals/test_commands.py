"""`realtube appeals` and `realtube appeal answer`: what is listed cannot hurt a terminal, an answer is given once."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from data.log import appeals, schema
from data.log.appeals import Appeal
from tests.homes import CommandLine, new_home

HOSTILE = "x\x1b[2J\n3f3f  lock\u202e"
ID = "3f" * 16


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """A home with an open appeal."""
    made = new_home(tmp_path)
    with closing(schema.open_for_append(made.home.votes_log)) as log:
        appeals.open_appeal(log, Appeal(ID, "dQw4w9WgXcQ", HOSTILE, "maker@example.org", 10, "open"), "net")
    return made


def test_an_appeal_is_listed_and_answered(line: CommandLine) -> None:
    """By its id, with what to answer; then it waits no more, and says who answered what."""
    said = line.run("appeals").stdout
    (waiting,) = line.facts("appeals")
    answered = line.facts("appeal", "answer", f" {ID.upper()} ", "--accept", "--answer", "Yes.", "--actor", "ada")

    assert "maker@example.org" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert said.count("\n") == 3
    assert waiting["message"] == HOSTILE
    assert answered == {"state": "accepted", "video_id": "dQw4w9WgXcQ"}
    assert "no appeal is open" in line.run("appeals").stderr
    assert "accepted by ada: Yes." in line.run("appeals", "--answered").stdout
    assert line.rows("SELECT contact, actor FROM appeals") == [("", "ada")]


def test_a_second_answer_is_refused(line: CommandLine) -> None:
    """One line, exit code 1, and the first one stands."""
    line.run("appeal", "answer", ID, "--reject", "--answer", "No.")
    said = line.run("appeal", "answer", ID, "--accept", "--answer", "Yes.", exit_code=1).stderr

    assert said == "Error: this appeal was rejected already, and its answer stands\n"
    assert line.rows("SELECT state, answer FROM appeals") == [("rejected", "No.")]


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        ((ID, "--answer", "x"), 2),
        ((ID, "--accept"), 2),
        ((ID, "--accept", "--answer", " "), 2),
        ((ID, "--accept", "--answer", "x" * 2_001), 2),
        (("3f", "--accept", "--answer", "x"), 2),
        (("0" * 32, "--accept", "--answer", "x"), 1),
    ],
)
def test_wrong_usage_answers_nothing(line: CommandLine, words: tuple[str, ...], exit_code: int) -> None:
    """Without a verdict or words, or about nothing."""
    line.run("appeal", "answer", *words, exit_code=exit_code)

    assert line.rows("SELECT state FROM appeals") == [("open",)]


def test_an_open_appeal_needs_eyes(line: CommandLine) -> None:
    """`realtube review` lists it with the command to run next, on a line that cannot hurt a terminal."""
    (case,) = line.facts("review")
    text = line.run("review").stdout

    assert (case["kind"], case["about"], case["votes"], case["priority"]) == ("appeal", "dQw4w9WgXcQ", 0, 1.0)
    assert case["command"].startswith(f"realtube appeal answer {ID} ")
    assert "\x1b" not in text
