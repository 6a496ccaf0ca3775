"""The real server: how it starts, how it ends, and that nobody holds it up."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.factories import Site, voter_id
from tests.intake.serving import COMMAND, StartServer, environment


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


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(start: StartServer, site: Site, second: signal.Signals) -> None:
    """While a stop waits for a log that another process holds, a second signal ends the server; nothing was stored."""
    server = start(vote_timeout_s=60)
    with closing(sqlite3.connect(site.home.votes_log, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            body = json.dumps({"videoId": "a", "userId": voter_id(1), "category": "fully_ai"})
            client.sendall(f"POST /api/votes HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            time.sleep(0.3)
            server.process.terminate()
            time.sleep(0.5)
            assert server.process.poll() is None, "it waits for the vote that it has read"
            assert server.end(second) == (-second, "")
        assert holder.execute("SELECT count(*) FROM votes").fetchone() == (0,)


def test_a_stop_is_bounded_by_what_votes_wait(start: StartServer, site: Site) -> None:
    """A vote that waits when the stop comes is answered 503 when its time is up, and the server exits 0."""
    server = start(vote_timeout_s=1)
    with closing(sqlite3.connect(site.home.votes_log, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            body = json.dumps({"videoId": "a", "userId": voter_id(1), "category": "fully_ai"})
            client.sendall(f"POST /api/votes HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            time.sleep(0.3)
            server.process.terminate()
            assert client.recv(100).startswith(b"HTTP/1.1 503")
        assert server.process.wait(10) == 0


def test_a_home_that_is_not_there_is_told_in_one_line(site: Site, tmp_path: Path) -> None:
    """Without a home nothing is started, and the line says how to make one."""
    elsewhere = environment(site) | {"REALTUBE_HOME": str(tmp_path / "nowhere")}
    refused = subprocess.run(COMMAND, env=elsewhere, capture_output=True, text=True, timeout=30, check=False)

    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "run `realtube init`, or set REALTUBE_HOME to its home" in refused.stderr
    assert not (tmp_path / "nowhere").exists()


def test_localhost_answers(start: StartServer) -> None:
    """The server answers under the name that clients use, and as HTTP/1.1 with its JSON."""
    assert json.loads(start("--no-limits").get("/health/live")) == {"status": "ok"}


def test_a_second_server_on_a_port_says_so_in_one_line(start: StartServer, site: Site) -> None:
    """Two servers never share a port: the second fails with exit code 1 and one clear line."""
    server = start()
    second = subprocess.run(
        [*COMMAND, "--port", str(server.port)],
        env=environment(site),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

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
