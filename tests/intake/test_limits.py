"""Rate limits: whoever asks too often is told 429 and when to come back, however they dress up."""

from __future__ import annotations

import json
import re
import secrets
import threading
import urllib.error
import urllib.request
from collections import Counter
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from intake.settings import IntakeSettings
from tests.factories import START_MS, Site, vote, voter_id
from tests.homes import CommandLine
from tests.intake.conftest import Desk, OpenDesk
from tests.intake.serving import Server, StartServer

GOOD = {"videoId": "a", "userId": voter_id(1), "category": "fully_ai"}


def lowered(headers: Message) -> dict[str, str]:
    """Headers by their name in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def send(server: Server, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
    """Status, headers and object of one request over a real socket."""
    raw = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://localhost:{server.port}{path}", raw, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, lowered(answer.headers), json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, lowered(error.headers), json.loads(error.read() or b"null")


def test_no_header_raises_a_limit(start: StartServer, site: Site) -> None:
    """Forty votes with random X-User-ID, X-Forwarded-For and the like: ten get through, the log holds no more."""
    server = start(rate_limits="on", limit_votes=10)
    answers = []
    for n in range(40):
        drawn = secrets.token_hex(32)
        forged = {
            "X-User-ID": drawn, "X-Forwarded-For": f"192.0.2.{n}", "X-Real-IP": f"192.0.2.{n}", "Authorization": drawn,
            "Forwarded": f"for=192.0.2.{n}", "Idempotency-Key": drawn,
        }  # fmt: skip
        answers.append(send(server, "POST", "/api/votes", {**GOOD, "videoId": f"v{n}"}, **forged))
    statuses, (_, headers, said) = Counter(status for status, _, _ in answers), answers[-1]

    assert set(statuses) == {200, 429}
    assert 10 <= statuses[200] <= 12  # one more comes back every six seconds
    assert said["error"]["code"] == "RATE_LIMITED"
    assert said["error"]["retryAfter"] == int(headers["retry-after"]) >= 1
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("10", "0")
    assert 1 <= int(headers["x-ratelimit-reset"]) <= 60
    assert headers["access-control-allow-origin"] == "*"
    assert CommandLine(site.home).rows("SELECT count(*) FROM votes") == [(statuses[200],)]


def test_a_restart_and_a_second_server_keep_the_counts(start: StartServer) -> None:
    """A voter who has spent all is refused by a server beside it, and after a kill by the next one."""
    server = start(rate_limits="on", limit_votes=1)
    assert send(server, "POST", "/api/votes", GOOD)[0] == 200
    threading.Event().wait(0.5)
    beside = start(rate_limits="on", limit_votes=1)
    assert send(beside, "POST", "/api/votes", GOOD)[0] == 429
    for one in (server, beside):
        one.process.kill()
        one.process.wait()

    assert send(start(rate_limits="on", limit_votes=1), "POST", "/api/votes", GOOD)[0] == 429


def test_no_limits_limits_nobody(start: StartServer) -> None:
    """Load tests are not refused."""
    server = start("--no-limits", rate_limits="on", limit_votes=1)

    assert {send(server, "POST", "/api/votes", GOOD)[0] for _ in range(5)} == {200}


def test_trusted_proxies_tell_the_address(start: StartServer) -> None:
    """Behind one proxy the last entry counts, and what clients wrote before it does not."""
    server = start(rate_limits="on", limit_lookups=1, trusted_hops=1)
    first, other = "198.51.100.7", "203.0.113.9"
    statuses = [
        send(server, "GET", "/api/videos/abcd", **{"X-Forwarded-For": forwarded})[0]
        for forwarded in (first, f"9.9.9.9, {first}", f"{other}, {first}", other, f"{first}, {other}")
    ]

    assert statuses == [404, 429, 429, 404, 429]


@pytest.mark.parametrize("path", ["/api/videos/abcd", "/api/videos?videoId=a", "/api/channels/a", "/api/users/a"])
def test_look_ups_share_one_quota(open_desk: OpenDesk, path: str) -> None:
    """Look-ups of all kinds are counted, wrong ones too; a preflight, health and unknown paths are free."""
    desk = open_desk(rate_limits="on", limit_lookups=3)
    for free in ("/health/live", "/health/ready", "/nothing"):
        desk.client.get(free)
        desk.client.options("/api/videos")
    found = [desk.client.get(one).status_code for one in ("/api/videos/xyz", "/api/users/xyz", "/api/votes?userId=a")]

    assert found == [400, 400, 200]
    assert desk.client.get(path).status_code == 429
    assert desk.client.head(path).status_code == 429
    assert desk.client.get("/health/live").status_code == 200


def test_a_kept_look_up_is_counted_once(start: StartServer) -> None:
    """What is answered past the application is limited as what goes through it."""
    server = start(rate_limits="on", limit_lookups=5)

    assert [send(server, "GET", "/api/videos/abcd")[0] for _ in range(8)] == [404] * 5 + [429] * 3


def test_synchronisations_are_counted_when_answered_in_full(open_desk: OpenDesk, site: Site) -> None:
    """A 304 is free, and so is a redirect; the third full answer is refused."""
    site.cast(vote(1, "a", "fully_ai"))
    site.publish(START_MS)
    desk = open_desk(rate_limits="on")
    tag = desk.client.get("/api/sync/full").headers["ETag"]
    for _ in range(20):
        assert desk.client.get("/api/sync/full", headers={"If-None-Match": tag}).status_code == 304
    delta = "/api/sync/delta?since=1970-01-01T00:00:00.000Z"

    assert [desk.client.get(delta).status_code for _ in range(3)] == [200, 429, 429]
    moved = open_desk(rate_limits="on", cdn_url="https://cdn.example", limit_sync=1)
    assert {moved.client.get("/api/sync/full").status_code for _ in range(20)} == {302}


def test_statistics_tell_what_is_left(open_desk: OpenDesk) -> None:
    """Each answer has the three headers; the eleventh is refused; without limits they stand still."""
    desk = open_desk(rate_limits="on")
    answers = [desk.client.get("/api/stats") for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == [*map(str, range(9, -1, -1)), "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"10"}
    assert int(answers[9].headers["X-RateLimit-Reset"]) in {59, 60}
    unlimited = open_desk().client.get("/api/stats").headers
    assert [unlimited[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")] == ["10", "10", "0"]


def test_an_export_an_hour(open_desk: OpenDesk, site: Site) -> None:
    """The second file is refused with its hour; asking what it is, or whether it changed, is free."""
    site.cast(vote(1, "a", "fully_ai"))
    site.publish(START_MS)
    desk = open_desk(rate_limits="on")
    assert desk.client.head("/api/database/export").status_code == 200
    first, second = (desk.client.get("/api/database/export") for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 429)
    assert 3_590 <= int(second.headers["Retry-After"]) <= 3_600
    known = desk.client.get("/api/database/export", headers={"If-None-Match": first.headers["ETag"]})
    assert known.status_code == 304


def test_a_batch_costs_what_its_votes_cost(open_desk: OpenDesk) -> None:
    """Votes beyond the quota are refused one by one and not stored; a batch of nothing else is 429."""
    desk = open_desk(rate_limits="on")
    votes = [{**GOOD, "videoId": f"v{n}"} for n in range(14)]
    results = (desk.client.post("/api/votes/batch", json={"votes": votes}).json or {})["results"]
    again = desk.client.post("/api/votes/batch", json={"votes": votes})

    assert [one["success"] for one in results] == [True] * 10 + [False] * 4
    assert {one["error"]["code"] for one in results[10:]} == {"RATE_LIMITED"}
    assert (again.status_code, (again.json or {})["error"]["code"]) == (429, "RATE_LIMITED")
    assert CommandLine(desk.site.home).rows("SELECT count(*) FROM votes") == [(10,)]


def test_retractions_and_erasures_share_five_a_minute(open_desk: OpenDesk) -> None:
    """Refused ones take nothing back."""
    desk = open_desk(rate_limits="on")
    desk.vote(1, "a", "fully_ai")
    statuses = [desk.retract(1, "b").status_code for _ in range(5)]

    assert statuses == [404] * 5
    assert desk.retract(1, "a").status_code == 429
    assert desk.client.delete(f"/api/users/{voter_id(1)}").status_code == 429
    assert desk.look_up("a")["totalVotes"] == 1
    assert desk.client.delete(f"/api/users/{voter_id(2)}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/votes"), ("POST", "/api/votes/batch"), ("DELETE", "/api/votes")]
)
def test_bodies_that_are_no_votes_cost_the_address(open_desk: OpenDesk, method: str, path: str) -> None:
    """Rubbish is limited too."""
    client = open_desk(rate_limits="on", limit_votes_address=3).client

    assert [client.open(path, method=method, data=b"{").status_code for _ in range(5)] == [400] * 3 + [429] * 2


def test_the_table_of_the_page_is_the_code(desk: Desk) -> None:
    """`docs/api.md` lists each limit with its default and its setting."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| (\d+) an? (?:minute|hour) .*\| `REALTUBE_(\w+)` \|$", page, re.MULTILINE)
    settings = IntakeSettings()

    assert {name.lower(): int(count) for count, name in rows} == {
        name: getattr(settings, name)
        for name in ("limit_lookups", "limit_votes", "limit_votes_address", "limit_retractions", "limit_sync",
                     "limit_stats", "limit_exports")
    }  # fmt: skip
