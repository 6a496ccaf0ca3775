"""How much the server has seen: counted as votes come, never by reading all of them again."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest

import intake.tally
from data.log import schema
from data.records import CATEGORIES
from intake.tally import Tally
from intake.wsgi import now_ms
from tests.factories import DAY_MS, START_MS, Site, vote
from tests.intake.conftest import Desk


def stats(desk: Desk) -> Any:
    """The counts."""
    answer = desk.client.get("/api/stats")
    assert answer.status_code == 200
    return answer.json


def test_an_empty_server_has_seen_nothing(desk: Desk) -> None:
    """Every count is there, and 0."""
    assert stats(desk) == {
        "totalVideos": 0, "totalChannels": 0, "totalVotes": 0, "totalUsers": 0, "activeUsers24h": 0,
        "topCategories": dict.fromkeys(CATEGORIES, 0),
    }  # fmt: skip


def test_counts_move_when_their_cause_does(desk: Desk) -> None:
    """Votes, voters, videos, channels and categories, each by what happens; a repeated vote moves none."""
    desk.vote(1, "a", "ai_visuals", "ai_voiceover", channelId="UC_one")
    desk.vote(2, "a", "ai_visuals")
    desk.vote(2, "b", "not_ai")
    first = stats(desk)
    assert first == {
        "totalVideos": 2, "totalChannels": 1, "totalVotes": 3, "totalUsers": 2, "activeUsers24h": 2,
        "topCategories": {"ai_visuals": 2, "ai_voiceover": 1, "fully_ai": 0, "ai_thumbnails": 0, "ai_assisted": 0},
    }  # fmt: skip
    assert list(first["topCategories"])[:2] == ["ai_visuals", "ai_voiceover"]
    desk.vote(2, "a", "ai_visuals")
    assert stats(desk) == first
    desk.retract(2, "a")
    assert stats(desk) == first
    desk.vote(3, "a", "ai_visuals")
    assert (stats(desk)["totalVotes"], stats(desk)["totalUsers"]) == (4, 3)


def test_votes_of_other_writers_count(desk: Desk) -> None:
    """Imports append beside the server, with times long ago."""
    now = now_ms()
    desk.site.cast(vote(1, "a", "fully_ai", at_ms=now - 2 * DAY_MS), vote(2, "a", "fully_ai", at_ms=now - 5_000))
    assert (stats(desk)["totalVotes"], stats(desk)["activeUsers24h"]) == (2, 1)
    desk.site.cast(vote(3, "a", "fully_ai", at_ms=now - 9 * DAY_MS), vote(1, "b", "fully_ai", at_ms=now))

    assert (stats(desk)["totalVotes"], stats(desk)["activeUsers24h"]) == (4, 2)


def test_active_voters_are_those_of_the_last_day(site: Site) -> None:
    """A voter drops out 24 hours after their newest vote."""
    site.cast(vote(1, "a", "fully_ai"), vote(2, "a", "fully_ai", at_ms=START_MS + 1_000))
    clock = [START_MS + 2_000]
    tally = Tally(lambda: clock[0])
    with closing(schema.open_for_reading(site.home.votes_log)) as log:
        assert tally.stats(log).active_users_24h == 2
        clock[0] = START_MS + DAY_MS
        assert tally.stats(log).active_users_24h == 1
        site.cast(vote(1, "b", "fully_ai", at_ms=clock[0]))
        assert tally.stats(log).active_users_24h == 2
        clock[0] += DAY_MS
        assert tally.stats(log).active_users_24h == 0
        assert tally.stats(log).total_votes == 3


def test_each_vote_is_read_once(site: Site) -> None:
    """After the first question only votes that came since are read."""
    site.cast(*(vote(voter, "a", "fully_ai") for voter in range(1, 200)))
    tally = Tally(lambda: START_MS)
    with closing(schema.open_for_reading(site.home.votes_log)) as log:
        steps = [0]

        def stats() -> int:
            steps[0] = 0
            log.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 10)
            votes = tally.stats(log).total_votes
            log.set_progress_handler(None, 10)
            return votes

        assert stats() == 199
        first = steps[0]
        assert stats() == 199
        assert steps[0] < first / 10
        site.cast(vote(500, "a", "fully_ai"))
        assert stats() == 200
        assert steps[0] < first / 10


def test_a_long_count_holds_nobody_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one thread counts a long log, others are soon told what was counted so far; the end is exact."""
    monkeypatch.setattr(intake.tally, "CHUNK", 10)
    monkeypatch.setattr(intake.tally, "PATIENCE_S", 0.01)
    site.cast(*(vote(voter, "a", "fully_ai") for voter in range(1, 101)))
    tally, halfway, go_on = Tally(lambda: START_MS), threading.Event(), threading.Event()
    count = Tally._count

    def slow(self: Tally, connection: sqlite3.Connection, after: int, through: int, since_ms: int) -> None:
        count(self, connection, after, through, since_ms)
        if through == 50:
            halfway.set()
            assert go_on.wait(20)

    monkeypatch.setattr(Tally, "_count", slow)
    totals: list[int] = []
    with (
        closing(schema.open_for_reading(site.home.votes_log)) as log,
        closing(schema.open_for_reading(site.home.votes_log)) as other,
    ):
        counting = threading.Thread(target=lambda: totals.append(tally.stats(log).total_votes))
        counting.start()
        assert halfway.wait(20)
        assert tally.stats(other).total_votes == 50
        go_on.set()
        counting.join()
        assert tally.stats(other).total_votes == 100
    assert totals == [100]
