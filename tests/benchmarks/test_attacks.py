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
    assert moved(by(BASELINES["majority"]), here, attacks.fresh, targets, 1) == 1.0
    assert np.isfinite(ours(here, here.cast)).all()
