"""Several votes in one request: each is judged and stored as if it had come alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from intake.wire import MOST_VOTES
from tests.factories import voter_id
from tests.homes import CommandLine
from tests.intake.conftest import Desk, OpenDesk

GOOD = {"videoId": "a", "userId": voter_id(1), "category": "fully_ai"}


def send(desk: Desk, *votes: object, **headers: str) -> Any:
    """The results of a batch, which must be answered 200."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = desk.client.post("/api/votes/batch", json={"votes": list(votes)}, headers=named)
    assert answer.status_code == 200, answer.text
    return (answer.json or {})["results"]


def logged(desk: Desk) -> int:
    """How many votes the log holds."""
    return int(CommandLine(desk.site.home).rows("SELECT count(*) FROM votes")[0][0])


def test_each_vote_has_its_result(desk: Desk) -> None:
    """In their order: score and trust, as a vote alone is told."""
    results = send(desk, *({**GOOD, "userId": voter_id(n), "videoId": f"v{n}"} for n in range(MOST_VOTES)))

    assert results == [{"success": True, "newScore": 18, "userTrust": 0.61}] * MOST_VOTES
    assert logged(desk) == MOST_VOTES
    assert desk.look_up("v7")["totalVotes"] == 1


def test_one_bad_vote_never_loses_the_others(desk: Desk) -> None:
    """Whatever stands between them, good votes are stored and bad ones are told why not."""
    bad: list[tuple[object, str]] = [
        ({}, "MISSING_FIELDS"), ({**GOOD, "category": "spam"}, "INVALID_CATEGORY"), (None, "INVALID_BODY"),
        (7, "INVALID_BODY"), ("vote", "INVALID_BODY"), ([GOOD], "INVALID_BODY"),
        ({**GOOD, "videoId": "a b"}, "INVALID_FIELD"), ({**GOOD, "userId": [[]]}, "INVALID_FIELD"),
    ]  # fmt: skip
    votes = [part for n, (one, _) in enumerate(bad) for part in (one, {**GOOD, "userId": voter_id(n)})]
    results = send(desk, *votes)

    assert [one["error"]["code"] for one in results[::2]] == [code for _, code in bad]
    assert all(one["success"] for one in results[1::2])
    assert not any(one["success"] or "newScore" in one for one in results[::2])
    assert logged(desk) == len(bad)


def test_the_last_word_of_a_batch_counts(desk: Desk) -> None:
    """Two votes of one voter on one video: the later one stands."""
    send(desk, GOOD, {**GOOD, "category": "not_ai"}, GOOD, {**GOOD, "category": "ai_visuals"})

    assert set(desk.look_up("a")["categories"]) == {"ai_visuals"}
    assert logged(desk) == 4


def test_what_does_not_fit_the_queue_is_told_so(open_desk: OpenDesk) -> None:
    """Votes beyond the queue are refused one by one; those that were answered well are stored."""
    desk = open_desk(queue_size=4)
    results = send(desk, *({**GOOD, "userId": voter_id(n)} for n in range(MOST_VOTES)))
    stored = [one for one in results if one["success"]]

    assert {one["error"]["code"] for one in results if not one["success"]} <= {"UNAVAILABLE"}
    assert len(stored) >= 4
    assert logged(desk) == len(stored)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_BODY"), (b"[]", "INVALID_BODY"), (b"null", "INVALID_BODY"), (b"{}", "MISSING_FIELDS"),
        (b'{"votes":null}', "MISSING_FIELDS"), (b'{"votes":[]}', "MISSING_FIELDS"),
        (b'{"votes":[ ]}', "MISSING_FIELDS"),
        (b'{"votes":{}}', "INVALID_FIELD"), (b'{"votes":"a"}', "INVALID_FIELD"), (b'{"votes":7}', "INVALID_FIELD"),
        (b'{"votes":[],"votes":[1]}', "INVALID_BODY"), (b'{"votes":[1],"v\\u006ftes":[]}', "INVALID_BODY"),
        (b'{"votes":[1', "INVALID_BODY"), (b'{"votes":[1],"x":"\xff"}', "INVALID_BODY"),
        (b'{"votes":[' + b"[" * 50_000 + b"]" * 50_000 + b"]}", "INVALID_BODY"),
        (json.dumps({"votes": [GOOD] * 101}).encode(), "INVALID_FIELD"),
        (b'{"v\\u006ftes":' + b"9" * 10_000 + b"}", "INVALID_BODY"),
    ],
    ids=lambda part: repr(part)[:30],
)  # fmt: skip
def test_what_is_no_batch_is_refused(desk: Desk, body: bytes, code: str) -> None:
    """A body that is no list of 1-100 votes is refused as a whole, and nothing is stored."""
    answer = desk.client.post("/api/votes/batch", data=body)

    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (400, code)
    assert logged(desk) == 0


def test_a_batch_beyond_1_mib_is_too_large(desk: Desk) -> None:
    """The limit of bodies holds."""
    answer = desk.client.post("/api/votes/batch", json={"votes": [{**GOOD, "userAgent": "x" * 1_100_000}]})

    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (413, "TOO_LARGE")


def test_a_batch_that_comes_again_is_answered_again(desk: Desk) -> None:
    """With an Idempotency-Key each of its votes is carried out once."""
    votes = [GOOD, {**GOOD, "category": "not_ai"}, {}, {**GOOD, "userId": voter_id(2)}]
    first = send(desk, *votes, Idempotency_Key="k")
    desk.vote(3, "a", "fully_ai")

    assert send(desk, *votes, Idempotency_Key="k") == first
    assert logged(desk) == 4
