"""What needs eyes is listed by reach and uncertainty, what was decided or is ordinary is not."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.cases import Case
from data.columns import Decisions, Votes
from data.decisions import audits_and_moderators
from data.holds import DAY_MS
from data.records import NOT_AI_BIT
from data.standing import Standing
from data.voters import ESTABLISHED, NEWCOMER, Voters
from publisher.scoring.explain import explain_video
from publisher.scoring.review import review
from publisher.scoring.wording import video_text
from tests.factories import voter_id
from tests.homes import CommandLine, new_home
from tests.publisher.scoring.crowds import NOW_MS, decided, together, votes

HEADER = "cast_at_ms,voter_id,video_id,category\n"
LEARNED = Standing(
    "",
    0,
    NOW_MS,
    prior=-2.0,
    voters=Voters(
        level=np.repeat(np.array([NEWCOMER, ESTABLISHED, NEWCOMER], np.uint8), (1, 49, 250)),
        flag_weight=np.full(300, 0.9),
        counter_weight=np.full(300, 1.0),
        proven=np.repeat([0.0, 0.9, 0.0], (1, 49, 250)),
        cluster=np.repeat(np.array([0, 200, 0], np.int32), (200, 8, 92)),
    ),
)
"""Voters 1 to 49 are established, 200 to 207 a cluster."""
NO_RULINGS = decided()


def cast(rows: list[tuple[int, int, int]], *, ago_ms: int, first_position: int = 1) -> Votes:
    """Votes of (voter, video, categories), all at one time."""
    made = votes(rows, first_position=first_position)
    return replace(made, cast_at_ms=np.full(len(rows), NOW_MS - ago_ms))


def listed(cast_votes: Votes, rulings: Decisions = NO_RULINGS, limit: int = 20) -> list[Case]:
    """The cases of some votes."""
    return review(
        cast_votes, rulings, LEARNED, now_ms=NOW_MS, limit=limit, video_id="v{}".format, pseudonym="someone {}".format
    )


BURST = cast([(voter, 7, 1) for voter in range(60, 90)], ago_ms=1000)
DISPUTE = cast([(n, 8, 1) for n in range(1, 8)] + [(n, 8, NOT_AI_BIT) for n in range(8, 11)], ago_ms=9 * DAY_MS)
RING = cast([(n, video, 1) for n in range(200, 208) for video in (20, 21)] + [(200, 22, 1)], ago_ms=DAY_MS)


def test_a_held_burst_is_listed() -> None:
    """With how many are held, where they lead, and how to release them."""
    (case,) = listed(BURST)
    assert (case.kind, case.about, case.votes, case.held) == ("burst", "v7", 30, 10)
    assert case.command == "realtube review --release v7 --reason …"
    assert case.why.startswith("10 flags and 0 counter-votes are held; counted, they lead from ")
    assert listed(replace(BURST, cast_at_ms=BURST.cast_at_ms - 9 * DAY_MS)) == []
    assert listed(BURST.take(np.arange(20))) == []


def test_a_dispute_is_listed() -> None:
    """Votes of weight on both sides, near 50; one-sided videos are not."""
    (case,) = listed(DISPUTE)
    assert (case.kind, case.about, case.votes, case.command) == ("dispute", "v8", 10, "realtube explain v8")
    assert case.why == "7 flags against 3 counter-votes, both sides of weight"
    assert 30 <= case.score <= 70
    assert listed(DISPUTE.take(np.arange(7))) == []


def test_a_cluster_that_votes_now_is_listed() -> None:
    """Under its first voter's pseudonym, with the video to look at; one that rests is not."""
    (case,) = listed(RING)
    assert (case.kind, case.about, case.votes, case.voters) == ("cluster", "someone 200", 17, 8)
    assert (case.why, case.command) == (
        "8 voters vote together on 3 videos, 17 votes in three days",
        "realtube explain v20",
    )
    assert listed(replace(RING, cast_at_ms=RING.cast_at_ms - 9 * DAY_MS)) == []
    assert listed(RING.take(np.flatnonzero(RING.voter < 204))) == []


@pytest.mark.parametrize("kind", ["audit", "lock", "confirm_human"])
def test_what_was_decided_needs_no_eyes(kind: str) -> None:
    """An audited or locked video is not listed, whatever votes say."""
    audited = audits_and_moderators(np.array([7, 8], np.int32), np.ones(2, np.uint8), np.empty(0, np.int32))
    assert listed(together(BURST, DISPUTE), replace(audited, kind=[kind, kind])) == []


def test_the_most_pressing_comes_first() -> None:
    """By reach times uncertainty, never more than asked for; nothing at all of an empty log."""
    whole = together(RING, DISPUTE, BURST)
    cases = listed(whole)
    assert {case.kind for case in cases} == {"burst", "cluster", "dispute"}
    assert [case.priority for case in cases] == sorted((case.priority for case in cases), reverse=True)
    assert all(0 <= case.priority <= case.votes for case in cases)
    assert listed(whole, limit=1) == cases[:1]
    assert listed(BURST.take(np.arange(0))) == []


@pytest.fixture
def besieged(tmp_path: Path) -> CommandLine:
    """A home in which thirty newcomers flag x within a minute."""
    made = new_home(tmp_path)
    now_ms = time.time_ns() // 1_000_000
    file = tmp_path / "votes.csv"
    file.write_text(HEADER + "".join(f"{now_ms - 60_000 + n},{voter_id(n)},x,fully_ai\n" for n in range(30)))
    made.run("import-votes", file)
    return made


def test_a_release_from_the_command_line(besieged: CommandLine) -> None:
    """What is listed is gone once it is released, and the decision says who and why."""
    (case,) = besieged.facts("review")
    text = besieged.run("review").stdout
    besieged.run("review", "--release", "x", "--reason", "linked to", "--actor", "ada")

    assert (case["kind"], case["about"], case["held"]) == ("burst", "x", 10)
    assert "next: realtube review --release x --reason …" in text
    assert all(voter_id(n) not in text for n in range(30))
    assert besieged.run("review").stdout == "nothing needs eyes\n"
    assert besieged.facts("explain", "x")["held"] == 0
    (made,) = besieged.facts("decisions")
    assert (made["kind"], made["video_id"], made["actor"], made["reason"]) == ("release", "x", "ada", "linked to")


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (("--release", "x"), 2, "needs --reason"),
        (("--release", "x", "--reason", ""), 2, "needs --reason"),
        (("--release", "x y", "--reason", "r"), 2, "expected 1 to 16"),
        (("--release", "", "--reason", "r"), 2, "expected 1 to 16"),
        (("--release", "unknown", "--reason", "r"), 1, "nobody has voted on unknown"),
        (("--reason", "r"), 2, "stand beside --release"),
        (("--limit", "0"), 2, "0 is not in the range"),
    ],
)
def test_what_cannot_be_released(besieged: CommandLine, words: tuple[str, ...], exit_code: int, says: str) -> None:
    """A wrong call says so in one line and appends nothing."""
    assert says in besieged.run("review", *words, exit_code=exit_code).stderr
    assert besieged.facts("decisions") == []


def test_explain_says_which_votes_repeat_their_cluster() -> None:
    """Of a cluster's eight votes one counts; the others are named, and told together in one line."""
    about = RING.take(RING.video == 20)
    found = explain_video(
        (20, "v20"), about, NO_RULINGS, LEARNED, pseudonym=str, channel_id=str, now_ms=NOW_MS
    )  # fmt: skip
    assert (found.clustered, len(found.votes)) == (7, 8)
    assert "7 votes repeat their cluster: voters who vote together count once" in video_text(found)
