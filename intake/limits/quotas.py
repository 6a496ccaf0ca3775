"""What is limited, for whom: the table of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from intake.limits.rule import Rate
from intake.settings import IntakeSettings

MINUTE_S, HOUR_S = 60.0, 3_600.0
LONGEST_S = HOUR_S
"""The longest period."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What one kind of request costs."""

    name: str
    place: bytes
    """Under which name addresses and networks spend: two kinds may share it."""
    address: Rate
    network: Rate
    voter: Rate | None = None


@dataclass(frozen=True, slots=True)
class Quotas:
    """Every kind of request that is limited."""

    lookups: Quota
    votes: Quota
    retractions: Quota
    sync: Quota
    stats: Quota
    exports: Quota


def quotas(chosen: IntakeSettings) -> Quotas:
    """The table of some settings."""

    def quota(name: str, count: int, period_s: float = MINUTE_S, voter: int = 0, shared: str = "") -> Quota:
        own, network = Rate(count, period_s), Rate(count * chosen.limit_network_factor, period_s)
        return Quota(name, (shared or name).encode(), own, network, Rate(voter, period_s) if voter else None)

    return Quotas(
        lookups=quota("lookups", chosen.limit_lookups),
        votes=quota("votes", chosen.limit_votes_address, voter=chosen.limit_votes),
        retractions=quota("retractions", chosen.limit_votes_address, voter=chosen.limit_retractions, shared="votes"),
        sync=quota("sync", chosen.limit_sync),
        stats=quota("stats", chosen.limit_stats),
        exports=quota("exports", chosen.limit_exports, HOUR_S),
    )
