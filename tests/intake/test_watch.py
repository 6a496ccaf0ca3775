"""What an operator sees: each metric moves when its cause does, and no line gives anybody away."""

from __future__ import annotations

import json
import logging
import re
import signal
import sqlite3
import sys
import threading
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from intake.watch.endpoints import Endpoints, method_of
from intake.watch.lines import MOST_WAITING, Lines, LogLines, as_text
from intake.watch.metrics import Histogram, Reading, text
from intake.wsgi import create, now_ms
from tests.factories import Site, vote, voter_id
from tests.intake.conftest import Desk, OpenDesk
from tests.intake.serving import Server, StartServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
SAMPLE = re.compile(r'(\w+)(?:{((?:\w+="(?:[^"\\\n]|\\.)*",?)*)})? (\S+)')
GOOD = {"videoId": "secretvideo", "userId": voter_id(7), "category": "fully_ai"}


def samples(told: str) -> dict[tuple[str, str], float]:
    """Metrics by name and labels; each line must be well-formed, and no sample there twice."""
    found: dict[tuple[str, str], float] = {}
    for line in told.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP \w+ .+|TYPE \w+ (counter|gauge|histogram))", line)
            continue
        matched = SAMPLE.fullmatch(line)
        assert matched, line
        assert (matched[1], matched[2] or "") not in found
        found[matched[1], matched[2] or ""] = float(matched[3])
    return found


def metrics(desk: Desk) -> dict[tuple[str, str], float]:
    """The metrics of a desk."""
    answer = desk.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return samples(answer.text)


def moved(desk: Desk, cause: Callable[[], object]) -> dict[tuple[str, str], float]:
    """By how much metrics moved."""
    before = metrics(desk)
    cause()
    return {key: value - before.get(key, 0.0) for key, value in metrics(desk).items() if value != before.get(key, 0.0)}


def test_votes_are_counted_by_category(desk: Desk) -> None:
    """What changed something counts, in each of its categories; the same again, refusals and retractions do not."""
    name = "realtube_votes_total"
    first = moved(desk, lambda: desk.vote(1, "a", "fully_ai", "ai_visuals"))
    assert {key: by for key, by in first.items() if key[0] == name} == {
        (name, 'category="fully_ai"'): 1, (name, 'category="ai_visuals"'): 1,
    }  # fmt: skip
    second = moved(desk, lambda: (desk.vote(1, "a", "fully_ai", "ai_visuals"), desk.retract(1, "a")))
    assert not any(key[0] == name for key in second)
    key = {"Idempotency-Key": "k"}
    retried = moved(desk, lambda: [desk.client.post("/api/votes", json=GOOD, headers=key) for _ in range(3)])
    assert retried[name, 'category="fully_ai"'] == 1


def test_commits_are_measured(desk: Desk) -> None:
    """Each commit is in both histograms."""
    found = moved(desk, lambda: desk.vote(1, "a", "fully_ai"))

    assert found["realtube_commit_batch_size_count", ""] == 1
    assert found["realtube_commit_batch_size_sum", ""] == 1
    assert found["realtube_commit_batch_size_bucket", 'le="+Inf"'] == 1
    assert found["realtube_commit_seconds_count", ""] == 1
    assert found["realtube_commit_seconds_sum", ""] > 0


def test_kept_look_ups_are_hits(desk: Desk) -> None:
    """The first look-up of a prefix is worked out, the second is not."""
    first = moved(desk, lambda: desk.client.get("/api/videos/abcd"))
    second = moved(desk, lambda: desk.client.get("/api/videos/abcd"))

    assert first == {("realtube_cache_misses_total", ""): 1}
    assert second == {("realtube_cache_hits_total", ""): 1}


def test_lent_connections_are_counted(desk: Desk) -> None:
    """A connection that somebody reads with is active, and then no more."""
    key = "realtube_db_connection_pool_active", ""
    with desk.intake.readers.connection():
        assert metrics(desk)[key] == 1
    assert metrics(desk)[key] == 0


