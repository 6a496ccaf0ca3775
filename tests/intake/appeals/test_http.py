"""Creators object over HTTP; who knows an appeal's id is told what became of it, and nobody else anything."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from werkzeug.test import TestResponse

from data.log import appeals, schema
from tests.factories import START_MS, Site
from tests.intake.conftest import Desk, OpenDesk
from tests.intake.moderating import Moderator, token_of
from tests.publisher.test_privacy import published_texts

MESSAGE, CONTACT = "I filmed this myself.\nThe raw files are here.", "maker-at-home@example.org"


def objects(desk: Desk, address: str = "203.0.113.7", **said: Any) -> TestResponse:
    """Opens an appeal from an address, as far as a header says it."""
    body = {"videoId": "a", "message": MESSAGE, "contact": CONTACT, **said}
    return desk.client.post("/api/appeals", json=body, headers={"X-Forwarded-For": address})


def bob(desk: Desk) -> Moderator:
    """A moderator."""
    return Moderator(desk.client, token_of(desk.site, "moderator", "bob"))


def test_from_objection_to_answer(desk: Desk) -> None:
    """Open with an id that cannot be guessed; then the answer, its time, and nothing of who answered or wrote."""
    opened, moderator = objects(desk).json or {}, bob(desk)
    where = f"/api/appeals/{opened['appealId']}"
    waiting = desk.client.get(where)
    listed = moderator.listed("appeals")["appeals"]
    answered = moderator.post(f"appeals/{opened['appealId'].upper()}", state="rejected", answer="The voice is\nmade.")
    shown = desk.client.get(where)
    told = shown.json or {}

    assert len(opened["appealId"]) == 32
    assert waiting.json == opened == {**opened, "videoId": "a", "state": "open"}
    assert waiting.headers["Cache-Control"] == "no-store"
    assert listed == [{**opened, "message": MESSAGE, "contact": CONTACT}]
    assert answered.json == told == {
        **opened, "state": "rejected", "answeredAt": told["answeredAt"], "answer": "The voice is\nmade.",
    }  # fmt: skip
    for secret in ("bob", CONTACT, "raw files"):
        assert secret not in shown.text
    assert moderator.listed("appeals") == {"appeals": []}
    (done,) = moderator.listed("appeals?state=answered")["appeals"]
    assert (done["actor"], done["message"], "contact" in done) == ("bob", MESSAGE, False)
    assert moderator.get("appeals?state=open%20").status_code == 400


def test_an_answer_is_given_once(desk: Desk) -> None:
    """Of eight at once one is taken; later ones are told that it stands."""
    appeal_id, token = (objects(desk).json or {})["appealId"], token_of(desk.site, "moderator")

    def answer(number: int) -> int:
        moderator = Moderator(desk.intake.app.test_client(), token)
        return moderator.post(f"appeals/{appeal_id}", state="accepted", answer=f"answer {number}").status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(answer, range(8))) == [200] + [409] * 7
    before = desk.client.get(f"/api/appeals/{appeal_id}").json
    assert answer(9) == 409
    assert desk.client.get(f"/api/appeals/{appeal_id}").json == before


@pytest.mark.parametrize("said", [
    {"state": "open", "answer": "x"}, {"state": "accepted"}, {"answer": "x"}, {"state": "accepted", "answer": " "},
    {"state": "accepted", "answer": "x" * 2_001}, {"state": ["accepted"], "answer": "x"},
    {"state": "accepted\x00", "answer": "x"}, {"state": "accepted", "answer": "\x1b[2J"},
])  # fmt: skip
def test_half_an_answer_is_none(desk: Desk, said: dict[str, Any]) -> None:
    """The appeal stays open."""
    appeal_id = (objects(desk).json or {})["appealId"]

    assert bob(desk).post(f"appeals/{appeal_id}", **said).status_code == 400
    assert (desk.client.get(f"/api/appeals/{appeal_id}").json or {})["state"] == "open"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"videoId": None}, "MISSING_FIELDS"), ({"videoId": ""}, "MISSING_FIELDS"), ({"message": ""}, "MISSING_FIELDS"),
        ({"message": " \n\t"}, "MISSING_FIELDS"), ({"message": None}, "MISSING_FIELDS"),
        ({"message": "x" * 2_001}, "INVALID_FIELD"), ({"message": "a\x00b"}, "INVALID_FIELD"),
        ({"message": "\x1b]0;title\x07"}, "INVALID_FIELD"), ({"message": {"a": 1}}, "INVALID_FIELD"),
        ({"videoId": "<script>"}, "INVALID_FIELD"), ({"contact": "x" * 201}, "INVALID_FIELD"),
        ({"contact": "a\nBcc: b"}, "INVALID_FIELD"), ({"contact": 5}, "INVALID_FIELD"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(desk: Desk, said: dict[str, Any], code: str) -> None:
    """And stored nowhere."""
    answer = objects(desk, **said)

    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (400, code)
    with closing(schema.open_for_reading(desk.site.home.votes_log)) as log:
        assert appeals.every_open(log) == []


def test_a_contact_need_not_be_given(desk: Desk) -> None:
    """Null, empty or absent."""
    for contact in (None, "", "  "):
        assert objects(desk, contact=contact).status_code == 200
    assert desk.client.post("/api/appeals", json={"videoId": "a", "message": "no"}).status_code == 200


def test_unknown_ids_are_told_nothing(desk: Desk) -> None:
    """404; what is no id at all is 400."""
    objects(desk)
    moderator = bob(desk)

    for unknown in ("0" * 32, "f" * 32):
        assert desk.client.get(f"/api/appeals/{unknown}").status_code == 404
        assert moderator.post(f"appeals/{unknown}", state="accepted", answer="x").status_code == 404
    for wrong in ("1", "x" * 32, "0" * 33, "%25", "' OR 1=1 --"):
        assert desk.client.get(f"/api/appeals/{wrong}").status_code == 400, wrong


def test_a_network_has_a_few_a_day(open_desk: OpenDesk) -> None:
    """One more is 429 with when to come back, from any address of the network; other networks are not kept out."""
    desk = open_desk(trusted_hops=1)
    statuses = [objects(desk, f"203.0.113.{n}").status_code for n in range(appeals.A_NETWORK_A_DAY + 1)]
    refused = objects(desk, "203.0.113.99")

    assert statuses == [200] * appeals.A_NETWORK_A_DAY + [429]
    assert (refused.json or {})["error"]["retryAfter"] == int(refused.headers["Retry-After"]) == 3_600
    assert objects(desk, "198.51.100.7").status_code == 200


def test_an_address_cannot_be_chosen_by_a_header(desk: Desk) -> None:
    """Without a trusted proxy, what a header claims counts for nothing."""
    statuses = [objects(desk, f"198.51.{n}.1").status_code for n in range(appeals.A_NETWORK_A_DAY + 1)]

    assert statuses[-1] == 429


def test_no_address_is_stored_and_nothing_is_published(site: Site, open_desk: OpenDesk) -> None:
    """Not in any file of the home; what creators wrote stays out of what everybody can download."""
    desk = open_desk(trusted_hops=1)
    desk.vote(1, "a", "fully_ai")
    objects(desk, "203.0.113.77")
    site.publish(START_MS)
    texts = published_texts(site)

    assert all(b"203.0.113" not in path.read_bytes() for path in site.home.directory.rglob("*") if path.is_file())
    assert texts
    for path, text in texts:
        assert CONTACT.encode() not in text, path
        assert b"raw files" not in text, path


def test_a_log_that_is_held_is_said_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, and nothing was stored."""
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(desk.site.home.votes_log, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = objects(desk)
        other.execute("ROLLBACK")

    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (503, "UNAVAILABLE")
    assert objects(desk).status_code == 200
