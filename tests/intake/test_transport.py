"""CORS, preflight, ETag and 304, Cache-Control: what browsers and proxies rely on."""

from __future__ import annotations

import pytest

from tests.factories import voter_id
from tests.intake.conftest import Desk

GETS = [
    "/api/videos?videoId=dQw4w9WgXcQ", "/api/videos/5f6b", "/api/sync/full",
    "/api/sync/delta?since=1970-01-01T00:00:00.000Z", "/health/live", f"/api/users/{voter_id(1)}",
    f"/api/votes?userId={voter_id(1)}", f"/api/votes?userId={voter_id(1)}&format=ndjson", "/api/stats", "/openapi.json",
    "/docs",
]  # fmt: skip
REFUSED = [
    ("GET", "/nothing", 404), ("PUT", "/api/votes", 405), ("POST", "/api/votes", 400), ("GET", "/api/videos/0000", 404),
    ("GET", "/api/videos/x", 400), ("GET", "/api/sync/delta", 400), ("GET", "/api/channels/UC_none", 404),
    ("GET", "/api/database/export", 404), ("POST", "/api/votes/batch", 400), ("DELETE", "/api/users/xyz", 400),
]  # fmt: skip


@pytest.fixture(autouse=True)
def one_vote(desk: Desk) -> None:
    """There is one video to find."""
    desk.vote(1, "dQw4w9WgXcQ", "fully_ai")


@pytest.mark.parametrize("path", ["/api/votes", "/api/videos/5f6b", "/api/sync/full", "/nothing"])
def test_preflight(desk: Desk, path: str) -> None:
    """A browser that asks before a request hears what it may send, for a day."""
    answer = desk.client.options(path, headers={"Origin": "null", "Access-Control-Request-Method": "DELETE"})

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, DELETE, OPTIONS"
    assert answer.headers["Access-Control-Allow-Headers"] == (
        "Content-Type, Accept, Authorization, Idempotency-Key, X-User-ID"
    )
    assert answer.headers["Access-Control-Max-Age"] == "86400"


@pytest.mark.parametrize(("method", "path", "status"), [*(("GET", path, 200) for path in GETS), *REFUSED])
def test_every_answer_can_be_read_by_any_page(desk: Desk, method: str, path: str, status: int) -> None:
    """Answers and refusals alike carry the CORS headers."""
    answer = desk.client.open(path, method=method, headers={"Origin": "null"})

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Expose-Headers"] == (
        "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, ETag"
    )


@pytest.mark.parametrize("path", GETS)
def test_what_is_known_already_is_not_sent_again(desk: Desk, path: str) -> None:
    """Every GET has an ETag; whoever sends it back gets 304, without a body, with the same headers for caches."""
    first = desk.client.get(path)
    etag = first.headers["ETag"]
    for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
        again = desk.client.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == etag
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert again.headers["Access-Control-Allow-Origin"] == "*"
    assert desk.client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", [*GETS[:2], "/api/stats"])
def test_a_new_vote_changes_the_etag(desk: Desk, path: str) -> None:
    """Where a body shows votes, so does its ETag."""
    before = desk.client.get(path).headers["ETag"]
    desk.vote(2, "dQw4w9WgXcQ", "fully_ai")

    assert desk.client.get(path, headers={"If-None-Match": before}).status_code == 200


def test_head_is_get_without_a_body(desk: Desk) -> None:
    """HEAD tells the same headers."""
    for path in GETS:
        head, get = desk.client.head(path), desk.client.get(path)
        assert (head.status_code, head.data) == (200, b"")
        assert head.headers["ETag"] == get.headers["ETag"]


@pytest.mark.parametrize(
    ("path", "status"), [("/api/videos/5f6b", 200), ("/api/videos/0000", 404), ("/api/channels/UC_none", 404)]
)
def test_look_ups_may_be_kept_found_or_not(desk: Desk, path: str, status: int) -> None:
    """An empty look-up is kept like a full one: without that, each page asks for each video again."""
    answer = desk.client.get(path)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "public, max-age=60")


def test_other_answers_are_asked_for_again(desk: Desk) -> None:
    """A single video and the synchronisations are revalidated; votes, errors and health are not kept at all."""
    kept = {path: desk.client.get(path).headers["Cache-Control"] for path in GETS}
    assert kept[GETS[0]] == kept[GETS[2]] == kept[GETS[3]] == "no-cache"
    assert kept["/health/live"] == "no-store"
    for method, path, _ in REFUSED[:3]:
        assert desk.client.open(path, method=method).headers["Cache-Control"] == "no-store"
    vote = {"videoId": "a", "userId": voter_id(1), "category": "fully_ai"}
    assert desk.client.post("/api/votes", json=vote).headers["Cache-Control"] == "no-store"
