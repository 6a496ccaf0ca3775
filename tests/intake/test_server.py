"""The real server, in a process of its own: it loses no answered vote, however it ends."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import pytest

from tests.factories import Site, voter_id
from tests.homes import PROJECT

CONNECTIONS = 32
KILLS = 20


@dataclass
class Server:
    """A running `realtube serve`."""

    process: subprocess.Popen[str]
    port: int

    def get(self, path: str) -> bytes:
        """The body of a GET."""
        with urllib.request.urlopen(f"http://localhost:{self.port}{path}", timeout=10) as answer:
            return bytes(answer.read())

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Ends it with a signal; gives exit code and what it said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


StartServer = Callable[..., Server]


@pytest.fixture
def start(site: Site) -> Iterator[StartServer]:
    """Starts servers on the site's home, on free ports."""
    with ExitStack() as stack:

        def started(*more: str, port: int = 0, **settings: object) -> Server:
            environment = {name: text for name, text in os.environ.items() if not name.startswith("REALTUBE_")}
            environment |= {f"REALTUBE_{name.upper()}": str(value) for name, value in settings.items()}
            environment |= {"REALTUBE_HOME": str(site.home.directory), "PYTHONPATH": str(PROJECT)}
            command = [sys.executable, str(PROJECT / "cli.py"), "serve", "--port", str(port), *more]
            process = stack.enter_context(
                subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=site.home.directory)
            )
            stack.callback(process.kill)
            assert process.stderr is not None
            line = process.stderr.readline()
            assert " on http://localhost:" in line, line + process.stderr.read()
            return Server(process, int(line.rpartition(":")[2]))

        yield started


@dataclass
class Crowd:
    """Voters that vote as fast as they are answered, each vote once."""

    port: int
    first: int
    """Number of the first vote; each has its own voter."""
    answered: dict[int, int] = field(default_factory=dict)
    """Vote -> HTTP status."""
    sent: int = 0

    async def vote(self, until: asyncio.Event) -> None:
        """Votes on all connections until told to stop or cut off."""
        await asyncio.gather(*(self._connection(until) for _ in range(CONNECTIONS)))

    async def _connection(self, until: asyncio.Event) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        try:
            while not until.is_set():
                number, self.sent = self.first + self.sent, self.sent + 1
                body = json.dumps({"videoId": f"v{number % 97}", "userId": voter_id(number), "category": "fully_ai"})
                head = f"POST /api/votes HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write((head + body).encode())
                answer = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")
                )
                await reader.readexactly(length)
                self.answered[number] = int(answer[9:12])
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def vote_until_killed(server: Server, crowd: Crowd, after_s: float) -> None:
    """Votes, and kills the server meanwhile."""
    voting = asyncio.create_task(crowd.vote(asyncio.Event()))
    while not crowd.answered:
        await asyncio.sleep(0.005)
    await asyncio.sleep(after_s)
    server.process.kill()
    await voting


def logged(site: Site) -> dict[int, int]:
    """Vote -> how often the log holds it, in any video."""
    query = "SELECT voter_id, count(*) FROM votes JOIN voters USING (voter) GROUP BY voter"
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        return {int(voter, 16): count for voter, count in log.execute(query)}


def test_no_answered_vote_is_ever_lost(site: Site, start: StartServer) -> None:
    """Killed twenty times at random moments under 32 voting connections: every answered vote is in the log, none twice.

    Each start finds the log as the kill left it, and takes votes at once.
    """
    chance, answered, sent = random.Random(20261121), 0, 0
    known: dict[int, int] = {}
    for _ in range(KILLS):
        server, crowd = start(), Crowd(0, sent)
        crowd.port = server.port
        asyncio.run(vote_until_killed(server, crowd, chance.uniform(0.0, 0.4)))
        assert server.process.wait(10) == -signal.SIGKILL
        assert set(crowd.answered.values()) == {200}
        found = logged(site)
        assert set(crowd.answered) <= set(found)
        assert set(known) <= set(found) <= set(range(sent + crowd.sent))
        assert set(found.values()) == {1}
        known, answered, sent = found, answered + len(crowd.answered), sent + crowd.sent
    assert answered > KILLS * CONNECTIONS
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        assert log.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        positions = [row[0] for row in log.execute("SELECT position FROM votes ORDER BY position")]
    assert positions == list(range(1, len(positions) + 1))


