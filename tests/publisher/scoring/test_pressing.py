"""A publish leaves the list of what needs eyes for the server; it never makes a publish fail."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from data import cases
from data.log import appeals, schema
from data.log.appeals import Appeal
from publisher.scoring.pressing import leave_list
from tests.factories import START_MS, voter_id
from tests.homes import CommandLine, new_home

BURST = 30


@pytest.fixture
def besieged(tmp_path: Path) -> CommandLine:
    """A home in which thirty newcomers flag x within a minute, and its creator objects."""
    made = new_home(tmp_path)
    now_ms = time.time_ns() // 1_000_000
    file = tmp_path / "votes.csv"
    rows = "".join(f"{now_ms - 60_000 + n},{voter_id(n)},x,fully_ai\n" for n in range(BURST))
    file.write_text("cast_at_ms,voter_id,video_id,category\n" + rows)
    made.run("import-votes", file)
    with closing(schema.open_for_append(made.home.votes_log)) as log:
        appeals.open_appeal(log, Appeal("3f" * 16, "x", "I filmed this.", "", now_ms, "open"), "")
    return made


def test_a_publish_leaves_what_review_lists(besieged: CommandLine) -> None:
    """The same cases in the same order, with the position that they were seen at, and nobody's id."""
    listed = besieged.facts("review")
    besieged.run("publish")
    left = cases.read(besieged.home.review)

    assert left is not None
    assert left.position == BURST
    assert [(case.kind, case.about, case.votes) for case in left.cases] == [("appeal", "x", 30), ("burst", "x", 30)]
    assert [case.kind for case in left.cases] == [case["kind"] for case in listed]
    assert left.cases[0].held == left.cases[1].held == 10
    assert voter_id(1).encode() not in besieged.home.review.read_bytes()


def test_what_is_decided_leaves_the_next_list(besieged: CommandLine) -> None:
    """A released burst and an answered appeal need no eyes any more."""
    besieged.run("review", "--release", "x", "--reason", "linked to")
    besieged.run("appeal", "answer", "3f" * 16, "--reject", "--answer", "No.")
    besieged.run("publish")
    left = cases.read(besieged.home.review)

    assert left is not None
    assert left.cases == ()


def test_a_list_rests_for_twenty_times_as_long_as_it_took(besieged: CommandLine) -> None:
    """So that large logs are not read at each tick; a clock that goes back, or another log, makes it anew."""
    times = [START_MS, START_MS + 100]  # it takes 100 ms
    leave_list(besieged.home, lambda: times.pop(0))
    made = []
    for at_ms in (START_MS + 1_999, START_MS + 2_000, START_MS - 1):
        leave_list(besieged.home, lambda at_ms=at_ms: at_ms)  # type: ignore[misc]  # each with its own clock
        left = cases.read(besieged.home.review)
        made.append(left and left.at_ms)
        if left and left.at_ms != START_MS:
            cases.write(besieged.home.review, replace(left, took_ms=100))
    assert made == [START_MS, START_MS + 2_000, START_MS - 1]
    left = cases.read(besieged.home.review)
    assert left is not None
    cases.write(besieged.home.review, replace(left, log_id="cd" * 16))
    leave_list(besieged.home, lambda: START_MS)
    assert (found := cases.read(besieged.home.review)) is not None
    assert found.log_id != "cd" * 16


@pytest.mark.parametrize("option", [("--dry-run",), ("--now-ms", START_MS)])
def test_a_rehearsal_leaves_nothing(besieged: CommandLine, option: tuple[object, ...]) -> None:
    """It is about another time, or about nothing at all."""
    besieged.run("publish", *option)

    assert not besieged.home.review.exists()


def test_a_list_that_cannot_be_written_does_not_undo_a_publish(besieged: CommandLine) -> None:
    """The tick is published, exit code 0, and stderr says what is missing."""
    besieged.home.review.mkdir()
    done = besieged.run("publish")

    assert "published tick 1" in done.stdout
    assert "the list of what needs eyes could not be written" in done.stderr


def test_a_log_that_nobody_brought_up_to_date_is_published(besieged: CommandLine) -> None:
    """The publisher only reads the log: it leaves the list out until a writer has come."""
    with closing(sqlite3.connect(besieged.home.votes_log)) as log:
        log.executescript("DROP TABLE appeals; DROP TABLE pseudonym_key; DROP TABLE tokens; PRAGMA user_version = 3")
    done = besieged.run("publish")

    assert done.stderr == ""
    assert not besieged.home.review.exists()
    assert "earlier version" in besieged.run("explain", "x", exit_code=1).stderr