def test_waiting_votes_are_the_depth_of_the_queue(desk: Desk) -> None:
    """While another process holds the log, votes wait."""
    key = "realtube_writer_queue_depth", ""
    with closing(sqlite3.connect(desk.site.home.votes_log, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        voters = [threading.Thread(target=desk.vote, args=(n, "a", "fully_ai")) for n in range(3)]
        for voter in voters:
            voter.start()
        while metrics(desk)[key] < 3:
            threading.Event().wait(0.01)
        holder.execute("ROLLBACK")
    for voter in voters:
        voter.join()
    assert metrics(desk)[key] == 0


def test_the_age_of_the_last_publish(desk: Desk) -> None:
    """Nothing before the first tick; then its age."""
    key = "realtube_last_publish_age_seconds", ""
    assert key not in metrics(desk)
    desk.site.cast(vote(1, "a", "fully_ai"))
    desk.site.publish(now_ms() - 100_000)

    assert 100 <= metrics(desk)[key] < 160


def test_limited_requests_are_counted(open_desk: OpenDesk) -> None:
    """By limit and by who had spent it."""
    desk = open_desk(rate_limits="on", limit_stats=1, limit_votes=1)
    found = moved(desk, lambda: [desk.client.get("/api/stats") for _ in range(3)])
    assert found["realtube_limited_requests_total", 'limit="stats",per="address"'] == 2
    found = moved(desk, lambda: [desk.client.post("/api/votes", json=GOOD) for _ in range(3)])
    assert found["realtube_limited_requests_total", 'limit="votes",per="voter"'] == 2


def test_the_page_describes_every_metric(desk: Desk) -> None:
    """The table of the page is complete."""
    told = set(re.findall(r"^# TYPE (\w+)", desk.client.get("/metrics").text, re.MULTILINE))
    rows = re.findall(r"^\| (`realtube_[\w`, ]+`) \|", PAGE, re.MULTILINE)

    assert told == {name for row in rows for name in re.findall(r"\w+", row)}


def test_labels_and_histograms_are_written_as_prometheus_reads_them() -> None:
    """Buckets add up, bounds are inclusive, and no label breaks a line."""
    histogram = Histogram("h", "About.", (1.0, 2.0), ("x",))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value, 'a"\\\n')
    found = samples(text([histogram, Reading("g", "About.", "gauge", lambda: {(): 3})]).decode())

    label = r'x="a\"\\\n"'
    assert [found["h_bucket", f'{label},le="{bound}"'] for bound in ("1.0", "2.0", "+Inf")] == [2, 3, 4]
    assert (found["h_sum", label], found["h_count", label], found["g", ""]) == (12.0, 4, 3)


def test_paths_are_named_by_their_route() -> None:
    """Whatever clients ask for, there are as many names as routes."""
    endpoints = Endpoints(["/api/votes", "/api/videos/<prefix>", "/api/users/<user_id>"])
    named = {path: endpoints.of(path) for path in ("/api/votes", "/api/videos/5f6b", "/api/users/ab", "/api/users/a/b")}

    assert list(named.values()) == ["/api/votes", "/api/videos/{prefix}", "/api/users/{userId}", "other"]
    assert {endpoints.of(f"/{n}\n\x00\u2028") for n in range(100)} == {"other"}
    assert [method_of(method) for method in ("GET", "BREW", "get\n")] == ["GET", "other", "other"]


def ask(server: Server, path: str, body: Any = None, **headers: str) -> dict[str, str]:
    """Sends a request, whatever comes of it; gives the answer's headers, names in lower case."""
    raw = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://localhost:{server.port}{path}", raw, headers)
    opener = urllib.request.build_opener(Tolerant)
    with opener.open(request, timeout=10) as answer:
        answer.read()
        return {name.lower(): value for name, value in answer.headers.items()}


class Tolerant(urllib.request.HTTPErrorProcessor):
    """Takes every status."""

    def http_response(self, request: Any, response: Any) -> Any:
        """The response as it is."""
        return response


def test_each_request_is_one_line_that_gives_nobody_away(start: StartServer, site: Site) -> None:
    """Route, status and time of each; no id, address, user agent, query or header; the name is the answer's."""
    server = start(log_requests="on", trusted_hops=1)
    agent, address = "Mozilla/5.0 (Secret)", "203.0.113.77"
    hidden = {"User-Agent": agent, "X-Forwarded-For": address}
    names = [
        ask(server, "/api/votes", GOOD, **hidden)["x-request-id"],
        ask(server, f"/api/users/{voter_id(7)}", **hidden)["x-request-id"],
        ask(server, "/api/videos?videoId=secretvideo&x=secretquery", **hidden)["x-request-id"],
        ask(server, '/api/%0a{"forged":1}', **hidden)["x-request-id"],
        ask(server, "/health/live", **{"X-Request-Id": "from-the-proxy.1"}, **hidden)["x-request-id"],
        ask(server, "/health/live", **{"X-Request-Id": 'x","forged":"1'}, **hidden)["x-request-id"],
    ]
    status, said = server.end(signal.SIGTERM)
    lines = [json.loads(line) for line in said.splitlines()]

    assert status == 0
    assert [line["id"] for line in lines] == names
    assert names[4] == "from-the-proxy.1"
    assert re.fullmatch("[0-9a-f]{16}", names[5])
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/api/votes", 200), ("GET", "/api/users/{userId}", 200), ("GET", "/api/videos", 200),
        ("GET", "other", 404), ("GET", "/health/live", 200), ("GET", "/health/live", 200),
    ]  # fmt: skip
    assert all(line["event"] == "request" and line["ms"] >= 0 and line["at"].endswith("Z") for line in lines)
    for secret in (voter_id(7), agent, address, "secretvideo", "secretquery", "forged", "127.0.0.1"):
        assert secret not in said


