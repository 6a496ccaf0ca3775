"""Every goal of the score, measured, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.attacks import attacks, cost, crowds
from benchmarks.attacks.baselines import BASELINES
from benchmarks.attacks.measures import FLAGGED, Quality, accounts_for_half, by, moved, ours, quality
from benchmarks.attacks.world import Size, World, world
from benchmarks.report import Row
from data.columns import Floats, Keys

ACCOUNTS = 500
TARGETS = 100
NUMBERS = (1, 2, 3, 4, 6, 8, 12, 20, 50, 200, 500)
SEED = 1
"""Of the attacked world."""
HONEST = (1, 21, 22, 23, 24, 31, 32, 33, 34)
"""Seeds of the honest worlds."""
AUDITS = (1, 2, 3)
"""Seeds of which real tasks are audited."""


def rows(crowd: Path | None, *, full: bool, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measures every goal.

    Args:
        crowd: Folder of the real sets; None leaves their rows out.
        full: More seeds, and ten million votes instead of one for the cost.
        on_step: Called with what begins.
    """
    found: list[Row] = []
    for kind in ("C", "P"):
        size = replace(Size(), counter_votes=kind == "C")
        on_step(f"honest worlds, {kind}")
        found += _honest([world(size, seed) for seed in (HONEST if full else HONEST[:3])], kind)
        for name, measure in ATTACKS.items():
            on_step(f"{name}, {kind}")
            found += measure(world(size, SEED), kind)
    if crowd is not None:
        on_step("real crowds")
        found += _real(crowd)
    return found + cost.rows(10_000_000 if full else 1_000_000, on_step)


def _row(
    name: str, value: float, goal: float | None, *, least: bool = False, limit: float | None = None, note: str = ""
) -> Row:
    return Row("scoring", name, float(value), goal=goal, limit=limit, sense=">=" if least else "<=", note=note)


def _honest(worlds: Sequence[World], kind: str) -> Iterator[Row]:
    c = kind == "C"
    mine = [quality(here, ours(here, here.cast), here.cast) for here in worlds]
    first = worlds[0]
    others = {name: quality(first, by(rule)(first, first.cast), first.cast) for name, rule in BASELINES.items()}

    def mean(read: Callable[[Quality], float]) -> float:
        return float(np.mean([read(found) for found in mine]))

    def note(read: Callable[[Quality], float]) -> str:
        beside = ", ".join(f"{name} {read(found):.2f}" for name, found in others.items())
        return f"± {np.std([read(found) for found in mine]):.3f} of {len(mine)} worlds; {beside}"

    def row(name: str, read: Callable[[Quality], float], goal: float | None, limit: float | None, least: bool) -> Row:
        return _row(f"{kind}: {name}", mean(read), goal, limit=limit, least=least, note=note(read))

    yield row("F1 at 50", lambda q: q.f1, 0.88 if c else 0.70, 0.84 if c else 0.68, True)
    yield row("precision at 50", lambda q: q.precision, None, None, True)
    yield row("recall at 50", lambda q: q.recall, None, None, True)
    yield row("Brier", lambda q: q.brier, 0.08 if c else 0.15, 0.08 if c else 0.17, False)
    yield row("calibration error", lambda q: q.calibration_error, 0.04, 0.08, False)


def _brigades(here: World, kind: str) -> Iterator[Row]:
    neutral, thin = _targets(here)
    for name, attack in attacks.BRIGADES.items():
        note = _half(here, attack, neutral)
        flipped = moved(ours, here, attack, neutral, ACCOUNTS)
        yield _row(f"{kind}: {name}, neutral", flipped, 0.0, limit=0.15, note=note)
        yield _row(f"{kind}: {name}, any channel", moved(ours, here, attack, thin, ACCOUNTS), 0.03, limit=0.15)


