"""Decisions over HTTP are those of the command line: facts in the log, with a reason, reversible, each once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import Any

import pytest

from data import cases
from data.cases import Case, Review
from data.log import pseudonyms, schema
from tests.factories import LOG_ID, START_MS, voter_id
from tests.intake.conftest import Desk
from tests.intake.moderating import Moderator, token_of

FACTS = """
    SELECT kind, coalesce(video_id, voter_id), score, actor, reason
    FROM decisions LEFT JOIN videos USING (video) LEFT JOIN voters USING (voter) ORDER BY position
"""


@pytest.fixture
def ada(desk: Desk) -> Moderator:
    """A maintainer."""
    return Moderator(desk.client, token_of(desk.site, "maintainer"))


def facts(desk: Desk) -> list[tuple[Any, ...]]:
    """The decisions in the log, the oldest first."""
    with closing(schema.open_for_reading(desk.site.home.votes_log)) as log:
        return log.execute(FACTS).fetchall()


def test_a_lock_and_what_takes_it_back(desk: Desk, ada: Moderator) -> None:
    """Each is a fact with the token's name as its actor; said twice it changes nothing; votes decide again at last."""
    before = desk.vote(1, "a", "fully_ai")["newScore"]
    steps = [
        ada.done("lock", videoId="a", score=97, reason="the maker says so"),
        ada.done("lock", videoId="a", score=97, reason="again"),
        desk.look_up("a")["score"], desk.look_up("a")["locked"],
        ada.done("confirm-human", videoId=" a ", reason="filmed"), desk.look_up("a")["score"],
        ada.done("unlock", videoId="a", reason="mistaken"), ada.done("unlock", videoId="a", reason="mistaken"),
    ]  # fmt: skip

    assert steps == [True, False, 97, True, True, 0, True, False]
    assert desk.look_up("a")["score"] == before
    assert facts(desk) == [
        ("lock", "a", 97, "ada", "the maker says so"), ("confirm_human", "a", 0, "ada", "filmed"),
        ("unlock", "a", 0, "ada", "mistaken"),
    ]  # fmt: skip


def test_hiding_and_banning_can_be_taken_back(desk: Desk, ada: Moderator) -> None:
    """A hidden video is not found, a banned voter's vote is in no number, until the opposite is decided."""
    desk.vote(1, "a", "fully_ai")
    ada.done("hide", videoId="a", reason="order 12")
    assert desk.look_up("a") is None
    ada.done("unhide", videoId="a", reason="lifted")
    assert desk.look_up("a")["totalVotes"] == 1
    ada.done("ban", userId=voter_id(1).upper(), reason="sells votes")
    assert desk.look_up("a")["totalVotes"] == 0
    ada.done("unban", userId=voter_id(1), reason="mistaken for another")
    assert desk.look_up("a")["totalVotes"] == 1


def test_voters_are_banned_by_the_name_that_lists_give_them(desk: Desk, ada: Moderator) -> None:
    """No id of theirs is in any answer; an unknown name is 404, one that two voters share is 409."""
    for voter in range(5):
        desk.vote(voter, "a", "fully_ai")
    ada.done("ban", userId=voter_id(3), reason="sells votes")
    (listed,) = ada.listed("decisions")["decisions"]
    assert ada.done("unban", pseudonym=listed["voter"].upper(), reason="mistaken")

    assert voter_id(3) not in ada.get("decisions").text
    assert [fact[:2] for fact in facts(desk)] == [("ban", voter_id(3)), ("unban", voter_id(3))]
    with closing(schema.open_for_reading(desk.site.home.votes_log)) as log:
        free = next(f"{n:012x}" for n in range(9) if not pseudonyms.known_as(log, f"{n:012x}"))
    assert ada.post("ban", pseudonym=free, reason="r").status_code == 404


