"""Sends votes to an intake over HTTP, through several connections that stay open."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from data.records import RETRACTION, Vote, names_of

ATTEMPTS = 5
"""How often one vote is sent before it counts as failed."""
AGAIN = (0, 503)
"""Worth another attempt: a broken connection, a full queue."""
TIMEOUT_S = 30.0


class VotingFailed(Exception):
    """The intake stopped answering, or answered what no well-meaning client should get."""


@dataclass(slots=True)
class Sending:
    """Votes on their way; read `done` and `statuses` at any time, `join` waits for the end."""

    url: str
    """Where the intake answers, without a slash at the end."""
    votes: Sequence[Vote]
    seconds: float
    """The votes are spread over this time; an intake that is slower stretches it."""
    connections: int = 8
    statuses: Counter[int] = field(default_factory=Counter)
    """Answers by status code."""
    latencies_s: list[float] = field(default_factory=list)
    """Seconds from request to answer."""
    _failures: list[VotingFailed] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _begun_s: float = 0.0

    @property
    def done(self) -> int:
        """Votes that were answered."""
        return len(self.latencies_s)

    def start(self) -> None:
        """Starts one thread a connection; all votes of a voter go through one, in order."""
        self._begun_s = time.monotonic()
        for connection in range(self.connections):
            rows = [row for row, vote in enumerate(self.votes) if self._connection_of(vote) == connection]
            self._threads.append(threading.Thread(target=self._send_all, args=(rows,), daemon=True))
        for thread in self._threads:
            thread.start()

    def running(self) -> bool:
        """Whether votes are still being sent."""
        return any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Sends no more; what is under way is finished."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def check(self) -> None:
        """Looks whether something went wrong.

        Raises:
            VotingFailed: A vote was not taken.
        """
        if self._failures:
            raise self._failures[0]

    def _connection_of(self, vote: Vote) -> int:
        return int(vote.voter_id[:4], 16) % self.connections

    def _send_all(self, rows: list[int]) -> None:
        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "localhost", address.port, timeout=TIMEOUT_S)
        try:
            for row in rows:
                due_s = self._begun_s + self.seconds * row / len(self.votes)
                if self._stop.wait(max(0.0, due_s - time.monotonic())) or self._failures:
                    return
                self._send(connection, self.votes[row])
        except VotingFailed as error:
            self._failures.append(error)
        finally:
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, vote: Vote) -> None:
        method, body = _request(vote)
        begun = time.perf_counter()
        status, answer, retry_after = _exchange(connection, method, body)
        for _ in range(ATTEMPTS - 1):
            if status not in AGAIN or self._stop.wait(retry_after):
                break
            status, answer, retry_after = _exchange(connection, method, body)
        self.statuses[status] += 1
        self.latencies_s.append(time.perf_counter() - begun)
        if status != 200 and not (method == "DELETE" and status == 404):
            raise VotingFailed(f"{method} /api/votes with {body!r} was answered {status}: {answer}")


def _request(vote: Vote) -> tuple[str, bytes]:
    fields: dict[str, object] = {"videoId": vote.video_id, "userId": vote.voter_id}
    if vote.categories == RETRACTION:
        return "DELETE", orjson.dumps(fields)
    names = names_of(vote.categories)
    fields |= {"category": names[0]} if len(names) == 1 else {"categories": names}
    if vote.channel_id:
        fields["channelId"] = vote.channel_id
    return "POST", orjson.dumps(fields)


def _exchange(connection: http.client.HTTPConnection, method: str, body: bytes) -> tuple[int, str, float]:
    """Status (0: the connection broke), what was said, and how long to wait before trying again."""
    try:
        connection.request(method, "/api/votes", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), float(answer.headers.get("Retry-After") or 0)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return 0, repr(error), 0.2
