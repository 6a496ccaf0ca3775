"""The bridge gives the application what granian read, and lets nobody hold it up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

import intake.bridge
from intake.app import BODY_LIMIT_BYTES, runs_inline
from intake.bridge import Bridge
from tests.factories import voter_id
from tests.intake.conftest import Desk, OpenDesk


class Headers:
    """Headers as granian gives them: names in lower case, repeated ones repeated."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = pairs

    def items(self) -> list[tuple[str, str]]:
        """All of them."""
        return list(self.pairs)

    def get(self, name: str, default: str) -> str:
        """The first of a name."""
        return next((value for known, value in self.pairs if known == name), default)


class Scope:
    """A request as granian describes it."""

    http_version, server, client, scheme = "1.1", "127.0.0.1:8080", "127.0.0.1:50000", "http"

    def __init__(self, method: str, path: str, query: str = "", *headers: tuple[str, str]) -> None:
        self.method, self.path, self.query_string, self.headers = method, path, query, Headers(*headers)


class Wire:
    """Granian's side of a request: gives the body in pieces, takes one response."""

    def __init__(self, *pieces: bytes, stalls: bool = False) -> None:
        self.pieces, self.stalls = pieces, stalls
        self.answered: list[tuple[int, dict[str, str], bytes]] = []
        self.read = 0

    async def __call__(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += len(piece)
            yield piece
        if self.stalls:
            await asyncio.sleep(3600)

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Takes the response."""
        self.answered.append((status, {name.lower(): value for name, value in headers}, body))


def ask(app: Any, scope: Scope, wire: Wire) -> tuple[int, dict[str, str], bytes]:
    """Sends one request through a bridge, which must answer once."""
    asyncio.run(Bridge(app, runs_inline).__rsgi__(scope, wire))
    assert len(wire.answered) == 1
    return wire.answered[0]


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answers with the environment it was given."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    body = environ["wsgi.input"].read()
    return [repr({k: v for k, v in environ.items() if k.isupper()} | {"body": body}).encode()]


def test_the_environment_says_what_was_asked() -> None:
    """Path, query, headers and body arrive as PEP 3333 wants them; repeated headers are joined."""
    scope = Scope(
        "DELETE", "/é/ü", "a=%20b", ("content-type", "x/y"), ("content-length", "3"), ("if-none-match", '"a"'),
        ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2"), ("x_forwarded_for", "6.6.6.6"),
    )  # fmt: skip
    scope.client = "[2001:db8::1]:50000"
    status, _, body = ask(echo, scope, Wire(b"ab", b"c"))
    environ = eval(body)

    assert status == 200
    assert environ["body"] == b"abc"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/é/ü"
    assert (environ["QUERY_STRING"], environ["REMOTE_ADDR"]) == ("a=%20b", "2001:db8::1")
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("x/y", "3")
    assert (environ["HTTP_IF_NONE_MATCH"], environ["HTTP_X_FORWARDED_FOR"]) == ('"a"', "1.1.1.1,2.2.2.2")
    assert "HTTP_CONTENT_LENGTH" not in environ


@pytest.mark.parametrize("length", [str(BODY_LIMIT_BYTES + 1), "9" * 30, "-1", "x", "³"])
def test_a_body_announced_too_large_is_not_read(desk: Desk, length: str) -> None:
    """An announced body beyond the limit, or of no length at all, is refused before a byte of it is read."""
    wire = Wire(b"x" * 100)
    status, headers, body = ask(desk.intake.app, Scope("POST", "/api/votes", "", ("content-length", length)), wire)

    assert (status, wire.read) == (413, 0)
    assert b'"TOO_LARGE"' in body
    assert headers["access-control-allow-origin"] == "*"


def test_an_endless_body_is_cut_off(desk: Desk) -> None:
    """A body without a length is read up to the limit."""
    wire = Wire(*[b"x" * 100_000] * 100)
    status, _, body = ask(desk.intake.app, Scope("POST", "/api/votes", "", ("transfer-encoding", "chunked")), wire)

    assert status == 413
    assert b'"TOO_LARGE"' in body
    assert wire.read <= BODY_LIMIT_BYTES + 100_000


@pytest.mark.parametrize("headers", [[("content-length", "9")], [("transfer-encoding", "chunked")]])
def test_a_body_that_does_not_come_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, headers: list[tuple[str, str]]
) -> None:
    """A slow body ends in a clean 400."""
    monkeypatch.setattr(intake.bridge, "BODY_TIMEOUT_S", 0.05)
    scope = Scope("POST", "/api/votes", "", *headers)
    status, _, body = ask(desk.intake.app, scope, Wire(b'{"vid', stalls=True))

    assert status == 400
    assert b'"INVALID_BODY"' in body


def test_a_body_that_breaks_off_is_no_body(desk: Desk) -> None:
    """Fewer bytes than announced are refused, even if they could be read."""
    vote = b'{"videoId":"a","userId":"b"}'
    scope = Scope("DELETE", "/api/votes", "", ("content-length", str(len(vote) + 5)))

    assert ask(desk.intake.app, scope, Wire(vote))[0] == 400


def vote_through_the_bridge(desk: Desk, body: bytes, *headers: tuple[str, str], direct: bool) -> Wire:
    """Sends a vote to a bridge whose writer answers on the loop, past the application or through it."""

    async def ask_on_a_loop() -> Wire:
        wire = Wire(body)
        desk.intake.writer._deliver = asyncio.get_running_loop().call_soon_threadsafe
        bridge = Bridge(desk.intake.app, runs_inline, cast=desk.intake.casting.cast if direct else None)
        await bridge.__rsgi__(Scope("POST", "/api/votes", "", *headers), wire)
        return wire

    return asyncio.run(ask_on_a_loop())


@pytest.mark.parametrize("direct", [True, False])
def test_a_vote_is_answered_through_the_bridge(desk: Desk, direct: bool) -> None:
    """An answer that comes later reaches the request that waits for it."""
    vote = b'{"videoId":"a","userId":"%s","category":"fully_ai"}' % voter_id(1).encode()
    wire = vote_through_the_bridge(desk, vote, ("content-length", str(len(vote))), direct=direct)

    status, headers, body = wire.answered[0]
    assert (status, headers["content-type"]) == (200, "application/json")
    assert b'"newScore":18' in body


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"no JSON", b'{"videoId":"a","userId":"b","category":"spam"}',
        b'{"videoId":"a b","userId":"b","category":"fully_ai"}', b'{"videoId":"a","userId":"b","category":"fully_ai"}',
    ],
)  # fmt: skip
def test_the_way_past_the_application_answers_as_the_application_does(desk: Desk, body: bytes) -> None:
    """Status, headers and body of a vote are the same on both ways, refusals included."""
    said = ("content-length", str(len(body)))
    direct = vote_through_the_bridge(desk, body, said, direct=True).answered
    through = vote_through_the_bridge(desk, body, said, direct=False).answered

    assert direct == through


@pytest.mark.parametrize("direct", [True, False])
def test_forwarded_addresses_reach_the_vote(open_desk: OpenDesk, direct: bool) -> None:
    """Of several X-Forwarded-For headers the last address counts behind one proxy, on both ways."""
    desk = open_desk(trusted_hops=1)
    vote = b'{"videoId":"a","userId":"b","category":"fully_ai"}'
    forwarded = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "198.51.100.7, 203.0.113.9")]
    vote_through_the_bridge(desk, vote, ("content-length", str(len(vote))), *forwarded, direct=direct)

    with desk.intake.readers.connection() as log:
        tokens = [token for (token,) in log.execute("SELECT token FROM networks")]
    assert tokens == [desk.intake.casting.networks.token("203.0.113.200", desk.intake.casting.now_ms())]


def test_a_kept_look_up_is_answered_past_the_application(desk: Desk) -> None:
    """What the look-up knows is answered as it is; what it does not know, the application answers."""
    desk.vote(1, "a", "fully_ai")
    wires = [Wire(), Wire()]
    for wire in wires:
        bridge = Bridge(desk.intake.app, runs_inline, look_up=desk.intake.lookups.quick)
        asyncio.run(bridge.__rsgi__(Scope("GET", "/api/videos/ca97"), wire))

    (status, headers, body), again = wires[0].answered[0], wires[1].answered[0]
    assert (status, body[:15]) == (200, b'[{"videoId":"a"')
    assert again == (status, {name: text for name, text in headers.items() if name != "content-length"}, body)


def test_a_vote_without_its_network_is_a_fault(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A key that cannot be stored is answered 500 on the way past the application too, and nothing is stored."""
    desk.intake.casting.networks._period = -1
    desk.intake.casting.networks._path = desk.site.home.directory / "nowhere" / "network-key"
    body = b'{"videoId":"a","userId":"b","category":"fully_ai"}'
    wire = vote_through_the_bridge(desk, body, ("content-length", str(len(body))), direct=True)

    assert wire.answered[0][0] == 500
    assert b'"INTERNAL_ERROR"' in wire.answered[0][2]
    assert "cannot be stored" in caplog.text


def test_a_fault_outside_the_application_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever breaks below the application, the client gets the error body."""

    def broken(environ: object, start_response: object) -> Iterable[bytes]:
        raise RuntimeError("inside")

    for path in ("/api/votes", "/elsewhere"):
        status, headers, body = ask(broken, Scope("GET", path), Wire())
        assert (status, headers["access-control-allow-origin"]) == (500, "*")
        assert b'"INTERNAL_ERROR"' in body
        assert b"inside" not in body
    assert "RuntimeError: inside" in caplog.text
