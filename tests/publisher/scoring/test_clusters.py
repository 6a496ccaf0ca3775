"""Voters who vote together are found, people who are handed the same tasks are not."""

from __future__ import annotations

import numpy as np

from data.columns import standing
from publisher.scoring.crowd import crowd_of
from tests.publisher.scoring.crowds import NOW_MS, crowd, decided, together, votes


def test_a_ring_is_one_cluster() -> None:
    """Forty accounts that flag the same thirty rare videos are one voice."""
    cast, decisions, _ = crowd(1, voters=200, videos=600, each=3)
    ring = votes([(voter, video, 1) for voter in range(301, 341) for video in range(700, 730)], first_position=9000)
    found = crowd_of(together(cast, ring), decisions, NOW_MS).cluster
    assert (found[301:341] == 301).all()
    assert not found[:301].any()


def test_a_dense_crowd_is_no_ring() -> None:
    """Where everybody votes on everything, sharing is what chance explains."""
    cast, decisions, _ = crowd(2, voters=30, videos=60, each=30)
    assert not crowd_of(cast, decisions, NOW_MS).cluster.any()


def test_one_voter_is_no_cluster() -> None:
    """Nor are two who share a video."""
    cast = votes([(1, 1, 1), (2, 1, 1)])
    assert not crowd_of(cast, decided(), NOW_MS).cluster.any()
    assert len(standing(cast)) == np.int64(2)
