"""An explanation adds up to the verdict that it explains."""

from __future__ import annotations

import numpy as np
import pytest

from data.score import logit
from publisher.scoring.explain import explain_video, explain_voter
from publisher.scoring.trust import full_round, score_all
from tests.publisher.scoring.crowds import NOW_MS, crowd, decided


def test_the_parts_add_up() -> None:
    """Prior, flags and counter-votes give the score; every vote has its share."""
    cast, decisions, _ = crowd(4)
    learned = full_round(cast, decisions, log_id="", position=0, now_ms=NOW_MS)
    scores = score_all(cast, decisions, now_ms=NOW_MS)
    audited = set(decisions.video.tolist())
    video = next(key for key in range(1, 100) if key not in audited)
    found = explain_video(video, cast.take(cast.video == video), learned, decisions)
    assert found.score == scores.verdicts.score[np.searchsorted(scores.videos, video)]
    assert float(logit(found.score)) == pytest.approx(found.prior + found.flags - found.counters)
    assert sum(part.log_odds for part in found.parts) == pytest.approx(found.flags + found.counters)
    assert found.fixed_by == ""
    assert len(found.parts) == 6


def test_an_audit_fixes_a_score() -> None:
    """It says so, and that no vote would change it."""
    cast, decisions, _ = crowd(4)
    learned = full_round(cast, decisions, log_id="", position=0, now_ms=NOW_MS)
    video = int(decisions.video[0])
    found = explain_video(video, cast.take(cast.video == video), learned, decisions)
    assert (found.fixed_by, found.lacks) == ("audit", 0.0)


def test_unknown_voters_are_newcomers() -> None:
    """A voter whom no round has met counts as a newcomer of today."""
    cast, decisions, _ = crowd(4)
    learned = full_round(cast, decisions, log_id="", position=0, now_ms=NOW_MS)
    assert explain_voter(5000, cast, learned, decisions).level == "newcomer"
    assert explain_voter(5000, cast, learned, decided({}, (5000,))).level == "moderator"
