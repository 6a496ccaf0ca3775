"""A request with an Idempotency-Key is carried out once a day, however often it comes."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from contextlib import closing
from typing import Any

import pytest

from data.log import replies, schema
from data.log.replies import KEPT_MS, Reply
from data.records import Rejection
from tests.factories import START_MS, Site, vote, voter_id
from tests.homes import CommandLine
from tests.intake.conftest import Desk
from tests.intake.serving import StartServer
from tests.intake.test_writer import Answers, OpenWriter, answers, held, open_writer

__all__ = ["answers", "open_writer"]
GOOD = {"videoId": "a", "userId": voter_id(1), "category": "fully_ai"}


def send(desk: Desk, key: str | None, method: str = "POST", **changed: object) -> tuple[int, Any]:
    """Sends a vote or retraction; gives status and answer."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = desk.client.open("/api/votes", method=method, json={**GOOD, **changed}, headers=headers)
    return answer.status_code, answer.json


def logged(desk: Desk) -> int:
    """How many votes the log holds."""
    return int(CommandLine(desk.site.home).rows("SELECT count(*) FROM votes")[0][0])


def post(port: int, body: dict[str, Any], key: str) -> dict[str, Any]:
    """Sends a vote to a real server."""
    request = urllib.request.Request(
        f"http://localhost:{port}/api/votes", json.dumps(body).encode(), {"Idempotency-Key": key}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return dict(json.load(answer))


def test_a_retried_vote_is_answered_as_the_first_was(desk: Desk) -> None:
    """The score of the first answer comes again, though others have voted since; without the key it is today's."""
    first = send(desk, "k")
    for voter in range(2, 9):
        desk.vote(voter, "a", "fully_ai")

    assert send(desk, "k") == first
    assert send(desk, "other")[1]["newScore"] > first[1]["newScore"]
    assert logged(desk) == 8


def test_a_late_retry_does_not_undo_what_came_between(desk: Desk) -> None:
    """A vote, another one in its place, then the first one's retry: the later word stands."""
    send(desk, "k")
    send(desk, None, category="not_ai")
    send(desk, "k")

    assert desk.look_up("a")["categories"] == {}
    assert logged(desk) == 2


def test_a_retried_retraction_is_still_200(desk: Desk) -> None:
    """Without a key the second one finds nothing; with it the first answer comes again."""
    send(desk, None)

    assert send(desk, "k", "DELETE") == send(desk, "k", "DELETE") == (200, {"success": True})
    assert send(desk, None, "DELETE")[0] == 404
    assert send(desk, "before", "DELETE", videoId="b")[0] == 404
    send(desk, None, videoId="b")
    assert send(desk, "before", "DELETE", videoId="b")[0] == 404


@pytest.mark.parametrize(
    "changed", [{"category": "ai_visuals"}, {"videoId": "b"}, {"userId": voter_id(2)}, {"channelId": "UC_one"}]
)
def test_another_request_under_the_same_key_is_another_request(desk: Desk, changed: dict[str, Any]) -> None:
    """A key names one request of one voter: nobody meets another's, and a client that mixes keys up loses no vote."""
    send(desk, "k")

    assert send(desk, "k", **changed)[0] == 200
    assert logged(desk) == 2


@pytest.mark.parametrize("key", ["", "k" * 5_000, "ключ", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a b\tc", "'--"])
def test_any_text_is_a_key(desk: Desk, key: str) -> None:
    """Whatever a client calls its request, it is taken; an empty name is none."""
    assert send(desk, key.encode().decode("latin-1"))[0] == 200
    assert send(desk, key.encode().decode("latin-1"))[0] == 200
    assert CommandLine(desk.site.home).rows("SELECT count(*) FROM replies") == [(int(bool(key)),)]


def test_what_was_refused_is_not_remembered(desk: Desk) -> None:
    """A refused request may come again, corrected or not, under the same key."""
    assert send(desk, "k", category="spam")[0] == 400
    assert send(desk, "k")[0] == 200


def test_the_table_holds_hashes_only(desk: Desk) -> None:
    """Neither the key nor the voter's id stands in the table of answers."""
    send(desk, "secret-name")
    ((request, *_),) = CommandLine(desk.site.home).rows("SELECT * FROM replies")

    assert isinstance(request, bytes)
    assert len(request) == 16
    assert b"secret-name" not in desk.site.home.votes_log.read_bytes()


def test_answers_are_kept_for_a_day(site: Site) -> None:
    """A day later the answer is forgotten, and its row goes with the next one."""
    with closing(schema.open_for_append(site.home.votes_log)) as log:
        replies.keep(log, b"a" * 16, Reply(True, 18, 0.61), START_MS)
        assert replies.find(log, b"a" * 16, START_MS + KEPT_MS - 1) == Reply(True, 18, 0.61)
        assert replies.find(log, b"a" * 16, START_MS + KEPT_MS) is None
        replies.keep(log, b"b" * 16, Reply(False, 0, 0.0), START_MS + KEPT_MS)
        assert log.execute("SELECT count(*) FROM replies").fetchone() == (1,)


def test_names_cannot_be_shifted() -> None:
    """The parts of a name cannot be cut in another way."""
    assert replies.name("a", "bc", "d") != replies.name("ab", "c", "d") != replies.name("a", "b", "cd")


def test_both_of_a_pair_at_once_are_one(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """The same request twice in one batch, with another one between: carried out once, told alike."""
    writer, name = open_writer(vote_timeout_s=30), replies.name("k")
    with held(site):
        writer.submit(vote(1, "a", "fully_ai"), answers.of(0), name)
        writer.submit(vote(1, "a", "not_ai"), answers.of(1))
        writer.submit(vote(1, "a", "fully_ai"), answers.of(2), name)
    first, between, again = answers.wait_for(3)

    assert first is again
    assert not isinstance(first, Rejection)
    assert not isinstance(between, Rejection)
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        assert log.execute("SELECT categories FROM votes ORDER BY position").fetchall() == [(1,), (32,)]


def test_vote_and_answer_stand_or_fall_together(
    site: Site, open_writer: OpenWriter, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """When the answer cannot be kept, the vote is not stored either, and is told so."""

    def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    writer = open_writer()
    with monkeypatch.context() as patched:
        patched.setattr(replies, "keep", broken)
        writer.submit(vote(1, "a", "fully_ai"), answers.of(0), replies.name("k"))
        (refused,) = answers.wait_for(1)
    assert isinstance(refused, Rejection)
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        assert log.execute("SELECT count(*) FROM votes").fetchone() == (0,)
    writer.submit(vote(1, "a", "fully_ai"), answers.of(1), replies.name("k"))
    assert isinstance(answers.wait_for(1)[0], Reply)


def test_a_key_survives_a_kill(site: Site, start: StartServer) -> None:
    """The server is killed after its answer; the retry to the next server is told the same."""
    server = start(min_free_mb=0)
    first = post(server.port, GOOD, "k")
    server.process.kill()
    server.process.wait()
    server = start(min_free_mb=0)
    for voter in range(2, 7):
        post(server.port, {**GOOD, "userId": voter_id(voter)}, "")

    assert post(server.port, GOOD, "k") == first
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        assert log.execute("SELECT count(*) FROM votes").fetchone() == (6,)