def test_sigterm_answers_what_was_asked_and_exits_0(site: Site, start: StartServer) -> None:
    """SIGTERM under load: every vote that was read is answered, answered means stored, nothing is left behind."""
    server = start()
    crowd = Crowd(server.port, 0)

    async def vote_and_stop() -> None:
        voting = asyncio.create_task(crowd.vote(asyncio.Event()))
        while len(crowd.answered) < 200:
            await asyncio.sleep(0.005)
        server.process.terminate()
        await voting

    asyncio.run(vote_and_stop())
    _, said = server.process.communicate(timeout=30)

    assert (server.process.returncode, said) == (0, "")
    assert set(crowd.answered.values()) <= {200, 503}
    found = logged(site)
    assert {number for number, status in crowd.answered.items() if status == 200} <= set(found)
    assert not {number for number, status in crowd.answered.items() if status == 503} & set(found)
    assert crowd.sent - len(crowd.answered) <= CONNECTIONS
    assert not site.home.votes_log.with_name("votes.db-wal").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_connections_do_not_hold_up_the_end(start: StartServer, number: signal.Signals) -> None:
    """A stop closes connections on which nothing is asked, and exits 0."""
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
        started = time.monotonic()
        assert server.end(number) == (0, "")

    assert time.monotonic() - started < 5


def test_localhost_answers(start: StartServer) -> None:
    """The server answers under the name that clients use, and as HTTP/1.1 with its JSON."""
    assert json.loads(start("--no-limits").get("/health/live")) == {"status": "ok"}


def test_a_second_server_on_a_port_says_so_in_one_line(start: StartServer, site: Site) -> None:
    """Two servers never share a port: the second fails with exit code 1 and one clear line."""
    server = start()
    command = [sys.executable, str(PROJECT / "cli.py"), "serve", "--port", str(server.port)]
    environment = os.environ | {"REALTUBE_HOME": str(site.home.directory), "PYTHONPATH": str(PROJECT)}
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)

    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"cannot listen on localhost port {server.port} (Address already in use)" in second.stderr
    assert json.loads(server.get("/health/live")) == {"status": "ok"}


def test_slow_and_idle_clients_take_no_ones_place(start: StartServer) -> None:
    """Hundreds of clients that announce a body and send nothing keep nobody from voting."""
    server = start()
    with ExitStack() as stack:
        for _ in range(300):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            slow.sendall(b"POST /api/votes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
        started = time.monotonic()
        body = json.dumps({"videoId": "a", "userId": voter_id(1), "category": "fully_ai"}).encode()
        request = urllib.request.Request(f"http://localhost:{server.port}/api/votes", body, method="POST")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /api/votes HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
        b"POST /api/votes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\nzz\r\n",
        b"POST /api/votes HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 10_000,
        b"GET /%ff%00 HTTP/1.1\r\nHost: \xff\r\nX-\xe4: \xff\r\n\r\n",
        b"BREW /api/votes HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\x80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["short", "broken chunk", "too large", "no text", "unknown method", "no URI", "TLS", "CONNECT", "asterisk"],
)  # fmt: skip
def test_broken_requests_end_cleanly(start: StartServer, sent: bytes) -> None:
    """Requests that break off or make no sense get a 2xx or 4xx or a closed connection; the log stays silent."""
    server = start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        try:
            answer = client.recv(65_536)
        except ConnectionResetError:
            answer = b""

    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 204"))
    assert json.loads(server.get("/health/live")) == {"status": "ok"}
    assert server.end(signal.SIGTERM) == (0, "")
