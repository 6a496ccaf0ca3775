"""What a person should look at is listed, what is ordinary is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data.columns import NO_VOTES, standing
from data.voters import NO_VOTERS
from publisher.scoring import guards
from publisher.scoring.trust import full_round
from tests.publisher.scoring.crowds import NOW_MS, crowd, together, votes


def test_a_burst_of_newcomers_is_listed() -> None:
    """Thirty new flags on a video with three old votes are; the same votes a month later are not."""
    old = votes([(voter, 7, 1) for voter in range(1, 4)])
    new = votes([(voter, 7, 1) for voter in range(10, 40)], first_position=100)
    new = replace(new, cast_at_ms=np.full(30, NOW_MS - 1000))
    words = standing(together(old, new))
    found = guards.bursts(words, NO_VOTERS, NOW_MS)
    assert (found.video.tolist(), found.flags.tolist(), found.votes.tolist(), found.before.tolist()) == (
        [7], [True], [30], [3],
    )  # fmt: skip
    assert len(guards.bursts(words, NO_VOTERS, NOW_MS + 30 * guards.DAY_MS).video) == 0
    assert len(guards.bursts(NO_VOTES, NO_VOTERS, NOW_MS).video) == 0


def test_a_ring_is_listed_once() -> None:
    """With its voters and videos."""
    cast, decisions, _ = crowd(1, voters=200, videos=600, each=3)
    ring = votes([(voter, video, 1) for voter in range(301, 341) for video in range(700, 730)], first_position=9000)
    whole = together(cast, ring)
    learned = full_round(whole, decisions, log_id="", position=0, now_ms=NOW_MS)
    found = guards.clusters(standing(whole), learned.voters)
    assert (found.cluster.tolist(), found.voters.tolist(), found.videos.tolist()) == ([301], [40], [30])
