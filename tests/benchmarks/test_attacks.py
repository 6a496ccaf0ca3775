"""The laboratory runs, small, and the rule keeps its promises there."""

from __future__ import annotations

import numpy as np

from benchmarks.attacks import attacks
from benchmarks.attacks.baselines import BASELINES
from benchmarks.attacks.measures import by, moved, ours, quality
from benchmarks.attacks.world import Size, world

SMALL = Size(voters=3000, videos=4000, channels=400, sightings=40_000, audits=120, moderators=5)


def test_a_world_follows_from_its_seed() -> None:
    """The same seed gives the same votes."""
    one, other = world(SMALL, 3), world(SMALL, 3)
    assert (one.cast.video == other.cast.video).all()
    assert (one.cast.cast_at_ms == other.cast.cast_at_ms).all()


def test_the_rule_beats_every_baseline() -> None:
    """F1 and Brier of the rule are better than each baseline's in a small honest world."""
    here = world(SMALL, 1)
    mine = quality(here, ours(here, here.cast), here.cast)
    for rule in BASELINES.values():
        other = quality(here, by(rule)(here, here.cast), here.cast)
        assert mine.f1 > other.f1
        assert mine.brier < other.brier


def test_brigades_move_nothing() -> None:
    """A hundred accounts, new, old, farmed or lying, take at most one neutral video in twenty to 50."""
    here = world(SMALL, 1)
    targets = here.neutral()[:30]
    for attack in (attacks.fresh, attacks.aged, attacks.farmers, attacks.liars):
        assert moved(ours, here, attack, targets, 100) <= 0.05
    human = np.setdiff1d(np.flatnonzero(~here.truth)[1:], here.cast.video).astype(np.int32)[:60]
    assert moved(ours, here, attacks.copycats, human, 100) == 0.0
    assert moved(by(BASELINES["majority"]), here, attacks.fresh, targets, 1) == 1.0
    assert np.isfinite(ours(here, here.cast)).all()


def test_safe_counter_votes_do_not_make_a_crowd_look_answered() -> None:
    """The second hole: 300 accounts with 40 safe counter-votes each would shorten the record that flags need."""
    here = world(Size(10_000, 12_000, 1000, sightings=130_000, audits=100, counter_votes=False), 1)
    assert moved(ours, here, attacks.answering, here.neutral()[:20], 5) <= 0.1
