"""Casting votes and taking them back: what counts, what is answered, what the log holds."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.factories import voter_id
from tests.intake.conftest import Desk, OpenDesk

VIDEO = "dQw4w9WgXcQ"
FIVE = ("fully_ai", "ai_voiceover", "ai_visuals", "ai_thumbnails", "ai_assisted")


def logged(desk: Desk) -> list[tuple[Any, ...]]:
    """The log's votes as (voter id, video id, categories, channel id), in position order."""
    query = """
        SELECT voter_id, video_id, categories, coalesce(channel_id, '') FROM votes
        JOIN voters USING (voter) JOIN videos USING (video) LEFT JOIN channels USING (channel) ORDER BY position
    """
    with closing(sqlite3.connect(f"file:{desk.site.home.votes_log}?mode=ro", uri=True)) as log:
        return log.execute(query).fetchall()


def test_an_answered_vote_is_in_the_log_and_shown_at_once(desk: Desk) -> None:
    """Once a vote is answered with 200 it is stored, and a look-up shows the provisional score of the answer."""
    answer = desk.vote(1, VIDEO, "fully_ai")

    assert answer == {"success": True, "newScore": 18, "userTrust": 0.61}
    assert logged(desk) == [(voter_id(1), VIDEO, 1, "")]
    shown = desk.look_up(VIDEO)
    assert shown.pop("lastUpdated").endswith("Z")
    assert shown == {
        "videoId": VIDEO,
        "score": 18,
        "categories": {"fully_ai": {"votes": 1, "weightedScore": 18}},
        "totalVotes": 1,
        "locked": False,
        "channelId": "",
        "channelScore": 0,
    }


def test_the_very_same_vote_again_changes_nothing(desk: Desk) -> None:
    """A repeated vote is answered like the first one and moves no count."""
    assert desk.vote(1, VIDEO, "fully_ai") == desk.vote(1, VIDEO, "fully_ai")

    assert len(logged(desk)) == 1
    assert desk.look_up(VIDEO)["totalVotes"] == 1


def test_another_vote_of_the_same_voter_replaces_the_first(desk: Desk) -> None:
    """A voter's last word on a video is the one that counts."""
    desk.vote(1, VIDEO, "fully_ai")
    desk.vote(1, VIDEO, "ai_voiceover")

    assert desk.look_up(VIDEO)["categories"] == {"ai_voiceover": {"votes": 1, "weightedScore": 18}}
    assert [vote[2] for vote in logged(desk)] == [1, 2]


def test_five_agreeing_voters_in_five_categories_do_not_cancel(desk: Desk) -> None:
    """Categories do not compete: five flags of five kinds score a video as five flags of one kind do."""
    for voter, category in enumerate(FIVE):
        desk.vote(voter, "five-kinds", category)
        desk.vote(voter, "one-kind", "fully_ai")

    assert desk.look_up("five-kinds")["score"] == desk.look_up("one-kind")["score"] > 35
    assert set(desk.look_up("five-kinds")["categories"]) == set(FIVE)


def test_a_vote_may_name_several_categories(desk: Desk) -> None:
    """`categories` in place of `category`: one standing vote, each of its categories counted."""
    desk.vote(1, VIDEO, "ai_voiceover", "ai_visuals")

    shown = desk.look_up(VIDEO)
    assert shown["totalVotes"] == 1
    assert {name: kind["votes"] for name, kind in shown["categories"].items()} == {"ai_voiceover": 1, "ai_visuals": 1}


def test_counter_votes_lower_the_score_and_are_shown_when_asked_for(desk: Desk) -> None:
    """`not_ai` counts against, and appears in `categories` only with `include=not_ai`."""
    before = desk.vote(1, VIDEO, "fully_ai")["newScore"]
    after = desk.vote(2, VIDEO, "not_ai")["newScore"]

    assert after < before
    shown = desk.look_up(VIDEO)
    assert set(shown["categories"]) == {"fully_ai"}
    assert shown["totalVotes"] == 2
    whole = desk.client.get(f"/api/videos?videoId={VIDEO}&include=not_ai").json
    assert whole is not None
    assert whole["categories"]["not_ai"] == {"votes": 1, "weightedScore": 100 - after}


@pytest.mark.parametrize("way", ["body", "query"])
def test_a_vote_can_be_taken_back_once(desk: Desk, way: str) -> None:
    """A retraction, in body or query, is 200 while a vote stands and 404 after; then the video is unknown."""
    desk.vote(1, VIDEO, "fully_ai")
    ids = {"videoId": VIDEO, "userId": voter_id(1)}

    def retract() -> tuple[int, Any]:
        answer = desk.client.delete("/api/votes", **({"json": ids} if way == "body" else {"query_string": ids}))
        return answer.status_code, answer.json

    assert retract() == (200, {"success": True})
    assert desk.look_up(VIDEO) is None
    status, said = retract()
    assert (status, said["error"]["code"]) == (404, "NOT_FOUND")
    assert [vote[2] for vote in logged(desk)] == [1, 0]


