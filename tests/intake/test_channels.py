"""Channels are answered as the last tick published them."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from data.formats.tree import packed, rfc3339
from publisher.sync import compat
from tests.factories import DAY_MS, HOUR_MS, START_MS, vote
from tests.intake.conftest import Desk

CHANNEL = "UC_one"
EVER = "1970-01-01T00:00:00.000Z"


def publish_with(desk: Desk, monkeypatch: pytest.MonkeyPatch, channels: list[dict[str, Any]], at_ms: int) -> None:
    """Publishes a tick whose files for existing clients list these channels."""

    def with_channels(body: bytes) -> bytes:
        return packed(body.replace(b'"channels":[]', b'"channels":' + orjson.dumps(channels)))

    with monkeypatch.context() as patched:
        patched.setattr(compat, "packed", with_channels)
        desk.site.publish(at_ms)


def channel(at_ms: int, **more: object) -> dict[str, Any]:
    """A channel as published files list it."""
    said = {"channelId": CHANNEL, "score": 67, "totalVideos": 3, "flaggedVideos": 2, "lastUpdated": rfc3339(at_ms)}
    return {**said, **more}


@pytest.fixture
def published(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Two flagged videos of a channel, published with it."""
    desk.site.appoint(1, 2)
    for video_id, *kinds in (("a", "ai_visuals"), ("b", "ai_visuals", "ai_voiceover")):
        desk.site.cast(*(vote(voter, video_id, *kinds, channel_id=CHANNEL) for voter in (1, 2)))
    publish_with(desk, monkeypatch, [channel(START_MS)], START_MS)
    return desk


def test_a_channel_is_what_was_published(published: Desk) -> None:
    """All fields of the contract; its categories are those of its published videos, most votes first."""
    answer = published.client.get(f"/api/channels/{CHANNEL}")

    assert answer.json == {
        "channelId": CHANNEL, "score": 67, "totalVideos": 3, "flaggedVideos": 2,
        "topCategories": ["ai_visuals", "ai_voiceover"], "locked": False, "lastUpdated": rfc3339(START_MS),
    }  # fmt: skip
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    again = published.client.get(f"/api/channels/{CHANNEL}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_videos_carry_the_score_of_their_channel(published: Desk) -> None:
    """Look-ups show the published score of the channel that voters agree on, and 0 without one."""
    published.vote(3, "elsewhere", "fully_ai")
    prefix = hashlib.sha256(b"a").hexdigest()[:8]

    assert published.look_up("a")["channelScore"] == 67
    assert [found["channelScore"] for found in published.client.get(f"/api/videos/{prefix}").json or []] == [67]
    assert published.look_up("elsewhere")["channelScore"] == 0


def test_an_unknown_channel_is_404_and_may_be_kept(published: Desk) -> None:
    """Not 400, and cached like one that is there; what cannot be a channel is 400."""
    unknown = published.client.get("/api/channels/UC_two")

    assert (unknown.status_code, (unknown.json or {})["error"]["code"]) == (404, "NOT_FOUND")
    assert unknown.headers["Cache-Control"] == "public, max-age=60"
    for wrong in ("a" * 33, "@handle", "a b", "ä", "%00"):
        answer = published.client.get(f"/api/channels/{wrong}")
        assert (answer.status_code, (answer.json or {})["error"]["code"]) == (400, "INVALID_FIELD")


def test_before_the_first_tick_no_channel_is_known(desk: Desk) -> None:
    """Votes alone make no channel."""
    desk.vote(1, "a", "fully_ai", channelId=CHANNEL)
    desk.vote(2, "a", "fully_ai", channelId=CHANNEL)

    assert desk.client.get(f"/api/channels/{CHANNEL}").status_code == 404


def test_synchronisations_carry_channels(published: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full has what is published; delta what changed after a token, removals included."""
    full = published.client.get("/api/sync/full").json
    assert full is not None
    assert full["channels"] == [channel(START_MS)]
    published.site.cast(vote(1, "c", "fully_ai"))
    publish_with(published, monkeypatch, [channel(START_MS + DAY_MS, score=70)], START_MS + DAY_MS)

    def changes(since: str) -> Any:
        return (published.client.get("/api/sync/delta", query_string={"since": since}).json or {})["channels"]

    update = {"channelId": CHANNEL, "action": "update", "score": 70}
    assert changes(EVER) == changes(full["generatedAt"]) == [update]
    published.site.cast(vote(2, "c", "fully_ai"))
    at_ms = START_MS + DAY_MS + HOUR_MS
    gone = {"channelId": CHANNEL, "action": "remove", "lastUpdated": rfc3339(at_ms)}
    publish_with(published, monkeypatch, [gone], at_ms)
    assert changes(full["generatedAt"]) == [{"channelId": CHANNEL, "action": "remove", "score": 0}]
    assert (published.client.get("/api/sync/full").json or {})["channels"] == []
    assert published.client.get(f"/api/channels/{CHANNEL}").status_code == 404
