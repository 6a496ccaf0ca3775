"""Channels are answered as the last tick published them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from data.formats.tree import rfc3339
from tests.factories import DAY_MS, START_MS, vote
from tests.intake.conftest import Desk

CHANNEL = "UC_one"
EVER = "1970-01-01T00:00:00.000Z"


@pytest.fixture
def published(desk: Desk) -> Desk:
    """Two flagged videos of a channel, published with it."""
    desk.site.appoint(1, 2)
    for video_id, *kinds in (("a", "ai_visuals"), ("b", "ai_visuals", "ai_voiceover")):
        desk.site.cast(*(vote(voter, video_id, *kinds, channel_id=CHANNEL) for voter in (1, 2)))
    desk.site.publish(START_MS)
    return desk


def test_a_channel_is_what_was_published(published: Desk) -> None:
    """All fields of the contract; its categories are those of its published videos, most votes first."""
    answer = published.client.get(f"/api/channels/{CHANNEL}")

    score = (answer.json or {})["score"]
    assert 0 < score < 100
    assert answer.json == {
        "channelId": CHANNEL, "score": score, "totalVideos": 2, "flaggedVideos": 2,
        "topCategories": ["ai_visuals", "ai_voiceover"], "locked": False, "lastUpdated": rfc3339(START_MS),
    }  # fmt: skip
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    again = published.client.get(f"/api/channels/{CHANNEL}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_videos_carry_the_score_of_their_channel(published: Desk) -> None:
    """Look-ups show the published score of the channel that voters agree on, and 0 without one."""
    published.vote(3, "elsewhere", "fully_ai")
    prefix = hashlib.sha256(b"a").hexdigest()[:8]
    score = (published.client.get(f"/api/channels/{CHANNEL}").json or {})["score"]

    assert published.look_up("a")["channelScore"] == score
    assert [found["channelScore"] for found in published.client.get(f"/api/videos/{prefix}").json or []] == [score]
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


def test_synchronisations_carry_channels(published: Desk) -> None:
    """Full has what is published; delta what changed after a token, removals included."""

    def changes(since: str) -> Any:
        return (published.client.get("/api/sync/delta", query_string={"since": since}).json or {})["channels"]

    full = published.client.get("/api/sync/full").json
    assert full is not None
    (first,) = full["channels"]
    assert (first["channelId"], first["totalVideos"], first["lastUpdated"]) == (CHANNEL, 2, rfc3339(START_MS))
    published.site.cast(*(vote(voter, "c", "fully_ai", channel_id=CHANNEL) for voter in (1, 2)))
    published.site.publish(START_MS + DAY_MS)
    (update,) = changes(full["generatedAt"])
    assert (update["action"], update["totalVideos"], update["flaggedVideos"]) == ("update", 3, 3)
    assert changes(EVER) == [update]

    everything = [vote(voter, video_id) for video_id in "abc" for voter in (1, 2)]
    published.site.cast(*everything)
    at_ms = START_MS + 2 * DAY_MS
    published.site.publish(at_ms)
    gone = {"channelId": CHANNEL, "action": "remove", "score": 0, "lastUpdated": rfc3339(at_ms)}
    assert changes(full["generatedAt"]) == [gone]
    assert (published.client.get("/api/sync/full").json or {})["channels"] == []
    assert published.client.get(f"/api/channels/{CHANNEL}").status_code == 404