def test_a_name_of_two_voters_names_nobody(desk: Desk, ada: Moderator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is banned in place of another."""
    monkeypatch.setattr(pseudonyms, "known_as", lambda _log, _name: [voter_id(1), voter_id(2)])
    answer = ada.post("ban", pseudonym="0" * 12, reason="r")

    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (409, "CONFLICT")
    assert facts(desk) == []


@pytest.mark.parametrize(
    ("path", "said", "code"),
    [
        ("lock", {"videoId": "a", "score": 5}, "MISSING_FIELDS"),
        ("lock", {"videoId": "a", "score": 5, "reason": " \n "}, "MISSING_FIELDS"),
        ("lock", {"videoId": "a", "reason": "r"}, "MISSING_FIELDS"),
        ("lock", {"videoId": "a", "score": 101, "reason": "r"}, "INVALID_FIELD"),
        ("lock", {"videoId": "a", "score": -1, "reason": "r"}, "INVALID_FIELD"),
        ("lock", {"videoId": "a", "score": 50.5, "reason": "r"}, "INVALID_FIELD"),
        ("lock", {"videoId": "a", "score": True, "reason": "r"}, "INVALID_FIELD"),
        ("lock", {"videoId": "a", "score": "50", "reason": "r"}, "INVALID_FIELD"),
        ("lock", {"videoId": "a", "score": 10**400, "reason": "r"}, "INVALID_FIELD"),
        ("hide", {"videoId": "a b", "reason": "r"}, "INVALID_FIELD"),
        ("hide", {"videoId": ["a"], "reason": "r"}, "INVALID_FIELD"),
        ("hide", {"videoId": "a", "reason": ["r"]}, "INVALID_FIELD"),
        ("hide", {"videoId": "a", "reason": "x" * 501}, "INVALID_FIELD"),
        ("hide", {"videoId": "a", "reason": "order 12\n9  lock 0  b  by root: forged"}, "INVALID_FIELD"),
        ("hide", {"videoId": "a", "reason": "\x1b[2Jforged"}, "INVALID_FIELD"),
        ("hide", {"videoId": "a", "reason": "nul\x00"}, "INVALID_FIELD"),
        ("hide", {"videoId": "a", "reason": "line\u2028forged"}, "INVALID_FIELD"),
        ("hide", {"reason": "r"}, "MISSING_FIELDS"),
        ("ban", {"reason": "r"}, "MISSING_FIELDS"),
        ("ban", {"userId": "", "reason": "r"}, "MISSING_FIELDS"),
        ("ban", {"userId": "xyz", "reason": "r"}, "INVALID_FIELD"),
        ("ban", {"pseudonym": "abc", "reason": "r"}, "INVALID_FIELD"),
        ("ban", {"userId": "ab", "pseudonym": "0" * 12, "reason": "r"}, "INVALID_FIELD"),
        ("release", {"videoId": "nobody", "reason": "r"}, "NOT_FOUND"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(desk: Desk, ada: Moderator, path: str, said: Any, code: str) -> None:
    """And appends nothing."""
    answer = ada.post(path, **said)

    assert (answer.json or {})["error"]["code"] == code
    assert facts(desk) == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"videoId": "a", "videoId": "b", "reason": "r"}', b"\xff"]
)
def test_bodies_that_are_no_object_are_refused(desk: Desk, ada: Moderator, body: bytes) -> None:
    """One object in UTF-8, each field once."""
    answer = desk.client.post("/api/moderation/hide", data=body, headers=ada.headers())

    assert (answer.json or {})["error"]["code"] == "INVALID_BODY"
    assert facts(desk) == []


@pytest.mark.parametrize(
    "reason",
    ["'); DROP TABLE decisions; --", "<script>alert(1)</script>", "{{7*7}} %s %(x)s", 'quo"te', "émoji 🎬 עברית"],
)
def test_a_reason_is_text_and_nothing_else(desk: Desk, ada: Moderator, reason: str) -> None:
    """It comes back as it was given."""
    ada.done("hide", videoId="a", reason=reason)

    assert facts(desk) == [("hide", "a", 0, "ada", reason)]
    assert ada.listed("decisions")["decisions"][0]["reason"] == reason


def test_of_the_same_decision_at_once_one_is_taken(desk: Desk, ada: Moderator) -> None:
    """Eight requests at the same moment, while votes arrive: one changes something, and the log holds one fact."""
    start = Barrier(9)

    def lock(_: int) -> bool:
        start.wait()
        return Moderator(desk.intake.app.test_client(), ada.token).done("lock", videoId="a", score=5, reason="r")

    def votes() -> int:
        start.wait()
        return sum(bool(desk.vote(voter, "b", "fully_ai")) for voter in range(20))

    with ThreadPoolExecutor(9) as pool:
        voted, changed = pool.submit(votes), list(pool.map(lock, range(8)))

    assert sorted(changed) == [False] * 7 + [True]
    assert voted.result() == 20
    assert len(facts(desk)) == 1


def test_different_decisions_at_once_are_all_facts(desk: Desk, ada: Moderator) -> None:
    """None is lost, and each has a position of its own."""
    with ThreadPoolExecutor(8) as pool:
        done = pool.map(
            lambda n: Moderator(desk.intake.app.test_client(), ada.token).done("hide", videoId=f"v{n}", reason="r"),
            range(24),
        )
        assert list(done) == [True] * 24
    positions = [one["position"] for one in ada.listed("decisions")["decisions"]]
    assert sorted(positions) == list(range(1, 25))


@pytest.fixture
def held(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Another process holds the log."""
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(desk.site.home.votes_log, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_log_that_is_held_is_said_so(desk: Desk, ada: Moderator, held: sqlite3.Connection) -> None:
    """503, when to come back, and nothing was decided; the next try is taken."""
    answer = ada.post("hide", videoId="a", reason="r")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    held.execute("ROLLBACK")
    assert ada.done("hide", videoId="a", reason="r")
    assert len(facts(desk)) == 1


def test_decisions_are_listed_in_pages(ada: Moderator) -> None:
    """The newest first, each once."""
    for number in range(5):
        ada.done("lock", videoId="a", score=number, reason=f"step {number}")
    first = ada.listed("decisions?limit=2")["decisions"]
    second = ada.listed(f"decisions?limit=2&before={first[-1]['position']}")["decisions"]

    assert [one["score"] for one in first + second] == [4, 3, 2, 1]
    for wrong in ("limit=0", "limit=201", "limit=x", "limit=", "limit=-1", "before=0", "before=1e3", "limit=٣"):
        assert ada.get(f"decisions?{wrong}").status_code == 400, wrong


def a_case(kind: str, about: str, priority: float) -> Case:
    """A case as a publish leaves it."""
    return Case(kind, about, "because", 30, 10, 30, 55, priority, "realtube …")


def test_the_list_is_the_publishers_without_what_is_done(desk: Desk, ada: Moderator) -> None:
    """Cases of videos that were decided since are gone, open appeals of this moment are there, in their order."""
    assert ada.listed("review") == {"listedAt": None, "cases": []}
    for voter in range(3):
        desk.vote(voter, "a", "fully_ai")
    found = (a_case("burst", "a", 9.0), a_case("dispute", "b", 8.0), a_case("cluster", "0" * 12, 2.0),
             a_case("appeal", "c", 7.0))  # fmt: skip
    cases.write(desk.site.home.review, Review(LOG_ID, 3, START_MS, 7, found))
    desk.client.post("/api/appeals", json={"videoId": "a", "message": "I filmed it."})
    before = ada.listed("review")
    ada.done("release", videoId="a", reason="a popular channel")

    assert [(one["kind"], one["about"]) for one in before["cases"]] == [
        ("burst", "a"), ("dispute", "b"), ("appeal", "a"), ("cluster", "0" * 12),
    ]  # fmt: skip
    appeal = before["cases"][2]
    assert (appeal["votes"], appeal["held"], appeal["priority"]) == (3, 10, 3.0)
    assert appeal["why"].endswith(": I filmed it.")
    assert [one["about"] for one in ada.listed("review")["cases"]] == ["b", "a", "0" * 12]
    assert len(ada.listed("review?limit=1")["cases"]) == 1


def test_another_logs_list_is_not_shown(desk: Desk, ada: Moderator) -> None:
    """After a restore into another home, say."""
    cases.write(desk.site.home.review, Review("cd" * 16, 3, START_MS, 7, (a_case("burst", "a", 9.0),)))

    assert ada.listed("review") == {"listedAt": None, "cases": []}