def _single(here: World, kind: str) -> Iterator[Row]:
    draw, c = np.random.default_rng(SEED), kind == "C"
    base = ours(here, here.cast)
    if c:
        one = _some(_with_one_flag(here, base), draw)
        yield _row("C: one honest flag, fresh accounts", moved(ours, here, attacks.fresh, one, ACCOUNTS), 0.05)
    own = _some(np.setdiff1d(np.flatnonzero(here.truth & (base >= FLAGGED)), here.audited), draw)
    for name, attack in (("new", attacks.clearing), ("old", attacks.clearing_aged)):
        cleared = moved(ours, here, attack, own, ACCOUNTS, clear=True)
        yield _row(f"{kind}: own AI videos cleared by {name} accounts", cleared, 0.05 if c else 0.20)
    yield _row(f"{kind}: siblings flagged on a poisoned channel", _poisoned(here), 0.10)


def _crowded(here: World, kind: str) -> Iterator[Row]:
    draw = np.random.default_rng(SEED)
    spam = here.cast.plus(attacks.spam(here, draw, 10_000))
    found = quality(here, ours(here, spam), spam)
    note = ", ".join(f"{n} {quality(here, by(r)(here, spam), spam).precision:.2f}" for n, r in BASELINES.items())
    goal = 0.85 if kind == "C" else None
    yield _row(f"{kind}: 10 000 random flags, precision", found.precision, goal, least=True, note=note)
    third = here.cast.plus(attacks.malicious_newcomers(here, draw, 0.3))
    f1 = quality(here, ours(here, third), third).f1
    yield _row(f"{kind}: 30 % of new accounts malicious, F1", f1, None, least=True)


def _farmers(here: World, kind: str) -> Iterator[Row]:
    targets = _targets(here)[0][:40]
    for votes in (20, 60):
        needed = accounts_for_half(ours, here, attacks.farmed(votes), targets, (1, 2, 3, 4, 5, 6, 8, 12))
        note = f"{needed or '> 12'} accounts × {votes} early right votes × {attacks.FARMING_DAYS} days a target"
        yield _row(f"{kind}: farmers ({votes} votes), one target each", float(needed or 13), 6.0, least=True, note=note)
    safe = moved(ours, here, attacks.safe_farmers, targets, 6)
    yield _row(f"{kind}: six farmers of safe counter-votes a target", safe, 0.05)
    if kind == "P":
        flipped = moved(ours, here, attacks.answering, targets, 5)
        yield _row("P: five farmers of 60 votes a target, 300 answering accounts", flipped, 0.5)


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


def _real(folder: Path) -> Iterator[Row]:
    found = []
    for name in crowds.SETS:
        sets = [crowds.load(folder, name, seed) for seed in AUDITS]
        found.append(float(np.mean([crowds.accuracy(one, crowds.scores(one, one.votes)) for one in sets])))
        majority = crowds.majority_accuracy(sets[0])
        note = f"majority {majority:.3f}"
        yield _row(f"real: {name}, accuracy", found[-1], majority - 0.005, least=True, note=note)
        flipped = crowds.attacked(sets[0], 200)
        yield _row(f"real: {name}, negatives flipped by 200 fresh accounts each", flipped, 0.5)
    yield _row(
        "real: mean accuracy", float(np.mean(found)), 0.869, least=True, note="Dawid-Skene 0.869, majority 0.833"
    )


def _some(keys: Floats | Keys, draw: np.random.Generator) -> Keys:
    return draw.permutation(keys)[:TARGETS].astype(np.int32)


def _unvoted(here: World) -> Keys:
    human = np.flatnonzero(~here.truth)
    return np.setdiff1d(human[human > 0], here.cast.video).astype(np.int32)


def _with_one_flag(here: World, base: Floats) -> Keys:
    flags = np.bincount(here.cast.video[here.cast.flag], minlength=len(here.truth))
    return np.flatnonzero((flags == 1) & ~here.truth & (base < FLAGGED)).astype(np.int32)


def _targets(here: World) -> tuple[Keys, Keys]:
    draw = np.random.default_rng(SEED)
    return _some(here.neutral(), draw), _some(_unvoted(here), draw)


ATTACKS: Mapping[str, Callable[[World, str], Iterable[Row]]] = {
    "brigades": _brigades,
    "farmers": _farmers,
    "single videos": _single,
    "crowded worlds": _crowded,
}