def test_names_of_requests_come_from_trusted_proxies_only(start: StartServer) -> None:
    """Without a proxy a client cannot choose under which name it is logged; requests in flight count themselves."""
    server = start()
    assert ask(server, "/health/live", **{"X-Request-Id": "mine"})["x-request-id"] != "mine"

    found = samples(server.get("/metrics").decode())
    assert found["realtube_requests_in_flight", ""] == 1
    key = 'endpoint="/health/live",method="GET",status="200"'
    assert found["realtube_api_request_duration_seconds_count", key] == 1
    ask(server, "/nothing/at/all")
    again = samples(server.get("/metrics").decode())
    name = "realtube_api_request_duration_seconds_count"
    assert again[name, 'endpoint="other",method="GET",status="404"'] == 1


def test_lines_for_people(start: StartServer) -> None:
    """With --log-format text a line reads: time, level, event, the rest."""
    server = start("--log-format", "text", log_requests="on")
    ask(server, "/health/live")
    _, said = server.end(signal.SIGTERM)

    assert re.fullmatch(r"\S+Z info request id=\w+ method=GET path=/health/live status=200 ms=\S+\n", said)
    assert as_text({"at": "T", "message": "a\nb\x1b[2J"}) == b"T message=a\\nb\\x1b[2J\n"


def test_a_traceback_is_one_line_without_secrets() -> None:
    """However long, and whatever a message holds that looks like an id or a key."""
    written: list[bytes] = []
    logger = logging.getLogger("tests")
    with closing(Lines(written.append, lambda: 0)) as lines:
        logger.addHandler(LogLines(lines))
        try:
            raise ValueError(f"bad\nid {voter_id(7)}")
        except ValueError:
            logger.exception("a request of %s failed", voter_id(7))
        logger.handlers.clear()
    (line,) = b"".join(written).splitlines()
    said = json.loads(line)

    assert (said["level"], said["logger"], said["message"]) == ("error", "tests", "a request of [removed] failed")
    assert "ValueError: bad\nid [removed]" in said["traceback"]
    assert voter_id(7).encode() not in line


def test_a_reader_that_hangs_holds_nobody_up() -> None:
    """Lines beyond a bound are dropped and counted; a reader that is gone ends nothing."""
    gate, written = threading.Event(), []

    def stuck(text: bytes) -> None:
        gate.wait()
        written.append(text)

    with closing(Lines(stuck, lambda: 0)) as lines:
        for _ in range(3 * MOST_WAITING):
            lines.put("info", "request")
        assert MOST_WAITING <= lines.dropped <= 2 * MOST_WAITING
        gate.set()
    assert b"".join(written).count(b"\n") == 3 * MOST_WAITING - lines.dropped

    def gone(text: bytes) -> None:
        raise BrokenPipeError

    with closing(Lines(gone, lambda: 0)) as lines:
        lines.put("info", "request")
    assert lines.dropped == 1


def test_a_server_whose_stderr_nobody_reads_answers(start: StartServer) -> None:
    """Far more lines than a pipe holds wait in memory, and requests go on."""
    server = start(log_requests="on")
    for _ in range(1_500):
        server.get("/health/live")

    assert samples(server.get("/metrics").decode())["realtube_log_lines_dropped_total", ""] == 0
    server.process.kill()


def test_other_servers_are_watched_too(site: Site, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The WSGI factory names requests, counts them and writes their lines."""
    app = create({"REALTUBE_HOME": str(site.home.directory), "REALTUBE_MIN_FREE_MB": "0"})
    answer = app.test_client().get("/health/live")
    sys.stderr.flush()
    told = app.test_client().get("/metrics").text

    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])
    key = 'endpoint="/health/live",method="GET",status="200"'
    assert samples(told)["realtube_api_request_duration_seconds_count", key] == 1
