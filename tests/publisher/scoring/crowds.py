"""Small crowds for the tests of scoring."""

from __future__ import annotations

import numpy as np

from data.columns import Decisions, Votes
from data.decisions import audits_and_moderators
from data.records import NOT_AI_BIT

DAY_MS = 86_400_000
START_MS = 1_780_000_000_000
NOW_MS = START_MS + 90 * DAY_MS
OLD_MS = START_MS - 60 * DAY_MS


def votes(
    rows: list[tuple[int, int, int]], *, since_ms: int = OLD_MS, channel: int = 0, first_position: int = 1
) -> Votes:
    """Votes of (voter, video, categories), in this order, cast over a month."""
    size = len(rows)
    table = np.array(rows, np.int64).reshape(size, 3)
    return Votes(
        position=first_position + np.arange(size, dtype=np.int64),
        cast_at_ms=START_MS + np.arange(size, dtype=np.int64) * (30 * DAY_MS // max(1, size)),
        voter=table[:, 0].astype(np.int32),
        video=table[:, 1].astype(np.int32),
        categories=table[:, 2].astype(np.uint8),
        channel=np.full(size, channel, np.int32),
        network=np.zeros(size, np.int32),
        voter_since_ms=np.full(size, since_ms, np.int64),
    )


def together(*parts: Votes) -> Votes:
    """All of these votes."""
    return Votes(*(np.concatenate([getattr(part, name) for part in parts]) for name in Votes.__slots__))


def decided(audits: dict[int, int] | None = None, moderators: tuple[int, ...] = ()) -> Decisions:
    """Audits by video, and moderators."""
    labels = audits or {}
    audited = np.array(list(labels), np.int32)
    return audits_and_moderators(audited, np.array(list(labels.values()), np.uint8), np.array(moderators, np.int32))


def crowd(
    seed: int, *, voters: int = 60, videos: int = 120, each: int = 6, positive: float = 0.3, skill: float = 0.85
) -> tuple[Votes, Decisions, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """A random crowd: votes, a tenth of the videos audited, and the truth by video key."""
    draw = np.random.default_rng(seed)
    truth = draw.random(videos + 1) < positive
    skills = np.clip(draw.normal(skill, 0.08, voters + 1), 0.5, 0.99)
    rows = []
    for video in range(1, videos + 1):
        for voter in draw.permutation(voters)[:each] + 1:
            says = truth[video] == (draw.random() < skills[voter])
            rows.append((int(voter), video, 1 if says else NOT_AI_BIT))
    audited = draw.permutation(videos)[: max(1, videos // 10)] + 1
    return votes(rows), decided({int(video): int(truth[video]) for video in audited}), truth
