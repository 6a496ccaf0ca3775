"""The worked example of `docs/scoring.md`, recomputed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data.columns import standing
from data.score import Videos, percent, score
from data.voters import NEWCOMER_COUNTER, NEWCOMER_FLAG, Levels, Voters
from tests.publisher.scoring.crowds import votes

PAGE = Path(__file__).parents[3] / "docs" / "scoring.md"


def test_the_worked_example_holds() -> None:
    """Three newcomers' flags give 40; a fourth newcomer's counter-vote takes it to 14; the page says so."""
    size = 5
    voters = Voters(np.zeros(size, np.uint8), np.full(size, NEWCOMER_FLAG), np.full(size, NEWCOMER_COUNTER))
    videos = Videos(np.array([1], np.int32), np.array([Levels().neutral]), np.array([-1], np.int8))
    flags = [(1, 1, 1), (2, 1, 1), (3, 1, 1)]
    three = percent(score(standing(votes(flags)), voters, videos).score)
    four = percent(score(standing(votes([*flags, (4, 1, 32)])), voters, videos).score)
    text = PAGE.read_text(encoding="utf-8")
    assert f"**{three[0]}**" in text
    assert f"**{four[0]}**" in text
    assert (three[0], four[0]) == (40, 14)
