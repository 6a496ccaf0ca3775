"""What attackers try against a running server, beside what `test_hostile.py` sends to the application."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

import intake.server
from data.settings import SettingsError
from intake.settings import IntakeSettings
from tests.factories import Site, voter_id
from tests.homes import CommandLine
from tests.intake.conftest import Desk, OpenDesk
from tests.intake.serving import Server, StartServer

ALIVE = {"status": "ok"}


def answer_to(server: Server, sent: bytes) -> bytes:
    """What comes back on a connection until it is closed, or silent for five seconds."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(sent)
        return received(client)


def received(client: socket.socket) -> bytes:
    """Everything until the connection ends or is silent."""
    found = b""
    try:
        while chunk := client.recv(65_536):
            found += chunk
            if b"\r\n\r\n" in found:
                return found
    except (TimeoutError, ConnectionError):
        pass
    return found


def test_slow_heads_are_cut_off(start: StartServer) -> None:
    """Three hundred connections that send a byte of a head now and then keep nobody out, and are closed in time."""
    server = start()
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(300)]
        for client in slow:
            client.sendall(b"GET /health/live HTTP/1.1\r\nX-A: ")
        began_s = time.monotonic()
        assert json.loads(server.get("/health/live")) == ALIVE
        assert time.monotonic() - began_s < 2
        slow[0].settimeout(intake.server.HEAD_TIMEOUT_MS / 1000 + 5)
        for _ in range(10):
            slow[0].sendall(b"a")
        closed = slow[0].recv(1_000)

    assert closed == b"" or closed.startswith(b"HTTP/1.1 408")


BOMBS = {
    "one long header": b"X-A: " + b"a" * 2_000_000 + b"\r\n",
    "many headers": b"".join(b"X-%d: a\r\n" % n for n in range(10_000)),
}


def test_heads_of_any_size_are_refused(start: StartServer) -> None:
    """A head that is too large is refused or cut off before it is understood."""
    server = start()
    for bomb in BOMBS.values():
        try:
            found = answer_to(server, b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + bomb + b"\r\n")
        except ConnectionError:
            found = b""
        assert found == b"" or found.startswith(b"HTTP/1.1 4")
    assert json.loads(server.get("/health/live")) == ALIVE
    assert server.end(signal.SIGTERM) == (0, "")


PATHS = [
    b"/%2e%2e/%2e%2e/etc/passwd", b"/../../etc/passwd", b"//etc/passwd", b"/..%2f..%2fetc/passwd", b"/%00",
    b"/api/videos/..%2f..%2fvotes.db", b"/api/channels/%2e%2e", b"/docs/../limits.sqlite", b"/" + b"a" * 30_000,
    b"/api/videos/%2e%2e%5c", b"/.well-known/../network-key", b"/.env", b"/votes.db", b"http://x/health/../votes.db",
]  # fmt: skip


def test_no_path_leads_to_a_file(start: StartServer) -> None:
    """However a path is written, it names a route or nothing: never a file of the home or the machine."""
    server = start()
    for path in PATHS:
        found = answer_to(server, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert found == b"" or found[9:12] in {b"400", b"404", b"414", b"431"}, path
        assert b"root:" not in found
        assert b"SQLite" not in found


SMUGGLED = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "two framings": b"POST /api/votes HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two lengths": b"POST /api/votes HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\n",
    "a folded header": b"GET /health/live HTTP/1.1\r\nHost: x\r\n X-Folded: a\r\n\r\n",
    "a blank before the colon": b"GET /health/live HTTP/1.1\r\nHost : x\r\n\r\n",
}


def test_ambiguous_requests_are_refused(start: StartServer) -> None:
    """Requests that a proxy could read in another way than we do are no vote and smuggle nothing."""
    server = start()
    for name, head in AMBIGUOUS.items():
        found = answer_to(server, head + SMUGGLED)
        assert found == b"" or found.startswith(b"HTTP/1.1 400"), name
    assert json.loads(server.get("/health/live")) == ALIVE


