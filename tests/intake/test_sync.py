"""Synchronisation of existing clients: composed from published files, and from nothing else."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from data.formats.tree import HEAD, rfc3339
from intake.published import RETRY_S, Published
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, vote
from tests.intake.conftest import Desk, OpenDesk
from tests.publisher.raids import TRUSTED, earn_trust

EVER = "1970-01-01T00:00:00.000Z"


def full(desk: Desk) -> Any:
    """A full synchronisation."""
    answer = desk.client.get("/api/sync/full")
    assert answer.status_code == 200, answer.text
    return answer.json


def delta(desk: Desk, since: str) -> Any:
    """The changes since a token."""
    answer = desk.client.get("/api/sync/delta", query_string={"since": since})
    assert answer.status_code == 200, answer.text
    return answer.json


def scores(answer: Any) -> dict[str, int | None]:
    """Video id -> score, None for one removed."""
    return {found["videoId"]: found.get("score") for found in answer["videos"]}


def history(site: Site) -> None:
    """Four ticks over two days: a and b come, b goes and c comes, nothing changes; next day a changes."""
    site.appoint(1, 2)
    site.cast(vote(1, "a", "fully_ai"), vote(1, "b", "ai_visuals"))
    site.publish(START_MS)
    site.cast(vote(1, "b", at_ms=START_MS + 1), vote(1, "c", "fully_ai", at_ms=START_MS + 2))
    site.publish(START_MS + HOUR_MS)
    site.publish(START_MS + 2 * HOUR_MS)
    site.cast(vote(2, "a", "fully_ai", at_ms=START_MS + 3))
    site.publish(START_MS + DAY_MS)


def test_before_the_first_tick_lists_are_empty(desk: Desk) -> None:
    """Without a published tree there is nothing, as of the time when the home was made."""
    desk.vote(1, "a", "fully_ai")

    assert full(desk) == {"videos": [], "channels": [], "generatedAt": rfc3339(START_MS)}
    assert delta(desk, EVER) == {"videos": [], "channels": [], "syncTimestamp": rfc3339(START_MS)}


def test_votes_show_when_they_are_published(desk: Desk) -> None:
    """A vote is not in a synchronisation until a tick has published it."""
    desk.site.appoint(1)
    desk.vote(1, "a", "fully_ai")
    desk.site.publish(START_MS)
    before = full(desk)
    desk.vote(1, "b", "fully_ai")

    assert full(desk) == before
    assert scores(before) == {"a": 88}


def test_full_is_the_base_with_the_day_applied(desk: Desk) -> None:
    """Whatever changed since the epoch's base is in a full answer: updates, additions, removals."""
    history(desk.site)
    answer = full(desk)

    assert scores(answer).keys() == {"a", "c"}
    assert answer["generatedAt"] == rfc3339(START_MS + DAY_MS)
    a = next(found for found in answer["videos"] if found["videoId"] == "a")
    assert a["totalVotes"] == 2
    assert "action" not in a
    assert set(answer) == {"videos", "channels", "generatedAt"}


def test_each_token_gets_exactly_what_came_after_it(desk: Desk) -> None:
    """A delta holds the entries changed after `since`, removals included, for ever."""
    site = desk.site
    site.appoint(1, 2)
    site.cast(vote(1, "a", "fully_ai"), vote(1, "b", "ai_visuals"))
    site.publish(START_MS)
    first = full(desk)["generatedAt"]
    assert scores(delta(desk, EVER)) == {"a": 88, "b": 88}
    assert scores(delta(desk, first)) == {}

    site.cast(vote(1, "b", at_ms=START_MS + 1), vote(1, "c", "fully_ai", at_ms=START_MS + 2))
    site.publish(START_MS + HOUR_MS)
    second = full(desk)["generatedAt"]
    assert scores(delta(desk, first)) == {"b": None, "c": 88}
    assert scores(delta(desk, second)) == {}

    site.cast(vote(2, "a", "fully_ai", at_ms=START_MS + 3))
    site.publish(START_MS + DAY_MS)
    third = delta(desk, second)
    assert scores(third).keys() == {"a"}
    assert scores(delta(desk, first)).keys() == {"a", "b", "c"}
    assert scores(delta(desk, EVER))["b"] is None
    assert scores(delta(desk, third["syncTimestamp"])) == {}


