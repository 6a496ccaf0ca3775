"""Other rules beside ours, as they are used elsewhere; none of them is in the product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.attacks.world import DAY_MS
from data.columns import Floats, Votes
from data.records import CATEGORIES, NOT_AI_BIT
from data.score import logit, probability

Rule = Callable[[Votes, int, int], Floats]
"""Votes (one a voter and video), the greatest video key, the time -> score 0-1 by video key; 0 without votes."""
STEPS = 20


def majority(votes: Votes, videos: int, now_ms: int) -> Floats:
    """The share of flags."""
    flag = votes.categories < NOT_AI_BIT
    return _share(np.bincount(votes.video, flag, videos + 1), np.bincount(votes.video, minlength=videos + 1) * 1.0)


def peer_formula(votes: Votes, videos: int, now_ms: int) -> Floats:
    """The leading category's share of all trust-weighted votes, counter-votes included."""
    trust = _trust(votes, now_ms)
    whole = np.bincount(votes.video, trust, videos + 1)
    best = np.zeros(videos + 1)
    for place in range(len(CATEGORIES)):
        named = (votes.categories & (1 << place)) > 0
        best = np.maximum(best, np.bincount(votes.video, trust * named, videos + 1))
    return _share(best, whole)


def trust_sum(votes: Votes, videos: int, now_ms: int) -> Floats:
    """Flagged when the trust of flags less that of counter-votes reaches 2.5."""
    flag = votes.categories < NOT_AI_BIT
    points = np.bincount(votes.video, _trust(votes, now_ms) * np.where(flag, 1.0, -1.0), videos + 1)
    return np.asarray((points >= 2.5) * 1.0, np.float64)


def dawid_skene(votes: Votes, videos: int, now_ms: int) -> Floats:
    """Two-sided expectation maximisation (Dawid and Skene 1979), started from the majority, without audits."""
    flag, video, voter = votes.categories < NOT_AI_BIT, votes.video, votes.voter
    size, voted = int(voter.max(initial=0)) + 1, np.bincount(video, minlength=videos + 1) > 0
    chance = majority(votes, videos, now_ms)
    for _ in range(STEPS):
        ai, human = chance[video], 1.0 - chance[video]
        on_ai = (np.bincount(voter, ai * flag, size) + 1) / (np.bincount(voter, ai, size) + 2)
        on_human = (np.bincount(voter, human * flag, size) + 1) / (np.bincount(voter, human, size) + 2)
        worth = np.where(flag, np.log(on_ai / on_human)[voter], np.log((1 - on_ai) / (1 - on_human))[voter])
        rate = float(np.clip(chance[voted].mean(), 1e-3, 1 - 1e-3)) if voted.any() else 0.5
        chance = probability(logit(rate) + np.bincount(video, worth, videos + 1)) * voted
    return chance


def _trust(votes: Votes, now_ms: int) -> Floats:
    """Trust from age and volume, as peers have it: 0.3 at first, up to 1 with 60 days and 20 votes."""
    size = int(votes.voter.max(initial=0)) + 1
    since = np.full(size, now_ms, np.int64)
    np.minimum.at(since, votes.voter, np.where(votes.voter_since_ms > 0, votes.voter_since_ms, votes.cast_at_ms))
    age, cast = (now_ms - since) / (60 * DAY_MS), np.bincount(votes.voter, minlength=size) / 20
    return (0.3 + 0.35 * np.minimum(1, age) + 0.35 * np.minimum(1, cast))[votes.voter]


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    shares = np.zeros(len(whole))
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


BASELINES: Mapping[str, Rule] = {
    "majority": majority,
    "peer": peer_formula,
    "trust sum": trust_sum,
    "Dawid-Skene": dawid_skene,
}