def test_answers_say_little_of_the_server(start: StartServer) -> None:
    """Safe headers on answers and refusals alike; no version of anything but ours, and that only in readiness."""
    server = start()
    for path in (b"/health/live", b"/docs", b"/nothing", b"/metrics"):
        head = answer_to(server, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")[0].lower()
        assert b"x-content-type-options: nosniff" in head
        assert b"referrer-policy: no-referrer" in head
        assert b"access-control-allow-origin: *" in head
        assert not any(word in head for word in (b"python", b"flask", b"werkzeug", b"hyper", b"x-powered-by"))
        assert not [line for line in head.split(b"\r\n") if line.startswith(b"server:") and b"/" in line]


def test_pages_of_html_may_run_nothing(desk: Desk) -> None:
    """The only page has a policy that allows no script, no frame, no form."""
    policy = desk.client.get("/docs").headers["Content-Security-Policy"]

    assert {"default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"} <= set(
        policy.split("; ")
    )
    assert "script" not in policy


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE votes; --", '" OR 1=1 --', "a' UNION SELECT key FROM keys --", "%' OR '%'='", "\\'; --"]
)
def test_no_text_becomes_sql(desk: Desk, text: str) -> None:
    """Whatever stands in a field, a path, a query or a header is refused, or is text."""
    desk.vote(1, "a", "fully_ai")
    for field in ("videoId", "userId", "category", "channelId"):
        vote = {"videoId": "b", "userId": "b", "category": "fully_ai", field: text}
        assert desk.client.post("/api/votes", json=vote).status_code == 400
    for path in ("/api/videos", "/api/votes", "/api/sync/delta"):
        query = dict.fromkeys(("videoId", "userId", "since", "categories"), text)
        assert desk.client.get(path, query_string=query).status_code == 400
    good = {"videoId": "c", "userId": "c", "category": "fully_ai", "userAgent": text}
    assert desk.client.post("/api/votes", json=good, headers={"Idempotency-Key": text}).status_code == 200

    assert CommandLine(desk.site.home).rows("SELECT count(*) FROM votes") == [(2,)]


def test_secrets_stand_in_no_line_no_metric_and_no_argument(start: StartServer, site: Site) -> None:
    """Keys of the home are read from files: not in `ps`, not in the environment, not in what the server says."""
    server = start(log_requests="on", rate_limits="on")
    body = json.dumps({"videoId": "a", "userId": voter_id(9), "category": "fully_ai"}).encode()
    request = urllib.request.Request(f"http://localhost:{server.port}/api/votes", body, method="POST")
    urllib.request.urlopen(request, timeout=10).close()
    told = b"".join(server.get(path) for path in ("/metrics", "/health/ready", "/docs", "/openapi.json"))
    process = Path(f"/proc/{server.process.pid}")
    seen = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    key = (site.home.directory / "network-key").read_text().split()[1]
    _, said = server.end(signal.SIGTERM)

    for secret in (key, voter_id(9)):
        assert secret.encode() not in told + seen + said.encode()


def test_secrets_are_closed_to_others(start: StartServer, site: Site) -> None:
    """Every file that a server makes in the home is its owner's alone, if it holds anything about anybody."""
    server = start(rate_limits="on")
    server.get("/api/users/abcd")
    files = [file for file in site.home.directory.iterdir() if file.name.startswith(("limits", "network-key"))]

    assert {file.stat().st_mode & 0o077 for file in files} == {0}
    assert len(files) >= 2


def test_security_txt(open_desk: OpenDesk) -> None:
    """With a contact it is there and in date; without one it is not."""
    assert open_desk().client.get("/.well-known/security.txt").status_code == 404
    answer = open_desk(security_contact="mailto:security@example.org").client.get("/.well-known/security.txt")
    lines = dict(line.split(": ", 1) for line in answer.text.splitlines())

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert lines["Contact"] == "mailto:security@example.org"
    assert time.strftime("%Y-%m-%dT") < lines["Expires"] < time.strftime("%Y-%m-%dT", time.gmtime(time.time() + 365e5))


@pytest.mark.parametrize("contact", ["someone@example.org", "mailto:a b@c", "mailto:a@b\nExpires: no", "javascript:x"])
def test_a_contact_that_is_no_address_is_refused(contact: str) -> None:
    """RFC 9116 wants a URI, and nothing may add lines to the file."""
    with pytest.raises(SettingsError, match="REALTUBE_SECURITY_CONTACT"):
        IntakeSettings(security_contact=contact)


def test_names_of_requests_cannot_be_guessed(desk: Desk) -> None:
    """They tell nothing of how much the server is asked."""
    assert desk.intake.watch._draw is secrets.token_bytes