def test_following_deltas_gives_what_full_gives(desk: Desk) -> None:
    """A client that applies each delta to what it had holds the full set; an update has a score and categories."""
    held: dict[str, Any] = {}
    since = EVER
    site = desk.site
    site.appoint(*range(1, 6))
    for tick in range(8):
        for voter in range(1, 6):
            kind = ("fully_ai", "not_ai", "ai_visuals")[(tick + voter) % 3]
            site.cast(vote(voter, f"v{(tick * voter) % 7}", kind, at_ms=START_MS + tick))
        site.publish(START_MS + tick * 7 * HOUR_MS)
        answer = delta(desk, since)
        for change in answer["videos"]:
            assert change["action"] in {"update", "remove"}
            if change["action"] == "remove":
                held.pop(change["videoId"], None)
            else:
                assert change["categories"]
                held[change["videoId"]] = {name: value for name, value in change.items() if name != "action"}
        assert since < answer["syncTimestamp"]
        since = answer["syncTimestamp"]
        assert held == {found["videoId"]: found for found in full(desk)["videos"]}


def test_a_tick_without_changes_keeps_the_token(desk: Desk) -> None:
    """All clients on one state ask for the same URL: the token is the last tick that changed content."""
    desk.site.appoint(1)
    desk.site.cast(vote(1, "a", "fully_ai"))
    desk.site.publish(START_MS)
    first, etag = full(desk)["generatedAt"], desk.client.get("/api/sync/full").headers["ETag"]
    desk.site.publish(START_MS + HOUR_MS)

    assert full(desk)["generatedAt"] == first
    assert desk.client.get("/api/sync/full", headers={"If-None-Match": etag}).status_code == 304


def test_a_new_tick_changes_the_etag(desk: Desk) -> None:
    """The ETag covers the published tick."""
    desk.site.appoint(1)
    etags = [desk.client.get("/api/sync/full").headers["ETag"]]
    for tick in range(3):
        desk.site.cast(vote(1, f"v{tick}", "fully_ai"))
        desk.site.publish(START_MS + tick * HOUR_MS)
        etags.append(desk.client.get("/api/sync/full").headers["ETag"])
        assert desk.client.get("/api/sync/full", headers={"If-None-Match": etags[-2]}).status_code == 200

    assert len(set(etags)) == 4


@pytest.mark.parametrize(
    "since",
    [
        rfc3339(START_MS), "2026-09-21T14:13:20Z", "2026-09-21T16:13:20+02:00", "2026-09-21T16:13:20 02:00",
        "2026-09-21t14:13:20.0009999z", "2026-09-21 14:13:20Z",
    ],
)  # fmt: skip
def test_times_in_all_their_spellings(desk: Desk, since: str) -> None:
    """RFC 3339 with or without fractions, of any offset: the same moment gives the same answer."""
    history(desk.site)
    assert rfc3339(START_MS) == "2026-09-21T14:13:20.000Z"

    assert scores(delta(desk, since)).keys() == {"a", "b", "c"}
    one_before = delta(desk, rfc3339(START_MS - 1))
    assert scores(one_before).keys() == {"a", "b", "c"}


@pytest.mark.parametrize("path", ["/api/sync/full", f"/api/sync/delta?since={EVER}"])
def test_bodies_are_compressed_for_whoever_can_read_it(desk: Desk, path: str) -> None:
    """Gzip by Accept-Encoding, the same content either way, and caches are told."""
    history(desk.site)
    plain = desk.client.get(path, headers={"Accept-Encoding": "gzip;q=0, br"})
    small = desk.client.get(path, headers={"Accept-Encoding": "br, gzip"})

    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(small.data)) == plain.json
    assert plain.headers["Vary"] == small.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["ETag"] == small.headers["ETag"]


def test_a_cdn_serves_the_full_set(open_desk: OpenDesk) -> None:
    """With a CDN address a full synchronisation is sent there; its token then gets the day's changes from here."""
    desk = open_desk(cdn_url="https://cdn.example/tree")
    assert full(desk)["videos"] == []
    history(desk.site)
    answer = desk.client.get("/api/sync/full")

    key = answer.headers["Location"].removeprefix("https://cdn.example/tree/")
    assert answer.status_code == 302
    body = desk.site.store.read(key)
    assert body is not None
    base = json.loads(gzip.decompress(body))
    held = scores(base)
    held.update(scores(delta(desk, base["generatedAt"])))
    assert {video_id for video_id, score in held.items() if score is not None} == {"a", "c"}


