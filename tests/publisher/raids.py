"""A site with trusted voters, and what they may do with their trust."""

from __future__ import annotations

from data.log.append import Decision
from tests.factories import DAY_MS, START_MS, Site, vote, voter_id

TRUSTED = range(800, 806)
"""Voters with a long, audited record."""
KNOWN = 48
"""On so many audited videos, half of them AI."""


def earn_trust(site: Site, at_ms: int = START_MS) -> None:
    """Lets the trusted voters earn their trust, months before a moment."""
    then_ms = at_ms - 90 * DAY_MS
    site.cast(*(
        vote(who, f"known{n}", "not_ai" if n % 2 else "fully_ai", at_ms=then_ms + n)
        for who in TRUSTED for n in range(KNOWN)
    ))  # fmt: skip
    site.decide(*(
        Decision(then_ms, "audit", "tests", "tests", video_id=f"known{n}", label=1 - n % 2) for n in range(KNOWN)
    ))  # fmt: skip


def raid(site: Site, videos: range, *, at_ms: int, says: str = "fully_ai", voters: range = TRUSTED) -> None:
    """Lets some of them say one thing of many videos."""
    site.cast(*(vote(who, f"r{n}", says, at_ms=at_ms + n) for who in voters for n in videos))


def release(site: Site, *videos: int, at_ms: int = START_MS) -> None:
    """Lets a moderator release videos of a raid."""
    site.decide(*(Decision(at_ms, "release", "tests", voter_id(0)[:5], video_id=f"r{n}") for n in videos))