def test_nothing_can_be_taken_back_that_never_stood(desk: Desk) -> None:
    """A retraction of nothing is 404 and stores nothing, not even the voter."""
    assert desk.retract(1, VIDEO).status_code == 404
    with closing(sqlite3.connect(desk.site.home.votes_log)) as log:
        assert log.execute("SELECT count(*) FROM voters").fetchone() == (0,)


def test_a_retracted_vote_may_come_again(desk: Desk) -> None:
    """After a retraction the same vote is a new one."""
    desk.vote(1, VIDEO, "fully_ai")
    desk.retract(1, VIDEO)
    desk.vote(1, VIDEO, "fully_ai")

    assert desk.look_up(VIDEO)["totalVotes"] == 1


def test_ids_are_trimmed_and_hex_is_lower_cased(desk: Desk) -> None:
    """The same voter writes their id in capitals or with blanks around it."""
    desk.client.post(
        "/api/votes",
        json={"videoId": f" {VIDEO}\n", "userId": " " + voter_id(171).upper() + "\t", "category": " fully_ai "},
    )
    desk.vote(171, VIDEO, "fully_ai")

    assert logged(desk) == [(voter_id(171), VIDEO, 1, "")]


@pytest.mark.parametrize("agent", ["x" * 5000, None, 7, {"a": [1]}, "", "\x00"])
def test_a_user_agent_is_never_a_reason_to_refuse(desk: Desk, agent: object) -> None:
    """`userAgent` is accepted, whatever it is, and dropped."""
    desk.vote(1, VIDEO, "fully_ai", userAgent=agent)


@pytest.mark.parametrize(
    "more", [{"isShort": True, "platformLabelSeen": False}, {"channelId": None}, {"channelId": ""}]
)
def test_fields_that_say_nothing_are_no_reason_either(desk: Desk, more: dict[str, object]) -> None:
    """Unknown fields are dropped, and an empty channel is none."""
    desk.vote(1, VIDEO, "fully_ai", **more)

    assert logged(desk)[0][3] == ""


def test_a_channel_shows_when_two_voters_agree_on_it(desk: Desk) -> None:
    """One client's channel is a claim; two voters' same claim is shown."""
    desk.vote(1, VIDEO, "fully_ai", channelId="UC_one")
    assert desk.look_up(VIDEO)["channelId"] == ""

    desk.vote(2, VIDEO, "not_ai", channelId="UC_one")
    assert desk.look_up(VIDEO)["channelId"] == "UC_one"


def test_a_moderator_added_and_an_audit_made_later_hold_at_once(desk: Desk) -> None:
    """Decisions newer than the last full round count in live scores as they will at the next tick."""
    desk.vote(1, VIDEO, "fully_ai")
    desk.site.appoint(1)
    assert desk.look_up(VIDEO)["score"] == 88

    desk.site.audit(VIDEO, 0)
    assert desk.look_up(VIDEO)["score"] == 1
    assert desk.vote(2, VIDEO, "fully_ai")["newScore"] == 1


def test_no_network_or_address_is_stored_but_its_token(open_desk: OpenDesk) -> None:
    """No file of the home holds a byte of an address; two addresses of one /24 share a token."""
    desk = open_desk(trusted_hops=1)
    for voter, address in enumerate(["203.0.113.77", "203.0.113.78", "198.51.100.9"]):
        desk.client.post(
            "/api/votes",
            json={"videoId": VIDEO, "userId": voter_id(voter), "category": "fully_ai"},
            headers={"X-Forwarded-For": f"10.9.8.7, {address}"},
        )
    desk.intake.close()

    with closing(sqlite3.connect(desk.site.home.votes_log)) as log:
        tokens = [
            row[0] for row in log.execute("SELECT token FROM votes JOIN networks USING (network) ORDER BY position")
        ]
    assert tokens[0] == tokens[1] != tokens[2]
    stored = b"".join(path.read_bytes() for path in desk.site.home.directory.rglob("*") if path.is_file())
    for secret in (b"203.0.113", b"198.51.100", b"10.9.8.7", bytes([203, 0, 113]), b"127.0.0.1"):
        assert secret not in stored
    assert hashlib.sha256(b"203.0.113.77").hexdigest().encode() not in stored