def test_a_tick_that_cannot_be_read_leaves_the_one_before(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged file or head is never served: the old state stays, and readiness says what is wrong."""
    desk.site.appoint(1)
    desk.site.cast(vote(1, "a", "fully_ai"))
    desk.site.publish(START_MS)
    before = full(desk)
    public = desk.site.home.public
    good_head = (public / HEAD).read_bytes()
    desk.site.cast(vote(1, "b", "fully_ai"))
    desk.site.publish(START_MS + HOUR_MS)
    newest = next(public.glob("v1/compat/*/delta-*"))
    body = newest.read_bytes()

    newest.write_bytes(body[:-1])
    assert full(desk) == before
    assert "hash" in desk.client.get("/health/ready").json["checks"]["published"]["error"]  # type: ignore[index]
    newest.unlink()
    assert full(desk) == before
    (public / HEAD).write_bytes(b"nonsense")
    assert full(desk) == before
    (public / HEAD).unlink()
    assert full(desk) == before

    newest.write_bytes(body)
    (public / HEAD).write_bytes(good_head)
    desk.site.publish(START_MS + 2 * HOUR_MS)
    assert scores(full(desk)).keys() == {"a", "b"}
    assert "going on with the tick before" in caplog.text


def test_a_head_that_cannot_be_followed_is_tried_now_and_then(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request would read the tree anew; it is left alone for some seconds, then tried again, and heals."""
    site.appoint(1)
    site.cast(vote(1, "a", "fully_ai"))
    site.publish(START_MS)
    now_s, reads = [100.0], [0]
    listed = next(site.home.public.glob("v1/m/1-*.json"))
    body = listed.read_bytes()
    listed.write_bytes(b"{}")
    follow = Published._follow

    def counted(self: Published) -> None:
        reads[0] += 1
        follow(self)

    monkeypatch.setattr(Published, "_follow", counted)
    published = Published(site.home.public, START_MS, lambda: now_s[0])
    for _ in range(50):
        assert not published.newest().entries.videos
    assert reads[0] == 1
    now_s[0] += RETRY_S
    for _ in range(50):
        published.newest()
    assert reads[0] == 2
    assert "hash" in published.failure
    listed.write_bytes(body)
    now_s[0] += RETRY_S

    assert set(published.newest().entries.videos) == {"a"}
    assert published.failure == ""
    published.newest()
    assert reads[0] == 3


def test_an_intake_that_starts_late_finds_the_tree(site: Site) -> None:
    """A tree that was published before the intake started is served from the first request on."""
    history(site)
    tick = Published(site.home.public, START_MS).newest()

    assert {video_id for video_id, entry in tick.entries.videos.items() if entry.line} == {"a", "c"}


def test_many_different_tokens_keep_few_bodies(site: Site) -> None:
    """All moments between two changes share one body, and only so many bodies are kept."""
    history(site)
    tick = Published(site.home.public, START_MS).newest()
    places = {tick.place_after(START_MS + second * 1000) for second in range(0, 90_000, 100)}

    assert places == {"", rfc3339(START_MS + HOUR_MS), rfc3339(START_MS + DAY_MS)}
    assert tick.place_after(0) == ""
    assert tick.delta("") is tick.delta("")


def test_channels_are_synchronised_too(desk: Desk) -> None:
    """The base's with the day's changes in a full answer; in a delta those that changed after `since`."""
    site = desk.site
    earn_trust(site)
    votes = [
        vote(who, f"m{n}", "fully_ai", at_ms=START_MS - 60 * DAY_MS, channel_id="UC_machine")
        for who in TRUSTED for n in range(5)
    ]  # fmt: skip
    site.cast(*votes)
    site.publish(START_MS)
    (first,), token = full(desk)["channels"], full(desk)["generatedAt"]
    score = desk.look_up("m1")["channelScore"]
    site.cast(vote(TRUSTED[0], "m9", "fully_ai", at_ms=START_MS + 1, channel_id="UC_machine"))
    site.cast(vote(TRUSTED[1], "m9", "fully_ai", at_ms=START_MS + 2, channel_id="UC_machine"))
    site.publish(START_MS + DAY_MS)
    (then,), answer = full(desk)["channels"], delta(desk, token)
    site.cast(*(vote(who, f"m{n}", at_ms=START_MS + DAY_MS + 1) for who in TRUSTED for n in (*range(5), 9)))
    site.publish(START_MS + 2 * DAY_MS)
    gone = delta(desk, answer["syncTimestamp"])["channels"]

    assert (first["channelId"], first["totalVideos"], then["totalVideos"]) == ("UC_machine", 5, 6)
    assert score == first["score"] > 0
    assert answer["channels"] == [{"action": "update", **then}]
    assert delta(desk, EVER)["channels"] == gone
    assert gone == [
        {"channelId": "UC_machine", "action": "remove", "score": 0, "lastUpdated": rfc3339(START_MS + 2 * DAY_MS)}
    ]
    assert full(desk)["channels"] == []
