"""An explanation adds up, names nobody, and its advice is true."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.factories import START_MS, voter_id
from tests.homes import CommandLine, new_home

HEADER = "cast_at_ms,voter_id,video_id,category\n"


@pytest.fixture
def home(tmp_path: Path) -> CommandLine:
    """A home in which three newcomers flag x, one counters, and a moderator flags y."""
    made = new_home(tmp_path)
    rows = [(n, "x", "fully_ai") for n in (1, 2, 3)] + [(4, "x", "not_ai"), (5, "y", "ai_visuals"), (6, "y", "not_ai")]
    votes = tmp_path / "votes.csv"
    votes.write_text(HEADER + "".join(f"{START_MS},{voter_id(n)},{video},{says}\n" for n, video, says in rows))
    made.run("import-votes", votes)
    made.run("moderator", "add", voter_id(5))
    return made


def test_the_parts_add_up(home: CommandLine) -> None:
    """Prior and votes together are the log-odds, and those are the score that is published."""
    found = home.facts("explain", "y")
    home.run("publish")
    table = home.facts("explain", "y")

    assert found["prior"] + sum(vote["counted"] for vote in found["votes"]) == pytest.approx(found["log_odds"])
    assert found["score"] == table["score"]
    assert [vote["level"] for vote in found["votes"]] == ["moderator", "newcomer"]
    assert [vote["counted"] > 0 for vote in found["votes"]] == [True, False]


def test_voters_are_pseudonyms(home: CommandLine) -> None:
    """No voter id, and no part of one, is printed; the same voter has the same name everywhere."""
    texts = [home.run("explain", "x").stdout, json.dumps(home.facts("explain", "x"))]
    texts.append(home.run("explain", "--voter", voter_id(4)).stdout)

    assert all(voter_id(4)[-12:] not in text for text in texts)
    name = texts[2].split(",")[0]
    assert len(name) == 12
    assert all(name in text for text in texts)


@pytest.mark.parametrize(("video", "word"), [("x", "fully_ai"), ("y", "not_ai")])
def test_the_advice_is_true(home: CommandLine, tmp_path: Path, video: str, word: str) -> None:
    """As many moderators as it says cross 50, and one fewer does not."""
    advice = home.facts("explain", video)
    needed = next(change["voters"] for change in advice["changes"] if "moderators" in change["kind"])
    below = advice["score"] < 50
    crossed = []
    for n in range(needed):
        votes = tmp_path / "more.csv"
        votes.write_text(f"{HEADER}{START_MS + 1},{voter_id(100 + n)},{video},{word}\n")
        home.run("moderator", "add", voter_id(100 + n))
        home.run("import-votes", votes)
        crossed.append((home.facts("explain", video)["score"] < 50) != below)

    assert crossed == [False] * (needed - 1) + [True]


def test_rulings_go_before_votes(home: CommandLine) -> None:
    """A lock, a ban and hiding are named, and a locked video has no advice."""
    home.run("lock", "x", "--score", "7", "--reason", "tests")
    home.run("hide", "x", "--reason", "tests")
    home.run("ban", voter_id(1), "--reason", "tests")
    found = home.facts("explain", "x")

    assert found["score"] == 7
    assert found["rulings"] == ["locked by a moderator at 7", "hidden by a moderator: not published"]
    assert found["changes"] == []
    assert [vote["why"] for vote in found["votes"] if vote["level"] == "banned"] == ["banned: counts for nothing"]
    assert "banned" in home.run("explain", "--voter", voter_id(1)).stdout


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        ((), 2, "give either"),
        (("x", "--voter", "aa"), 2, "give either"),
        (("x y",), 2, "expected 1 to 16"),
        (("--voter", "nobody"), 2, "expected 1 to 64 hex"),
        (("unknown",), 1, "nobody has voted on unknown"),
        (("--voter", "abc"), 1, "has never voted"),
    ],
)
def test_what_cannot_be_explained(home: CommandLine, words: tuple[str, ...], exit_code: int, says: str) -> None:
    """A wrong call and an unknown id say so in one line."""
    assert says in home.run("explain", *words, exit_code=exit_code).stderr


def test_held_votes_are_named(home: CommandLine, tmp_path: Path) -> None:
    """Of a burst, the votes that wait weigh nothing and say until when; a release lets them count."""
    now_ms = time.time_ns() // 1_000_000
    votes = tmp_path / "burst.csv"
    votes.write_text(HEADER + "".join(f"{now_ms - 60_000 + n},{voter_id(50 + n)},z,fully_ai\n" for n in range(25)))
    home.run("import-votes", votes)
    found = home.facts("explain", "z")
    waits = [vote for vote in found["votes"] if vote["level"] == "held"]

    assert (found["held"], len(waits)) == (5, 5)
    assert all(vote["why"].startswith("held: a burst, until 20") and vote["counted"] == 0 for vote in waits)
    assert "5 votes are held: a burst" in home.run("explain", "z").stdout
