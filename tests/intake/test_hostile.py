"""Whatever is sent is answered with the error body and a stable code, never with a traceback; nothing is stored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.factories import voter_id
from tests.intake.conftest import Desk, OpenDesk

GOOD: dict[str, Any] = {"videoId": "dQw4w9WgXcQ", "userId": voter_id(7), "category": "fully_ai"}
WRONG_TYPES: list[Any] = [7, -1.5, True, False, [], ["a"], {}, {"a": 1}, [[]], 10**400]
NUL = "a\x00b"
FIELDS: dict[str, list[tuple[Any, str]]] = {
    "videoId": [
        *((wrong, "INVALID_FIELD") for wrong in WRONG_TYPES[:-1]),
        (None, "MISSING_FIELDS"), ("", "MISSING_FIELDS"), (" \t ", "MISSING_FIELDS"),
        (NUL, "INVALID_FIELD"), ("a" * 17, "INVALID_FIELD"), ("a b", "INVALID_FIELD"),
        *((text, "INVALID_FIELD") for text in ("ä", "../../etc", "a'--", "\u202eabc", "٣")),
    ],
    "userId": [
        *((wrong, "INVALID_FIELD") for wrong in WRONG_TYPES[:-1]),
        (None, "MISSING_FIELDS"), ("", "MISSING_FIELDS"), ("\n", "MISSING_FIELDS"),
        (NUL, "INVALID_FIELD"), ("a" * 65, "INVALID_FIELD"), ("xyz", "INVALID_FIELD"), ("0x12", "INVALID_FIELD"),
        ("１２", "INVALID_FIELD"), ("a" * 1_000_000, "INVALID_FIELD"),
    ],
    "category": [
        *((wrong, "INVALID_CATEGORY") for wrong in WRONG_TYPES[:-1]),
        (None, "MISSING_FIELDS"), ("", "MISSING_FIELDS"), ("  ", "MISSING_FIELDS"),
        ("Fully_AI", "INVALID_CATEGORY"), ("spam", "INVALID_CATEGORY"), (NUL, "INVALID_CATEGORY"),
        ("fully_ai,ai_visuals", "INVALID_CATEGORY"), ("a" * 10_000, "INVALID_CATEGORY"),
    ],
    "categories": [
        (7, "INVALID_FIELD"), ("fully_ai", "INVALID_FIELD"), ({}, "INVALID_FIELD"), (True, "INVALID_FIELD"),
        ([], "MISSING_FIELDS"), ([""], "MISSING_FIELDS"),
        ([None], "INVALID_CATEGORY"), ([7], "INVALID_CATEGORY"), ([["fully_ai"]], "INVALID_CATEGORY"),
        (["fully_ai", "spam"], "INVALID_CATEGORY"), (["fully_ai", ""], "INVALID_CATEGORY"),
        (["fully_ai", "not_ai"], "INVALID_CATEGORY"), (["a\x00"], "INVALID_CATEGORY"),
    ],
    "channelId": [
        *((wrong, "INVALID_FIELD") for wrong in WRONG_TYPES[:-1]),
        (NUL, "INVALID_FIELD"), ("a" * 33, "INVALID_FIELD"), ("@handle", "INVALID_FIELD"),
    ],
}  # fmt: skip
BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "INVALID_BODY"),
    "blanks": (b" \n", "INVALID_BODY"),
    "a word": (b"vote", "INVALID_BODY"),
    "null": (b"null", "INVALID_BODY"),
    "a number": (b"7", "INVALID_BODY"),
    "a text": (b'"fully_ai"', "INVALID_BODY"),
    "a list": (json.dumps([GOOD]).encode(), "INVALID_BODY"),
    "a list of nothing": (b"[]", "INVALID_BODY"),
    "an empty object": (b"{}", "MISSING_FIELDS"),
    "two objects": (json.dumps(GOOD).encode() * 2, "INVALID_BODY"),
    "cut short": (json.dumps(GOOD).encode()[:-1], "INVALID_BODY"),
    "a comma too many": (json.dumps(GOOD).encode()[:-1] + b",}", "INVALID_BODY"),
    "single quotes": (json.dumps(GOOD).replace('"', "'").encode(), "INVALID_BODY"),
    "a byte order mark": (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "INVALID_BODY"),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), "INVALID_BODY"),
    "no UTF-8": (b'{"videoId":"\xff","userId":"a","category":"fully_ai"}', "INVALID_BODY"),
    "no UTF-8 in what is dropped": (json.dumps(GOOD).encode()[:-1] + b',"userAgent":"\xff"}', "INVALID_BODY"),
    "half a surrogate pair": (b'{"videoId":"\\ud800","userId":"a","category":"fully_ai"}', "INVALID_BODY"),
    "NUL bytes": (b"\x00\x00\x00", "INVALID_BODY"),
    "a NUL in an object": (b'{"videoId":"a\x00b"}', "INVALID_BODY"),
    "NaN": (b'{"videoId":NaN}', "INVALID_BODY"),
    "infinity": (b'{"videoId":-Infinity}', "INVALID_BODY"),
    "a number beyond numbers": (b'{"videoId":1e999999}', "INVALID_BODY"),
    "a number of 10 000 digits": (b'{"videoId":' + b"9" * 10_000 + b"}", "INVALID_BODY"),
    "that number behind a name with a backslash": (b'{"\\u0061":' + b"9" * 10_000 + b"}", "INVALID_BODY"),
    "a deep list": (b"[" * 100_000, "INVALID_BODY"),
    "a deep list in a field": (b'{"videoId":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "INVALID_BODY"),
    "a deep object in what is dropped": (b'{"x":' * 50_000 + b"1" + b"}" * 50_000, "INVALID_BODY"),
    "a field twice": (b'{"videoId":"b",' + json.dumps(GOOD).encode()[1:], "INVALID_BODY"),
    "a field twice, once in disguise": (b'{"video\\u0049d":"b",' + json.dumps(GOOD).encode()[1:], "INVALID_BODY"),
    "a form": (b"videoId=a&userId=b&category=fully_ai", "INVALID_BODY"),
}
QUERIES = {
    "/api/videos": "INVALID_FIELD",
    "/api/videos?videoId=": "INVALID_FIELD",
    "/api/videos?videoId=%20": "INVALID_FIELD",
    "/api/videos?videoId=a%00b": "INVALID_FIELD",
    "/api/videos?videoId=%ff%fe": "INVALID_FIELD",
    "/api/videos?videoId=" + "a" * 17: "INVALID_FIELD",
    "/api/videos?videoId[]=a": "INVALID_FIELD",
    "/api/videos/abc": "INVALID_PREFIX",
    "/api/videos/abcdefabc": "INVALID_PREFIX",
    "/api/videos/wxyz": "INVALID_PREFIX",
    "/api/videos/%00%00%00%00": "INVALID_PREFIX",
    "/api/videos/ab%20cd": "INVALID_PREFIX",
    "/api/videos/１２３４": "INVALID_PREFIX",
    "/api/videos/abcd?categories=spam": "INVALID_CATEGORY",
    "/api/videos/abcd?categories=fully_ai,,%00": "INVALID_CATEGORY",
    "/api/videos/abcd?minScore=high": "INVALID_PARAM",
    "/api/videos/abcd?minScore=nan": "INVALID_PARAM",
    "/api/videos/abcd?minScore=-1": "INVALID_PARAM",
    "/api/videos/abcd?minScore=100.5": "INVALID_PARAM",
    "/api/videos/abcd?minScore=1e400": "INVALID_PARAM",
    "/api/sync/delta": "MISSING_PARAM",
    "/api/sync/delta?since=": "MISSING_PARAM",
    "/api/sync/delta?since=%20": "MISSING_PARAM",
    "/api/sync/delta?since=yesterday": "INVALID_PARAM",
    "/api/sync/delta?since=0": "INVALID_PARAM",
    "/api/sync/delta?since=2026-11-21": "INVALID_PARAM",
    "/api/sync/delta?since=2026-11-21T08:30:00": "INVALID_PARAM",
    "/api/sync/delta?since=2026-13-21T08:30:00Z": "INVALID_PARAM",
    "/api/sync/delta?since=2026-11-21T08:30:00.Z": "INVALID_PARAM",
    "/api/sync/delta?since=9999-12-31T23:59:59Z": "INVALID_PARAM",
    "/api/sync/delta?since=2026-11-21T08:30:00Z%00": "INVALID_PARAM",
    "/api/sync/delta?since=٢٠٢٦-11-21T08:30:00Z": "INVALID_PARAM",
    "/api/videos/abcd?minScore=1_0": "INVALID_PARAM",
    "/api/videos/abcd?minScore=٥": "INVALID_PARAM",
    "/api/videos/abcd?minScore=inf": "INVALID_PARAM",
    "/api/users/xyz": "INVALID_FIELD",
    "/api/users/%20": "INVALID_FIELD",
    "/api/users/a%00": "INVALID_FIELD",
    "/api/channels/a%20b": "INVALID_FIELD",
    "/api/votes": "INVALID_FIELD",
    "/api/votes?userId=a&format=csv": "INVALID_PARAM",
}
PATHS = [
    "/", "/api", "/api/", "/api/votes/", "/api/votes/x", "//api/votes", "/API/votes", "/api/videos/",
    "/api/videos/abcd/", "/api/videos/abcd/e", "/api/sync", "/api/sync/full/", "/health", "/health/live/",
    "/api/channels", "/api/channels/", "/api/users", "/api/users/", "/api/database", "/docs/", "/openapi",
    "/nothing", "/%00", "/%ff",
    "/..%2f..%2fetc%2fpasswd", "/api/%2e%2e/votes", "/static/x", "/favicon.ico", "/" + "a" * 5000,
]  # fmt: skip
ROUTES = {
    "/api/votes": {"GET", "HEAD", "POST", "DELETE"},
    "/api/votes/batch": {"POST"},
    "/api/channels/UC_one": {"GET", "HEAD"},
    "/api/users/abc": {"GET", "HEAD", "DELETE"},
    "/api/stats": {"GET", "HEAD"},
    "/api/database/export": {"GET", "HEAD"},
    "/openapi.json": {"GET", "HEAD"},
    "/docs": {"GET", "HEAD"},
    "/metrics": {"GET", "HEAD"},
    "/.well-known/security.txt": {"GET", "HEAD"},
    "/api/videos": {"GET", "HEAD"},
    "/api/videos/abcd": {"GET", "HEAD"},
    "/api/sync/full": {"GET", "HEAD"},
    "/api/sync/delta": {"GET", "HEAD"},
    "/health/live": {"GET", "HEAD"},
    "/health/ready": {"GET", "HEAD"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"]


@pytest.fixture(autouse=True)
def nothing_is_stored(desk: Desk) -> Iterator[None]:
    """After each of these requests the log is as empty as before."""
    yield
    with closing(sqlite3.connect(desk.site.home.votes_log)) as log:
        for table in ("votes", "voters", "videos", "channels"):
            assert log.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def assert_refused(answer: TestResponse, status: int, code: str) -> None:
    """Every error has one shape, can be read by any page, and shows nothing of the inside."""
    assert (answer.status_code, answer.mimetype) == (status, "application/json"), answer.text
    assert set(answer.json or {}) == {"error"}
    said = (answer.json or {})["error"]
    assert (set(said), said["code"]) == ({"code", "message"}, code)
    assert said["message"]
    assert "Traceback" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [(field, value, code) for field, values in FIELDS.items() for value, code in values],
    ids=lambda part: repr(part)[:30],
)
def test_each_field_with_each_wrong_value(desk: Desk, field: str, value: object, code: str) -> None:
    """A field that is empty, of a wrong type, too long or outside its alphabet is refused by its own code."""
    assert_refused(desk.client.post("/api/votes", json={**GOOD, field: value}), 400, code)


@pytest.mark.parametrize("field", ["videoId", "userId", "category"])
def test_each_missing_field(desk: Desk, field: str) -> None:
    """A vote without one of its three fields is refused, however else it looks."""
    assert_refused(desk.client.post("/api/votes", json={**GOOD, "x": 1} | {field: None}), 400, "MISSING_FIELDS")
    without = {name: value for name, value in GOOD.items() if name != field}
    assert_refused(desk.client.post("/api/votes", json=without), 400, "MISSING_FIELDS")


@pytest.mark.parametrize("name", BODIES)
def test_each_body_that_is_no_vote(desk: Desk, name: str) -> None:
    """What is no JSON object in UTF-8, or names a field twice, is refused as a body."""
    body, code = BODIES[name]
    assert_refused(desk.client.post("/api/votes", data=body, content_type="application/json"), 400, code)


@pytest.mark.parametrize("name", [name for name in BODIES if name != "nothing"])
def test_each_body_that_is_no_retraction(desk: Desk, name: str) -> None:
    """Retractions read bodies by the same rules."""
    body, code = BODIES[name]
    assert_refused(desk.client.delete("/api/votes", data=body, content_type="application/json"), 400, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "MISSING_FIELDS"),
        ("?videoId=a", "MISSING_FIELDS"),
        ("?userId=a", "MISSING_FIELDS"),
        ("?videoId=&userId=", "MISSING_FIELDS"),
        ("?videoId=a%20b&userId=a", "INVALID_FIELD"),
        ("?videoId=a&userId=xyz", "INVALID_FIELD"),
        ("?videoId=a&userId=" + "a" * 65, "INVALID_FIELD"),
        ("?videoId=%00&userId=a", "INVALID_FIELD"),
    ],
)
def test_each_query_that_is_no_retraction(desk: Desk, query: str, code: str) -> None:
    """What stands in the query is judged as what stands in a body."""
    assert_refused(desk.client.delete(f"/api/votes{query}"), 400, code)


@pytest.mark.parametrize("path", QUERIES)
def test_each_wrong_parameter(desk: Desk, path: str) -> None:
    """A parameter that is missing or cannot be read is refused by its own code."""
    assert_refused(desk.client.get(path), 400, QUERIES[path])


@pytest.mark.parametrize("path", PATHS)
def test_each_unknown_path(desk: Desk, path: str) -> None:
    """What stands nowhere is 404, without a redirect to what was perhaps meant."""
    assert_refused(desk.client.get(path), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["//api/videos", "//api/votes", "///health/live", "//"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_slashes_are_not_taken_off(desk: Desk, path: str, method: str) -> None:
    """Two slashes before a path are another path."""
    environ = {"PATH_INFO": path, "QUERY_STRING": "videoId=a&userId=a"}
    assert_refused(desk.client.open("/", method=method, environ_overrides=environ), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("path", "method"), [(path, method) for path, known in ROUTES.items() for method in METHODS if method not in known]
)
def test_each_wrong_method(desk: Desk, path: str, method: str) -> None:
    """A method that a path does not know is 405 and says which it knows."""
    answer = desk.client.open(path, method=method)

    if method != "HEAD":
        assert_refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == ROUTES[path] | {"OPTIONS"}


def test_a_body_beyond_1_mib_is_too_large(desk: Desk) -> None:
    """More than 1 MiB is 413, announced or not."""
    body = json.dumps({**GOOD, "category": "spam", "userAgent": "x" * 1_048_576}).encode()

    assert_refused(desk.client.post("/api/votes", data=body), 413, "TOO_LARGE")
    assert_refused(desk.client.delete("/api/votes", data=body), 413, "TOO_LARGE")


def test_a_body_of_1_mib_is_read(desk: Desk) -> None:
    """Just 1 MiB is judged by what it says."""
    body = json.dumps({**GOOD, "category": "spam"}).encode()
    body = body[:-1] + b" " * (1_048_576 - len(body)) + b"}"

    assert_refused(desk.client.post("/api/votes", data=body), 400, "INVALID_CATEGORY")


STRANGE = [
    {"Host": "a b"}, {"Host": ""}, {"Host": "[::1"}, {"Content-Type": "text/html; charset=\x7f"},
    {"If-None-Match": '"' * 99}, {"Accept-Encoding": ";;;q=x"}, {"X-Forwarded-For": "," * 999},
    {"Content-Length": "-1"}, {"Transfer-Encoding": "x"},
]  # fmt: skip


@pytest.mark.parametrize("headers", STRANGE, ids=str)
def test_strange_headers_are_no_fault_of_ours(desk: Desk, headers: dict[str, str]) -> None:
    """Headers that make no sense never lead to a 5xx."""
    for path in ("/health/live", "/api/sync/full", "/api/videos?videoId=a"):
        assert desk.client.get(path, headers=headers).status_code in {200, 400, 404}
    assert desk.client.post("/api/votes", data=b"{}", headers=headers).status_code == 400


def test_a_fault_of_ours_says_nothing_of_the_inside(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A bug is answered by the error body and told to the log, not to the client."""
    desk.intake.app.add_url_rule("/fault", "fault", lambda: str(1 // 0))
    answer = desk.client.get("/fault")

    assert_refused(answer, 500, "INTERNAL_ERROR")
    assert "ZeroDivisionError" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_votes_of_a_hostile_proxy_have_no_network(open_desk: OpenDesk) -> None:
    """With a trusted proxy that forwards no address, the token is empty or the peer's, and the vote is judged alone."""
    answer = open_desk(trusted_hops=1).client.post(
        "/api/votes", json={**GOOD, "category": "spam"}, headers={"X-Forwarded-For": "not an address\x7f"}
    )
    assert_refused(answer, 400, "INVALID_CATEGORY")
