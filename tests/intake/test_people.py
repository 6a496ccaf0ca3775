"""What a voter is told of themselves, and taking everything back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.log.append import Decision
from data.records import Vote
from intake.wsgi import now_ms
from tests.factories import DAY_MS, START_MS, Site, vote, voter_id
from tests.homes import CommandLine, new_home
from tests.intake.conftest import Desk

NEWCOMER = {"trustScore": 0.61, "totalVotes": 0, "accuracyRate": 0.0, "accountAge": 0, "isVip": False}


def user(desk: Desk, voter: int) -> Any:
    """What is told of a voter."""
    answer = desk.client.get(f"/api/users/{voter_id(voter)}")
    assert answer.status_code == 200, answer.text
    return answer.json


def own(desk: Desk, voter: int) -> Any:
    """A voter's votes."""
    answer = desk.client.get("/api/votes", query_string={"userId": voter_id(voter)})
    assert answer.status_code == 200, answer.text
    return answer.json["votes"] if answer.json else None


def test_an_unknown_voter_has_what_newcomers_have(desk: Desk) -> None:
    """Defaults, and the trust that a first vote would be told."""
    assert user(desk, 7) == {"userId": voter_id(7)} | NEWCOMER
    assert desk.vote(7, "a", "fully_ai")["userTrust"] == NEWCOMER["trustScore"]


def test_votes_are_counted_while_they_stand(desk: Desk) -> None:
    """Replaced and retracted votes are no standing votes."""
    desk.vote(7, "a", "fully_ai")
    desk.vote(7, "a", "ai_visuals")
    desk.vote(7, "b", "not_ai")
    desk.vote(7, "c", "fully_ai")
    desk.retract(7, "c")
    desk.vote(8, "a", "fully_ai")

    assert user(desk, 7)["totalVotes"] == 2


def test_capitals_and_blanks_are_the_same_voter(desk: Desk) -> None:
    """The id is trimmed and lower-cased as in a vote."""
    desk.vote(171, "a", "fully_ai")
    answer = desk.client.get(f"/api/users/%20{voter_id(171).upper()}%0A")

    assert answer.json == user(desk, 171)


def test_the_age_is_that_of_the_first_vote(desk: Desk) -> None:
    """Whole days; a time before, from elsewhere, counts; so does none in the future."""
    site = desk.site
    now = now_ms()
    site.cast(vote(7, "a", "fully_ai", at_ms=now - 3 * DAY_MS - 5), vote(7, "b", "fully_ai", at_ms=now))
    site.cast(Vote(now, voter_id(8), "a", 1, voter_since_ms=now - 400 * DAY_MS - 5))
    site.cast(vote(9, "a", "fully_ai", at_ms=now + 9 * DAY_MS))

    assert [user(desk, voter)["accountAge"] for voter in (7, 8, 9)] == [3, 400, 0]


def test_a_moderator_is_vip(desk: Desk) -> None:
    """Appointed voters are told so, and their trust."""
    desk.site.appoint(7)

    assert (user(desk, 7)["isVip"], user(desk, 7)["trustScore"]) == (True, 0.982)


def test_accuracy_is_agreement_with_decisions(desk: Desk) -> None:
    """Audited, locked and published-as-AI videos are decided; others say nothing of a voter."""
    site = desk.site
    site.appoint(1, 2)
    site.audit("audited-ai", 1)
    site.audit("audited-human", 0)
    site.decide(Decision(START_MS, "confirm_human", "tests", "tests", video_id="human"))
    site.cast(vote(1, "published", "fully_ai"), vote(2, "published", "fully_ai"))
    site.publish(START_MS)
    assert user(desk, 7)["accuracyRate"] == 0
    desk.vote(7, "undecided", "fully_ai")
    assert user(desk, 7)["accuracyRate"] == 0
    rates = []
    for video_id, kind in (
        ("audited-ai", "fully_ai"), ("audited-human", "fully_ai"), ("human", "not_ai"), ("published", "not_ai"),
        ("published", "ai_visuals"),
    ):  # fmt: skip
        desk.vote(7, video_id, kind)
        rates.append(user(desk, 7)["accuracyRate"])

    assert rates == [1.0, 0.5, 0.667, 0.5, 0.75]


