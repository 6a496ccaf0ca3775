"""Look-ups by hash prefix: every video with a standing vote, filtered as asked."""

from __future__ import annotations

import hashlib

import pytest

from tests.intake.conftest import Desk, OpenDesk


def prefix_of(video_id: str, digits: int = 4) -> str:
    """The start of a video's hash."""
    return hashlib.sha256(video_id.encode()).hexdigest()[:digits]


def neighbours(count: int) -> list[str]:
    """Some video ids that share the first four digits of their hashes."""
    by_prefix: dict[str, list[str]] = {}
    for number in range(1_000_000):
        same = by_prefix.setdefault(prefix_of(f"v{number}"), [])
        same.append(f"v{number}")
        if len(same) == count:
            return same
    raise AssertionError


def ids(desk: Desk, path: str) -> list[str]:
    """The ids of a look-up, empty on 404."""
    answer = desk.client.get(path)
    assert answer.status_code in {200, 404}, answer.text
    return [found["videoId"] for found in answer.json or []] if answer.status_code == 200 else []


def test_known_hashes() -> None:
    """The two hashes that clients were measured with."""
    assert (prefix_of("dQw4w9WgXcQ"), prefix_of("jNQXAC9IVRw")) == ("5f6b", "6745")


def test_all_videos_of_a_prefix_are_listed(desk: Desk) -> None:
    """A prefix lists exactly the videos whose hash starts with it, whatever their score."""
    several = neighbours(3)
    for voter, video_id in enumerate([*several, "elsewhere"]):
        desk.vote(voter, video_id, "not_ai" if voter % 2 else "fully_ai")

    assert ids(desk, f"/api/videos/{prefix_of(several[0])}") == several


@pytest.mark.parametrize("digits", [4, 5, 6, 7, 8])
def test_longer_prefixes_narrow(desk: Desk, digits: int) -> None:
    """Four to eight digits, in capitals or not, with blanks around or not."""
    desk.vote(1, "dQw4w9WgXcQ", "fully_ai")
    prefix = prefix_of("dQw4w9WgXcQ", digits)

    assert ids(desk, f"/api/videos/{prefix}") == ids(desk, f"/api/videos/{prefix.upper()}%20") == ["dQw4w9WgXcQ"]
    wrong = prefix[:-1] + ("0" if prefix[-1] != "0" else "1")
    assert ids(desk, f"/api/videos/{wrong}") == []


def test_the_first_and_the_last_prefix_are_ordinary(desk: Desk) -> None:
    """The ends of the range of hashes can be asked for."""
    assert ids(desk, "/api/videos/0000") == ids(desk, "/api/videos/ffffffff") == []


def test_a_retracted_video_is_not_listed(desk: Desk) -> None:
    """Without a standing vote a video is unknown."""
    desk.vote(1, "dQw4w9WgXcQ", "fully_ai")
    desk.retract(1, "dQw4w9WgXcQ")

    assert ids(desk, "/api/videos/5f6b") == []


def test_filters(desk: Desk) -> None:
    """`categories` asks for videos with one of them, `minScore` for a score of at least that; both may be given."""
    voice, visuals, counter = several = neighbours(3)
    path = f"/api/videos/{prefix_of(voice)}"
    for voter in range(9):
        desk.vote(voter, voice, "ai_voiceover")
    desk.vote(1, visuals, "ai_visuals")
    desk.vote(1, counter, "not_ai")
    score = desk.look_up(voice)["score"]

    assert ids(desk, f"{path}?categories=ai_voiceover") == [voice]
    assert ids(desk, f"{path}?categories=ai_voiceover,%20ai_visuals,") == [voice, visuals]
    assert ids(desk, f"{path}?categories=not_ai") == [counter]
    assert ids(desk, f"{path}?categories=fully_ai") == []
    assert ids(desk, f"{path}?minScore={score}") == [voice]
    assert ids(desk, f"{path}?minScore={score + 1}") == []
    assert ids(desk, f"{path}?minScore={score - 0.5}&categories=ai_visuals") == []
    assert ids(desk, f"{path}?minScore=&categories=") == several


def test_counter_votes_are_shown_when_asked_for(desk: Desk) -> None:
    """`include=not_ai` holds for prefixes too."""
    desk.vote(1, "dQw4w9WgXcQ", "not_ai")

    assert [found["categories"] for found in desk.client.get("/api/videos/5f6b").json or []] == [{}]
    shown = desk.client.get("/api/videos/5f6b?include=not_ai").json or []
    assert shown[0]["categories"]["not_ai"]["votes"] == 1


def test_how_long_look_ups_are_kept_is_a_setting(open_desk: OpenDesk) -> None:
    """`REALTUBE_LOOKUP_MAX_AGE_S` is the max-age of look-ups."""
    answer = open_desk(lookup_max_age_s=7).client.get("/api/videos/0000")

    assert answer.headers["Cache-Control"] == "public, max-age=7"


def test_the_newest_vote_dates_a_video(desk: Desk) -> None:
    """`lastUpdated` is the time of the newest vote, with milliseconds."""
    desk.vote(1, "dQw4w9WgXcQ", "fully_ai")
    first = desk.look_up("dQw4w9WgXcQ")["lastUpdated"]
    desk.vote(2, "dQw4w9WgXcQ", "fully_ai")
    second = desk.look_up("dQw4w9WgXcQ")["lastUpdated"]

    assert len(first) == len(second) == len("2026-11-21T09:25:19.657Z")
    assert first < second
