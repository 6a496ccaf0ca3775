"""What a rule makes of a world: accuracy, calibration, and which targets an attack moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.attacks.attacks import Attack
from benchmarks.attacks.baselines import Rule
from benchmarks.attacks.world import NOW_MS, Cast, World, columns
from data.columns import Floats, Keys, Mask
from publisher.scoring.trust import score_all

FLAGGED = 0.5
Scorer = Callable[[World, Cast], Floats]
"""A world and all votes in it -> score 0-1 by video key; 0 without votes."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good scores are, over voted videos that no audit has met."""

    precision: float
    recall: float
    f1: float
    brier: float
    calibration_error: float
    """Mean distance of score and truth over ten bins, by their sizes."""


def ours(world: World, cast: Cast) -> Floats:
    """The product's rule."""
    found = score_all(columns(cast, np.random.default_rng(11)), world.decisions(), now_ms=NOW_MS)
    scores = np.zeros(len(world.truth))
    scores[found.videos] = found.verdicts.score
    return scores


def by(rule: Rule) -> Scorer:
    """A baseline as a scorer."""
    return lambda world, cast: rule(columns(cast, np.random.default_rng(11)), len(world.truth) - 1, NOW_MS)


def quality(world: World, scores: Floats, cast: Cast) -> Quality:
    """Compares scores with the truth."""
    videos = np.setdiff1d(np.unique(cast.video), world.audited)
    score, truth = scores[videos], world.truth[videos]
    hit = score >= FLAGGED
    right = float((hit & truth).sum())
    precision, recall = right / max(1, hit.sum()), right / max(1, truth.sum())
    return Quality(
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / max(1e-9, precision + recall),
        brier=float(((score - truth) ** 2).mean()),
        calibration_error=_calibration_error(score, truth),
    )


def moved(scorer: Scorer, world: World, attack: Attack, targets: Keys, accounts: int, *, clear: bool = False) -> float:
    """The share of targets that stand on the attacker's side after the attack."""
    after = scorer(world, world.cast.plus(attack(world, np.random.default_rng(3), targets, accounts)))[targets]
    return float(((after < FLAGGED) if clear else (after >= FLAGGED)).mean())


def accounts_for_half(
    scorer: Scorer, world: World, attack: Attack, targets: Keys, numbers: Sequence[int], *, clear: bool = False
) -> int | None:
    """The first of these numbers of accounts that moves half of the targets, None when none does."""
    return next((n for n in numbers if moved(scorer, world, attack, targets, n, clear=clear) >= 0.5), None)


def _calibration_error(score: Floats, truth: Mask) -> float:
    place = np.minimum((score * 10).astype(np.int64), 9)
    size = np.bincount(place, minlength=10)
    gap = np.abs(np.bincount(place, score, 10) - np.bincount(place, truth, 10))
    return float(gap[size > 0].sum() / max(1, len(score)))
