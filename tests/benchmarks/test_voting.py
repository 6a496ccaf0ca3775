"""Sending votes over HTTP: order, retries, and what counts as a failure."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from benchmarks.voting import Sending, VotingFailed
from data.records import RETRACTION, Vote


class _Intake(http.server.ThreadingHTTPServer):
    """Remembers what it was sent; answers with the statuses it was given, then 200."""

    daemon_threads = True

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.taken, self.lock = statuses, cast(list[tuple[str, dict[str, Any]]], []), threading.Lock()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Take a vote, or refuse it."""
        server = cast(_Intake, self.server)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            status = server.statuses.pop(0) if server.statuses else 200
            if status == 200:
                server.taken.append((self.command, body))
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Retry-After", "0")
        self.end_headers()

    def do_DELETE(self) -> None:
        """Take a retraction, or refuse it."""
        self.do_POST()


@contextmanager
def intake(*statuses: int) -> Iterator[_Intake]:
    """A small web server."""
    with _Intake(list(statuses)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def sent(server: _Intake, votes: list[Vote]) -> Sending:
    """All of these votes, sent."""
    sending = Sending(f"http://127.0.0.1:{server.server_port}", votes, seconds=0.0, connections=4)
    sending.start()
    while sending.running():
        sending.check()
    sending.stop()
    return sending


def vote(voter: int, categories: int, channel_id: str = "") -> Vote:
    """A vote about some video."""
    return Vote(0, f"{voter:064x}", "abc", categories, channel_id=channel_id)


def test_bodies() -> None:
    """One category, several, a channel, a retraction: each in the form of the HTTP contract."""
    voter_id = f"{1:064x}"
    votes = [vote(1, 1), vote(1, 6), vote(1, 32, channel_id="UCx"), vote(1, RETRACTION)]
    with intake() as server:
        assert sent(server, votes).done == 4
    assert server.taken == [
        ("POST", {"videoId": "abc", "userId": voter_id, "category": "fully_ai"}),
        ("POST", {"videoId": "abc", "userId": voter_id, "categories": ["ai_voiceover", "ai_visuals"]}),
        ("POST", {"videoId": "abc", "userId": voter_id, "category": "not_ai", "channelId": "UCx"}),
        ("DELETE", {"videoId": "abc", "userId": voter_id}),
    ]


def test_votes_of_a_voter_stay_in_order() -> None:
    """However many connections there are, a voter's votes arrive as they were cast."""
    votes = [vote(number % 7 << 240, 1 << number % 5) for number in range(210)]
    with intake() as server:
        sent(server, votes)
    for voter in range(7):
        cast_order = [1 << number % 5 for number in range(210) if number % 7 == voter]
        names = ["fully_ai", "ai_voiceover", "ai_visuals", "ai_thumbnails", "ai_assisted"]
        arrived = [body["category"] for _, body in server.taken if body["userId"] == f"{voter << 240:064x}"]
        assert arrived == [names[mask.bit_length() - 1] for mask in cast_order]


def test_a_full_queue_and_a_broken_connection_are_tried_again() -> None:
    """503 and a lost connection cost an attempt, not the vote."""
    with intake(503, 0, 503) as server:
        sending = sent(server, [vote(1, 1)])
    assert len(server.taken) == 1
    assert sending.statuses == {200: 1}


def test_a_retraction_of_nothing_is_no_failure() -> None:
    """404 to a retraction is counted, and the next vote is sent."""
    with intake(404) as server:
        sending = sent(server, [vote(1, RETRACTION), vote(1, 1)])
    assert sending.statuses == {404: 1, 200: 1}


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_any_other_answer_is_a_failure(status: int) -> None:
    """What no well-meaning client should get stops the sending."""
    with intake(status) as server, pytest.raises(VotingFailed, match=f"answered {status}"):
        sent(server, [vote(1, 1)]).check()


def test_nobody_there() -> None:
    """A server that is gone is a failure after some attempts."""
    with intake() as server:
        port = server.server_port
    sending = Sending(f"http://127.0.0.1:{port}", [vote(1, 1)], seconds=0.0)
    sending.start()
    while sending.running():
        pass
    with pytest.raises(VotingFailed, match="answered 0"):
        sending.check()
