"""Attacks that were seen to work against other servers of this interface, replayed against ours."""

from __future__ import annotations

import json
import sqlite3
import threading
import urllib.request
from contextlib import closing
from typing import Any

import pytest

from data.log.append import Decision
from publisher.settings import PublisherSettings
from tests.factories import HOUR_MS, START_MS, Site, vote, voter_id
from tests.intake.conftest import Desk, OpenDesk
from tests.intake.serving import StartServer

FIVE = ("fully_ai", "ai_voiceover", "ai_visuals", "ai_thumbnails", "ai_assisted")
MINIMUM = PublisherSettings().minimum_score
EVER = "1970-01-01T00:00:00.000Z"


def rows(desk: Desk, table: str) -> int:
    """How many rows a table of the log has."""
    with closing(sqlite3.connect(desk.site.home.votes_log)) as log:
        return int(log.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def stored_bytes(desk: Desk) -> bytes:
    """Every byte that the home holds, the published tree included."""
    return b"".join(path.read_bytes() for path in desk.site.home.directory.rglob("*") if path.is_file())


def delta(desk: Desk, since: str) -> dict[str, Any]:
    """The changes since a token, by video id."""
    answer = desk.client.get("/api/sync/delta", query_string={"since": since}).json
    assert answer is not None
    return {change["videoId"]: change for change in answer["videos"]}


def test_one_vote_does_not_flag(desk: Desk) -> None:
    """One voter alone does not bring a video into the published set, whatever they name."""
    desk.vote(1, "a", *FIVE)
    desk.site.publish(START_MS)

    assert desk.look_up("a")["score"] < MINIMUM
    assert delta(desk, EVER) == {}


def test_five_agreeing_voters_in_five_categories_do_not_cancel(desk: Desk) -> None:
    """Five voters who all say AI, each in another way, flag a video as five who say the same."""
    for voter, category in enumerate(FIVE):
        desk.vote(voter, "five-ways", category)
        desk.vote(voter, "one-way", "fully_ai")
    desk.site.publish(START_MS)
    published = delta(desk, EVER)

    assert published["five-ways"]["score"] == published["one-way"]["score"] >= MINIMUM
    assert set(published["five-ways"]["categories"]) == set(FIVE)


def test_the_same_vote_thrice_counts_once(desk: Desk) -> None:
    """Sent three times, one after the other, a vote moves nothing after the first time."""
    answers = [desk.vote(1, "a", "fully_ai") for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert desk.look_up("a")["totalVotes"] == rows(desk, "votes") == 1


def test_eight_identical_votes_at_once_count_once(site: Site, start: StartServer) -> None:
    """Sent eight times at the same moment to a real server, a vote is stored once and answered alike."""
    server, gate = start(min_free_mb=0), threading.Barrier(8)
    body = json.dumps({"videoId": "a", "userId": voter_id(1), "category": "fully_ai"}).encode()
    answers: list[Any] = []

    def send() -> None:
        request = urllib.request.Request(f"http://localhost:{server.port}/api/votes", body, method="POST")
        gate.wait()
        with urllib.request.urlopen(request, timeout=10) as answer:
            answers.append(json.load(answer))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [{"success": True, "newScore": 18, "userTrust": 0.61}] * 8
    assert json.loads(server.get("/api/videos?videoId=a"))["totalVotes"] == 1
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        assert log.execute("SELECT count(*) FROM votes").fetchone() == (1,)


def test_a_shadow_banned_vote_does_not_count_and_does_not_show(desk: Desk) -> None:
    """A banned voter hears what any voter would; nobody's look-up moves, and none tells of the ban."""
    desk.vote(1, "known", "fully_ai")
    desk.site.decide(Decision(START_MS, "ban", "tests", "tests", voter_id=voter_id(66)))
    before = {name: value for name, value in desk.look_up("known").items() if name != "lastUpdated"}
    banned, free = desk.vote(66, "known", "fully_ai"), desk.vote(2, "other", "fully_ai")

    assert banned["newScore"] > before["score"]
    assert desk.vote(66, "unknown", "fully_ai") == free
    assert {name: value for name, value in desk.look_up("known").items() if name != "lastUpdated"} == before
    assert desk.look_up("unknown")["score"] < free["newScore"]
    assert desk.client.get("/api/videos?videoId=unknown").status_code == 200
    own = desk.client.get(f"/api/users/{voter_id(66)}").json
    assert own is not None
    assert (own["totalVotes"], own["trustScore"]) == (2, free["userTrust"])
    shown = desk.client.get("/api/votes", query_string={"userId": voter_id(66)}).text
    assert "ban" not in shown
    desk.site.publish(START_MS)
    assert "unknown" not in delta(desk, EVER)


def test_a_lock_is_not_overwritten(desk: Desk) -> None:
    """However many vote on a locked video, its score stays the lock's, live and published."""
    desk.vote(1, "a", "fully_ai")
    desk.site.decide(Decision(START_MS, "lock", "tests", "tests", video_id="a", score=90))
    desk.site.publish(START_MS)
    for voter in range(2, 30):
        assert desk.vote(voter, "a", "not_ai")["newScore"] == 90
    desk.site.publish(START_MS + HOUR_MS)

    assert (desk.look_up("a")["score"], desk.look_up("a")["locked"]) == (90, True)
    assert delta(desk, EVER)["a"]["score"] == 90


def test_twelve_thousand_changes_between_two_ticks_all_arrive(desk: Desk) -> None:
    """No row cap: whatever changed between two ticks is in the delta."""
    desk.site.appoint(1)
    desk.site.cast(vote(1, "first", "fully_ai"))
    desk.site.publish(START_MS)
    since = (desk.client.get("/api/sync/full").json or {})["generatedAt"]
    desk.site.cast(*(vote(1, f"v{n}", "ai_visuals", at_ms=START_MS + n) for n in range(12_000)))
    desk.site.publish(START_MS + HOUR_MS)
    changed = delta(desk, since)

    assert set(changed) == {f"v{n}" for n in range(12_000)}
    assert {change["action"] for change in changed.values()} == {"update"}


def test_a_retraction_arrives(desk: Desk) -> None:
    """A video whose votes were taken back leaves every client, however old its token."""
    desk.site.appoint(1)
    desk.vote(1, "a", "fully_ai")
    desk.site.publish(START_MS)
    since = (desk.client.get("/api/sync/full").json or {})["generatedAt"]
    assert delta(desk, EVER)["a"]["action"] == "update"
    desk.retract(1, "a")
    desk.site.publish(START_MS + HOUR_MS)

    assert delta(desk, since)["a"]["action"] == delta(desk, EVER)["a"]["action"] == "remove"
    assert (desk.client.get("/api/sync/full").json or {})["videos"] == []


@pytest.mark.parametrize("path", ["/api/users/{}", "/api/votes?userId={}"])
def test_asking_for_sixty_voters_stores_nothing(desk: Desk, path: str) -> None:
    """Voters that nobody has heard of are answered with defaults, and leave no row and no byte behind."""
    for number in range(60):
        answer = desk.client.get(path.format(voter_id(0xABCDEF00 + number)))
        assert answer.status_code == 200
    assert desk.client.delete(f"/api/users/{voter_id(0xABCDEF00)}").json == {"success": True, "retracted": 0}
    desk.intake.close()

    assert rows(desk, "voters") == rows(desk, "votes") == 0
    assert b"abcdef" not in stored_bytes(desk)


def test_no_stored_byte_holds_an_address(open_desk: OpenDesk) -> None:
    """Whatever a client sends, its address stands nowhere: not in the log, not beside it, not in the tree."""
    desk = open_desk(trusted_hops=1)
    seen = {"X-Forwarded-For": "203.0.113.77", "Idempotency-Key": "k1"}
    six = {"X-Forwarded-For": "2001:db8:77:1::5"}
    body = {"videoId": "a", "userId": voter_id(1), "category": "fully_ai"}
    desk.client.post("/api/votes", json=body, headers=seen)
    desk.client.post("/api/votes/batch", json={"votes": [body | {"userId": voter_id(2)}]}, headers=six)
    desk.client.delete("/api/votes", json={"videoId": "a", "userId": voter_id(2)}, headers=six)
    desk.client.delete(f"/api/users/{voter_id(1)}", headers=seen)
    for path in ("/api/stats", f"/api/users/{voter_id(1)}", "/api/videos?videoId=a", "/api/sync/full"):
        desk.client.get(path, headers=seen)
    desk.site.publish(START_MS)
    desk.intake.close()
    stored = stored_bytes(desk)

    assert rows(desk, "networks") == 2
    for secret in (b"203.0.113", b"2001:db8", b"2001:0db8", bytes([203, 0, 113]), b"\x20\x01\x0d\xb8", b"127.0.0.1"):
        assert secret not in stored