def test_own_votes_are_those_that_stand(desk: Desk) -> None:
    """Each standing vote once, by time, with its categories and the channel that it claims."""
    desk.vote(7, "b", "ai_visuals", "ai_voiceover", channelId="UC_one")
    desk.vote(7, "a", "fully_ai")
    desk.vote(7, "a", "not_ai")
    desk.vote(7, "c", "fully_ai")
    desk.retract(7, "c")
    desk.vote(8, "d", "fully_ai")

    votes = own(desk, 7)
    assert [(one["videoId"], one["categories"], one["channelId"]) for one in votes] == [
        ("b", ["ai_voiceover", "ai_visuals"], "UC_one"),
        ("a", ["not_ai"], ""),
    ]
    assert [one["castAt"] for one in votes] == sorted(one["castAt"] for one in votes)
    assert own(desk, 99) == []


def test_another_installation_takes_own_votes_over(desk: Desk, tmp_path: Path) -> None:
    """The file of one's votes is what `realtube import-votes` reads: the same votes stand there."""
    for number in range(30):
        desk.vote(7, f"v{number}", *(("ai_visuals", "fully_ai") if number % 2 else ("not_ai",)), channelId="UC_one")
    answer = desk.client.get("/api/votes", query_string={"userId": voter_id(7), "format": "ndjson"})
    assert (answer.mimetype, answer.headers["Content-Disposition"]) == (
        "application/x-ndjson", 'attachment; filename="votes.ndjson"',
    )  # fmt: skip
    assert answer.headers["Cache-Control"] == "private, no-cache"
    (tmp_path / "elsewhere").mkdir()
    elsewhere: CommandLine = new_home(tmp_path / "elsewhere")
    found = elsewhere.facts("import-votes", "-", stdin=answer.data)

    assert (found["stored"], found["rejected"]) == (30, 0)
    query = """SELECT cast_at_ms, voter_id, video_id, categories, channel_id
               FROM votes JOIN voters USING (voter) JOIN videos USING (video) JOIN channels USING (channel)
               ORDER BY cast_at_ms"""
    assert elsewhere.rows(query) == CommandLine(desk.site.home).rows(query)


@pytest.mark.parametrize(
    ("query", "code"),
    [("", "INVALID_FIELD"), ("?userId=", "INVALID_FIELD"), ("?userId=xyz", "INVALID_FIELD"),
     ("?userId=" + "a" * 65, "INVALID_FIELD"), ("?userId=a%00", "INVALID_FIELD"),
     ("?userId=a&format=xml", "INVALID_PARAM")],
)  # fmt: skip
def test_what_is_no_voter_is_refused(desk: Desk, query: str, code: str) -> None:
    """Own votes are asked for by an id, in one of two formats."""
    answer = desk.client.get(f"/api/votes{query}")

    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (400, code)
    for method in ("GET", "DELETE"):
        refused = desk.client.open("/api/users/xyz", method=method)
        assert (refused.status_code, (refused.json or {})["error"]["code"]) == (400, "INVALID_FIELD")


def test_everything_is_taken_back_at_once(desk: Desk) -> None:
    """Each standing vote gets a retraction; others' votes stay; a second time there is nothing left to do."""
    for number in range(120):
        desk.vote(7, f"v{number}", "fully_ai")
    desk.vote(8, "v0", "fully_ai")
    desk.retract(7, "v1")
    answer = desk.client.delete(f"/api/users/{voter_id(7).upper()}")

    assert (answer.status_code, answer.json) == (200, {"success": True, "retracted": 119})
    assert own(desk, 7) == []
    assert desk.look_up("v0")["totalVotes"] == 1
    assert desk.look_up("v2") is None
    assert desk.client.delete(f"/api/users/{voter_id(7)}").json == {"success": True, "retracted": 0}
    assert user(desk, 7)["totalVotes"] == 0
    rows = CommandLine(desk.site.home).rows("SELECT count(*), sum(categories = 0) FROM votes")
    assert rows == [(241, 120)]


def test_votes_and_erasures_keep_their_order(desk: Desk, site: Site) -> None:
    """A vote after an erasure stands, one before it does not."""
    desk.vote(7, "a", "fully_ai")
    desk.client.delete(f"/api/users/{voter_id(7)}")
    desk.vote(7, "b", "fully_ai")

    assert [one["videoId"] for one in own(desk, 7)] == ["b"]
    site.publish(now_ms())
