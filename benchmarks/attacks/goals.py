"""Every goal of the score, measured, beside the baselines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.attacks import attacks, crowds
from benchmarks.attacks.baselines import BASELINES
from benchmarks.attacks.measures import FLAGGED, Quality, accounts_for_half, by, moved, ours, quality
from benchmarks.attacks.world import NOW_MS, Size, World, columns, world
from data.columns import Floats, Keys
from publisher.scoring.trust import full_round

ACCOUNTS = 500
TARGETS = 100
NUMBERS = (1, 2, 3, 4, 6, 8, 12, 20, 50, 200, 500)
SEED = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure beside its goal."""

    name: str
    value: float
    goal: float
    at_least: bool
    """Whether the goal is a floor or a ceiling."""
    note: str = ""
    """What the baselines reach, or what the figure costs an attacker."""

    @property
    def reached(self) -> bool:
        """Whether the goal is met."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def rows(crowd: Path | None, *, full: bool = False, size: Size | None = None) -> Iterator[Figure]:
    """Measures every goal.

    Args:
        crowd: Folder of the real sets; None leaves their rows out.
        full: Ten million votes instead of one for the cost.
        size: The world's size; None takes the usual one.
    """
    for counter_votes in (True, False):
        given = size or Size()
        here = world(replace(given, counter_votes=counter_votes), SEED)
        yield from _honest(here, "C" if counter_votes else "P")
        yield from _attacked(here, "C" if counter_votes else "P")
    if crowd is not None:
        yield from _real(crowd)
    yield from _cost(10_000_000 if full else 1_000_000 if size is None else 20_000)


def _honest(here: World, kind: str) -> Iterator[Figure]:
    c = kind == "C"
    mine = quality(here, ours(here, here.cast), here.cast)
    others = {name: quality(here, by(rule)(here, here.cast), here.cast) for name, rule in BASELINES.items()}

    def note(read: Callable[[Quality], float]) -> str:
        return ", ".join(f"{name} {read(found):.2f}" for name, found in others.items())

    detail = f"precision {mine.precision:.2f}, recall {mine.recall:.2f}; "
    yield Figure(f"{kind}: F1 at 50", mine.f1, 0.88 if c else 0.70, True, detail + note(lambda q: q.f1))
    yield Figure(f"{kind}: Brier", mine.brier, 0.08 if c else 0.15, False, note(lambda q: q.brier))
    yield Figure(f"{kind}: calibration error", mine.calibration_error, 0.04, False, note(lambda q: q.calibration_error))


def _attacked(here: World, kind: str) -> Iterator[Figure]:
    draw, c = np.random.default_rng(SEED), kind == "C"
    base = ours(here, here.cast)
    neutral, thin = _some(here.neutral(), draw), _some(_unvoted(here), draw)
    for name, attack in attacks.BRIGADES.items():
        note = _half(here, attack, neutral)
        yield Figure(f"{kind}: {name}, neutral", moved(ours, here, attack, neutral, ACCOUNTS), 0.0, False, note)
        yield Figure(f"{kind}: {name}, any channel", moved(ours, here, attack, thin, ACCOUNTS), 0.03, False)
    yield from _farmers(here, kind, neutral[:40])
    if c:
        one = _some(_with_one_flag(here, base), draw)
        yield Figure("C: one honest flag, fresh accounts", moved(ours, here, attacks.fresh, one, ACCOUNTS), 0.05, False)
    own = _some(np.setdiff1d(np.flatnonzero(here.truth & (base >= FLAGGED)), here.audited), draw)
    for name, attack in (("new", attacks.clearing), ("old", attacks.clearing_aged)):
        cleared = moved(ours, here, attack, own, ACCOUNTS, clear=True)
        yield Figure(f"{kind}: own AI videos cleared by {name} accounts", cleared, 0.05 if c else 0.20, False)
    yield Figure(f"{kind}: siblings flagged on a poisoned channel", _poisoned(here), 0.10, False)
    spam = here.cast.plus(attacks.spam(here, draw, 10_000))
    found = quality(here, ours(here, spam), spam)
    note = ", ".join(f"{n} {quality(here, by(r)(here, spam), spam).precision:.2f}" for n, r in BASELINES.items())
    yield Figure(f"{kind}: 10 000 random flags, precision", found.precision, 0.85 if c else 0.0, True, note)
    third = here.cast.plus(attacks.malicious_newcomers(here, draw, 0.3))
    yield Figure(f"{kind}: 30 % of new accounts malicious, F1", quality(here, ours(here, third), third).f1, 0.0, True)


def _farmers(here: World, kind: str, targets: Keys) -> Iterator[Figure]:
    for votes in (20, 60):
        needed = accounts_for_half(ours, here, attacks.farmed(votes), targets, (1, 2, 3, 4, 5, 6, 8, 12))
        cost = f"{needed or '> 12'} accounts × {votes} early right votes × {attacks.FARMING_DAYS} days a target"
        goal = 6.0 if votes == attacks.EARLY_RIGHT_VOTES else 0.0
        yield Figure(f"{kind}: farmers ({votes} votes), one target each", float(needed or 13), goal, True, cost)
    safe = moved(ours, here, attacks.safe_farmers, targets, 6)
    yield Figure(f"{kind}: six farmers of safe counter-votes a target", safe, 0.05, False)


def _half(here: World, attack: attacks.Attack, targets: Keys) -> str:
    found = {name: accounts_for_half(by(rule), here, attack, targets[:25], NUMBERS) for name, rule in BASELINES.items()}
    return "half by " + ", ".join(f"{name} {number or '> 500'}" for name, number in found.items())


def _poisoned(here: World) -> float:
    quiet = np.bincount(here.channel_of[_unvoted(here)], minlength=len(here.channel_rate))
    hit = []
    for channel in np.flatnonzero((quiet >= 16) & (here.channel_rate < 0.1))[:8]:
        cast, siblings = attacks.poison(here, np.random.default_rng(3), int(channel), 8)
        hit.append((ours(here, here.cast.plus(cast))[siblings] >= FLAGGED).mean())
    return float(np.mean(hit)) if hit else 0.0


def _real(folder: Path) -> Iterator[Figure]:
    found, least = [], []
    for name in crowds.SETS:
        sets = [crowds.load(folder, name, seed) for seed in (1, 2, 3)]
        mine = float(np.mean([crowds.accuracy(one, crowds.scores(one, one.votes)) for one in sets]))
        majority = crowds.majority_accuracy(sets[0])
        found.append(mine)
        least.append(mine - majority)
        yield Figure(f"real: {name}, accuracy", mine, majority - 0.005, True, f"majority {majority:.3f}")
        flipped = crowds.attacked(sets[0], 200)
        yield Figure(f"real: {name}, negatives flipped by 200 fresh accounts each", flipped, 0.5, False)
    yield Figure("real: mean accuracy", float(np.mean(found)), 0.869, True, "Dawid-Skene 0.869, majority 0.833")


def _cost(votes: int) -> Iterator[Figure]:
    share = votes / 37_000
    here = world(
        Size(
            voters=int(20_000 * share), videos=int(30_000 * share), channels=int(3_000 * share), topics=100,
            sightings=int(300_000 * share), audits=int(200 * share),
        ),
        SEED,
    )  # fmt: skip
    cast = columns(here.cast, np.random.default_rng(SEED))
    started = time.perf_counter()
    full_round(cast, here.decisions(), log_id="", position=len(cast), now_ms=NOW_MS)
    took = time.perf_counter() - started
    yield Figure("full round, seconds a million votes", took / len(cast) * 1e6, 15.0, False, f"{len(cast):,} votes")


def _some(keys: Floats | Keys, draw: np.random.Generator) -> Keys:
    return draw.permutation(keys)[:TARGETS].astype(np.int32)


def _unvoted(here: World) -> Keys:
    human = np.flatnonzero(~here.truth)
    return np.setdiff1d(human[human > 0], here.cast.video).astype(np.int32)


def _with_one_flag(here: World, base: Floats) -> Keys:
    flags = np.bincount(here.cast.video[here.cast.flag], minlength=len(here.truth))
    return np.flatnonzero((flags == 1) & ~here.truth & (base < FLAGGED)).astype(np.int32)
