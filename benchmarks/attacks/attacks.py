"""Attacks: who casts which votes to move which videos, given the world, the targets and the number of accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from benchmarks.attacks.world import DAY_MS, NOW_MS, Cast, World
from data.columns import Ints, Keys, Mask

Attack = Callable[[World, np.random.Generator, Keys, int], Cast]
EARLY_RIGHT_VOTES = 20
"""How often a farmer votes honestly, before others do, ahead of the attack."""
FARMING_DAYS = 60
OTHERS = 100_000
"""The accounts of an attack's second part come so many keys later."""


def fresh(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """New accounts, two days old, all flag all targets."""
    return _all_on_all(world, draw, targets, accounts, age_days=2)


def aged(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Accounts made four months ago that never voted before."""
    return _all_on_all(world, draw, targets, accounts, age_days=120)


def farms(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Aged accounts on three networks."""
    return _all_on_all(world, draw, targets, accounts, age_days=120, networks=3)


def copycats(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Accounts that for two months repeat flags that videos already carry, then flag the targets."""
    flagged = np.flatnonzero(np.bincount(world.cast.video[world.cast.flag], minlength=len(world.truth)) >= 3)
    return _early(world, draw, accounts, flagged, late=True).plus(_all_on_all(world, draw, targets, accounts, 120))


def ring(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Accounts that flag the same thirty videos that nobody else votes on, then the targets."""
    junk: Keys = draw.permutation(world.neutral())[:30].astype(np.int32)
    return _all_on_all(world, draw, junk, accounts, 120, days=60).plus(_all_on_all(world, draw, targets, accounts, 120))


def farmers(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Accounts with early right votes, each on a network of its own, that then all flag all targets."""
    return _early(world, draw, accounts, _worth_flagging(world)).plus(_all_on_all(world, draw, targets, accounts, 120))


def farmers_one_network(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """The same on three networks."""
    early = _early(world, draw, accounts, _worth_flagging(world), networks=3)
    return early.plus(_all_on_all(world, draw, targets, accounts, 120, networks=3))


def farmed(votes: int) -> Attack:
    """Farmers with this many early right votes, each with one target."""

    def attack(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
        early = _early(world, draw, accounts * len(targets), _worth_flagging(world), votes=votes)
        return early.plus(_one_each(world, draw, targets, accounts))

    return attack


def safe_farmers(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Farmers who earn their record by forty counter-votes on videos that are obviously made by people."""
    early = safe_votes(world, draw, accounts * len(targets))
    return early.plus(_one_each(world, draw, targets, accounts))


def safe_votes(world: World, draw: np.random.Generator, accounts: int) -> Cast:
    """Forty counter-votes of each account on videos that are obviously made by people."""
    plain = np.flatnonzero(~world.truth & (np.bincount(world.cast.video, minlength=len(world.truth)) >= 2))
    return _early(world, draw, accounts, plain, votes=40, flag=False)


def answering(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Farmers of 60 votes, beside 300 accounts of safe counter-votes that make flags look answered."""
    attack = farmed(60)(world, draw, targets, accounts)
    return attack.plus(_beside(safe_votes(world, draw, 300)))


def accompanied(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Slow copycats, and beside them for each target one aged account of its own."""
    return copycats(world, draw, targets, accounts).plus(_beside(_one_each(world, draw, targets, 1)))


def liars(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """Aged accounts that flag the targets and claim that they belong to a channel known for AI."""
    cast = _all_on_all(world, draw, targets, accounts, 120)
    flags = np.bincount(world.cast.channel[world.cast.flag], minlength=len(world.channel_rate))
    worst = int((flags * (world.channel_rate > 0.8)).argmax())
    cast.channel[:] = worst
    return cast


def clearing(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """A creator's new accounts cast counter-votes on the creator's own videos."""
    return _all_on_all(world, draw, targets, accounts, 2, flag=False)


def clearing_aged(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    """The same with accounts made four months ago."""
    return _all_on_all(world, draw, targets, accounts, 120, flag=False)


def spam(world: World, draw: np.random.Generator, flags: int) -> Cast:
    """New accounts flag random videos, five each."""
    accounts = np.repeat(np.arange(flags // 5 + 1), 5)[:flags]
    videos = draw.integers(1, len(world.truth), flags).astype(np.int32)
    return _cast(world, draw, accounts, videos, np.ones(flags, np.bool_), age_days=20, days=15)


def malicious_newcomers(world: World, draw: np.random.Generator, share: float) -> Cast:
    """This share of the accounts of the last month exists to flag what people made."""
    honest = np.unique(world.cast.voter[world.cast.since_ms > NOW_MS - 30 * DAY_MS])
    accounts = np.repeat(np.arange(int(len(honest) * share / (1 - share))), 5)
    human = np.flatnonzero(~world.truth[1:]) + 1
    videos = draw.choice(human, len(accounts)).astype(np.int32)
    return _cast(world, draw, accounts, videos, np.ones(len(accounts), np.bool_), age_days=28, days=20)


BRIGADES: Mapping[str, Attack] = {
    "fresh brigade": fresh,
    "aged brigade": aged,
    "three bot farms": farms,
    "slow copycats": copycats,
    "slow copycats, each accompanied": accompanied,
    "co-voting ring": ring,
    "true farmers sharing targets": farmers,
    "the same on three networks": farmers_one_network,
    "liars about the channel": liars,
}
"""Attacks that turn many accounts on the same targets."""


def poison(world: World, draw: np.random.Generator, channel: int, accounts: int) -> tuple[Cast, Keys]:
    """Farmers flag four videos of a channel; then one new account flags each of its other videos.

    Returns:
        The votes, and the siblings that only the new accounts flag.
    """
    mine = np.flatnonzero(world.channel_of == channel)
    mine = mine[(mine > 0) & ~world.truth[mine] & ~np.isin(mine, world.cast.video)].astype(np.int32)
    chosen = draw.permutation(mine)[:24].astype(np.int32)
    cast = _early(world, draw, accounts, _worth_flagging(world)).plus(
        _all_on_all(world, draw, chosen[:4], accounts, 120)
    )
    siblings = chosen[4:].astype(np.int32)
    newcomers = accounts + np.arange(len(siblings))
    return cast.plus(_cast(world, draw, newcomers, siblings, np.ones(len(siblings), np.bool_), 20, days=2)), siblings


def _beside(cast: Cast) -> Cast:
    """The same votes by accounts that no other part of an attack uses."""
    return replace(cast, voter=(cast.voter + OTHERS).astype(np.int32))


def _worth_flagging(world: World) -> Ints:
    flags = np.bincount(world.cast.video[world.cast.flag], minlength=len(world.truth))
    return np.flatnonzero(world.truth & (flags >= 1))


def _early(
    world: World,
    draw: np.random.Generator,
    accounts: int,
    videos: Ints,
    *,
    votes: int = EARLY_RIGHT_VOTES,
    flag: bool = True,
    late: bool = False,
    networks: int = 0,
) -> Cast:
    who = np.repeat(np.arange(accounts), votes)
    what = draw.choice(videos, len(who)).astype(np.int32)
    cast = _cast(world, draw, who, what, np.full(len(who), flag), 120, days=FARMING_DAYS, networks=networks)
    pair = (cast.voter.astype(np.int64) << 32) | cast.video
    cast = cast.take(np.unique(pair, return_index=True)[1])
    if not late:  # before everybody else: in the two months ahead of the honest votes' last two thirds
        cast.cast_at_ms[:] -= (120 - FARMING_DAYS) * DAY_MS // 2
    return cast


def _all_on_all(
    world: World,
    draw: np.random.Generator,
    targets: Keys,
    accounts: int,
    age_days: int,
    *,
    days: int = 2,
    flag: bool = True,
    networks: int = 0,
) -> Cast:
    who, what = np.repeat(np.arange(accounts), len(targets)), np.tile(targets, accounts)
    return _cast(world, draw, who, what, np.full(len(who), flag), age_days, days=days, networks=networks)


def _one_each(world: World, draw: np.random.Generator, targets: Keys, accounts: int) -> Cast:
    who, what = np.arange(accounts * len(targets)), np.repeat(targets, accounts)
    return _cast(world, draw, who, what, np.ones(len(who), np.bool_), 120, days=2)


def _cast(
    world: World,
    draw: np.random.Generator,
    who: Ints,
    what: Keys,
    flag: Mask,
    age_days: int,
    *,
    days: int,
    networks: int = 0,
) -> Cast:
    """Votes of accounts 0, 1, …, of this age, over the last days."""
    until = NOW_MS - (0 if days <= 2 else 4 * DAY_MS)
    at = until - draw.integers(1, days * DAY_MS, len(who))
    key = (world.voters + who).astype(np.int32)
    network = 2_000_000 + (who % networks if networks else who)
    since = np.minimum(np.full(len(who), NOW_MS - age_days * DAY_MS), at)
    return Cast(at, key, what.astype(np.int32), flag, world.channel_of[what], network.astype(np.int32), since)
