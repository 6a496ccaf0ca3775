"""Voters who vote together: they count once a side of a video, and confirm nobody of their own. Pure.

Two voters belong together when they share far more videos than their activity explains, and far more than voters
whose votes audits have met share with anybody. Each video pairs only neighbours in one fixed order of voters, so the
cost is linear in votes; a ring is found as a chain, and a union of chains is a cluster.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data.columns import Floats, Ints, Keys, Mask, Votes

NEIGHBOURS = 3
"""With how many voters after them, in the fixed order, voters of a video are paired."""
LEAST_SHARED = 5.0
"""Fewer shared videos than this prove nothing."""
CHANCE_FACTOR, CHANCE_SPREAD = 2.0, 4.0
"""Shared videos must exceed this times what chance explains, and so many of its standard deviations more."""
USUAL_FACTOR = 3.0
"""And this times what audited voters usually share: people who are handed the same tasks are no ring."""
USUAL_QUANTILE = 0.3
"""Low, so that farmers whom audits meet too do not make rings usual."""
BUCKETS = 1 << 22
"""Of the first, coarse count of pairs."""


def clusters(votes: Votes, row: Ints, audited: Floats) -> Keys:
    """Finds who votes together.

    Args:
        votes: Standing votes, by (video, voter).
        row: Row of each vote's video.
        audited: By voter key: how many of the voter's votes an audit has met.

    Returns:
        By voter key: the least key of the voter's cluster, 0 for voters who stand alone.
    """
    cast = np.bincount(votes.voter, minlength=len(audited))
    active = np.flatnonzero(cast[votes.voter] >= LEAST_SHARED)
    place = np.empty(len(audited), np.int64)
    place[np.argsort(_scattered(np.arange(len(audited))), kind="stable")] = np.arange(len(audited))
    order = active[np.argsort((row[active] << 32) | place[votes.voter[active]])]
    voter, row = votes.voter[order], row[order]
    del active, order, place
    first, second, shared = _pairs(voter, row, len(audited))
    taste = np.bincount(row, weights=1.0 / cast[voter])  # each voter counts once, however busy a ring is
    alike = float(((taste / max(1.0, taste.sum())) ** 2).sum())
    chance = cast[first] * cast[second] * alike
    limit = LEAST_SHARED + CHANCE_FACTOR * chance + CHANCE_SPREAD * np.sqrt(chance)
    limit = np.maximum(limit, USUAL_FACTOR * _usual(first, second, shared, audited=audited, cast=cast))
    bound = shared >= limit
    return _components(first[bound], second[bound], len(audited))


def _scattered(voter: Ints) -> npt.NDArray[np.uint64]:
    """A fixed order that keys and arrival say nothing about (Knuth's multiplicative hash)."""
    return (voter.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)


def _pairs(voter: Keys, row: Ints, size: int) -> tuple[Keys, Keys, Ints]:
    """Pairs of neighbours that share videos, and how many; those that share too few are left out."""
    often = np.zeros(BUCKETS, np.int64)
    for step in range(1, NEIGHBOURS + 1):
        often += np.bincount(_beside(voter, row, step, size) % BUCKETS, minlength=BUCKETS)
    found = []
    for step in range(1, NEIGHBOURS + 1):  # twice over, so that pairs that meet once are never kept together
        pair = _beside(voter, row, step, size)
        found.append(pair[often[pair % BUCKETS] >= 2])
    pair = np.concatenate(found)
    pairs, shared = np.unique(pair, return_counts=True)
    return (pairs // size).astype(np.int32), (pairs % size).astype(np.int32), shared


def _beside(voter: Keys, row: Ints, step: int, size: int) -> Ints:
    """The pairs of voters so many places apart on a video, each as one number."""
    together = np.flatnonzero(row[step:] == row[:-step])
    one, other = voter[together].astype(np.int64), voter[together + step].astype(np.int64)
    return np.asarray(np.minimum(one, other) * size + np.maximum(one, other), np.int64)


def _usual(first: Keys, second: Keys, shared: Ints, *, audited: Floats, cast: Ints) -> float:
    """Over active voters whom audits have met: a low quantile of the most videos that they share with a neighbour."""
    most = np.zeros(len(audited), np.int64)
    np.maximum.at(most, first, shared)
    np.maximum.at(most, second, shared)
    met: Mask = (audited > 0) & (cast >= LEAST_SHARED)
    return float(np.quantile(most[met], USUAL_QUANTILE)) if met.any() else 0.0


def _components(first: Keys, second: Keys, size: int) -> Keys:
    """Connected components: every voter takes the least key that it can reach."""
    label = np.arange(size)
    while len(first):
        least = np.minimum(label[first], label[second])
        new = label.copy()
        np.minimum.at(new, label[first], least)
        np.minimum.at(new, label[second], least)
        np.minimum.at(new, first, least)
        np.minimum.at(new, second, least)
        new = new[new]
        if (new == label).all():
            break
        label = new
    member = np.bincount(label, minlength=size)[label] > 1
    return np.where(member, label, 0).astype(np.int32)
