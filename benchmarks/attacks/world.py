"""An honest crowd, simulated: who sees what, who says what of it, who is right. Seeded.

Its parameters are set so that the known rules reach what was measured of them elsewhere: of the flagged videos 55 %
have a single flag, three in ten of those are AI-made, and a majority vote reaches F1 0.62 (flags only) and 0.71.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from data.columns import Decisions, Floats, Ints, Keys, Mask, Votes
from data.decisions import audits_and_moderators
from data.records import BIT_OF, CATEGORIES, NOT_AI_BIT

DAY_MS = 86_400_000
START_MS = 1_780_000_000_000
DAYS = 180
NOW_MS = START_MS + DAYS * DAY_MS


GOLDEN = 0.618_033_988_75
KINDS = (0.125, 0.10, 0.775)
"""Shares of channels that post next to nothing but AI, some, and next to none."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is and how its people are."""

    voters: int = 20_000
    videos: int = 30_000
    channels: int = 3_000
    topics: int = 40
    sightings: int = 300_000
    """How often somebody sees a video and might say something."""
    audits: int = 200
    moderators: int = 10
    moderated: int = 20
    """Votes of each moderator."""
    counter_votes: bool = True
    """C: with counter-votes; P: flags only."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Votes as a client sends them, one a row; keys from 1."""

    cast_at_ms: Ints
    voter: Keys
    video: Keys
    flag: Mask
    channel: Keys
    """The channel that the client claims, 0 none."""
    network: Keys
    since_ms: Ints

    def plus(self, other: Cast) -> Cast:
        """These votes and then the others."""
        return Cast(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))

    def take(self, rows: Ints | Mask) -> Cast:
        """The votes at these rows."""
        return Cast(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True, slots=True)
class World:
    """What is true, and what the honest crowd says."""

    truth: Mask
    """By video key: AI-made."""
    channel_of: Keys
    """By video key."""
    channel_rate: Floats
    """By channel key: share of AI among its videos."""
    cast: Cast
    audited: Keys
    moderators: Keys
    voters: int
    """Keys below this are honest people."""

    def decisions(self) -> Decisions:
        """Audits and appointments, as the log has them."""
        labels = self.truth[self.audited].astype(np.uint8)
        return audits_and_moderators(self.audited.astype(np.int32), labels, self.moderators.astype(np.int32))

    def neutral(self) -> Keys:
        """Videos made by people on channels that post next to no AI, that nobody has voted on."""
        quiet = ~self.truth & (self.channel_rate[self.channel_of] < 0.1)
        quiet[0] = False
        quiet[self.cast.video] = False
        return np.flatnonzero(quiet).astype(np.int32)


def world(size: Size, seed: int) -> World:
    """Makes a world."""
    draw = np.random.default_rng(seed)
    channel_of, topic_of, rate = _channels(size, draw)
    truth = draw.random(size.videos + 1) < rate[channel_of]
    truth[0] = False
    cast = _votes(size, draw, truth=truth, channel_of=channel_of, topic_of=topic_of)
    moderators = np.arange(size.voters + 1, size.voters + 1 + size.moderators, dtype=np.int32)
    cast = cast.plus(_moderated(size, draw, cast, truth, moderators, channel_of))
    voted = np.unique(cast.video)
    audited = np.sort(draw.permutation(voted)[: size.audits]).astype(np.int32)
    return World(truth, channel_of, rate, cast, audited, moderators, size.voters + size.moderators + 1)


def columns(cast: Cast, draw: np.random.Generator) -> Votes:
    """The votes as the log has them; flags name one of the five categories."""
    names = np.array([BIT_OF[name] for name in CATEGORIES], np.uint8)
    shares = (0.55, 0.2, 0.15, 0.03, 0.07)
    named = names[draw.choice(len(names), len(cast.voter), p=shares)]
    return Votes(
        position=np.arange(1, len(cast.voter) + 1, dtype=np.int64),
        cast_at_ms=cast.cast_at_ms,
        voter=cast.voter,
        video=cast.video,
        categories=np.where(cast.flag, named, np.uint8(NOT_AI_BIT)),
        channel=cast.channel,
        network=cast.network,
        voter_since_ms=cast.since_ms,
    )


def _channels(size: Size, draw: np.random.Generator) -> tuple[Keys, Keys, Floats]:
    share = np.append(0.0, -np.sort(-(draw.pareto(1.5, size.channels) + 0.3)))
    # Kinds are spread evenly over sizes: else the kind of the one largest channel decides what a world is like.
    place = (np.arange(size.channels + 1) * GOLDEN + draw.random()) % 1.0
    kind = np.searchsorted(np.cumsum(KINDS)[:-1], place)
    rate = np.choose(
        kind,
        (
            draw.beta(12, 1, size.channels + 1),
            draw.beta(1, 3, size.channels + 1),
            draw.beta(0.2, 20, size.channels + 1),
        ),
    )
    channel_of = draw.choice(size.channels, size.videos + 1, p=share[1:] / share.sum()).astype(np.int32) + 1
    topic_of = draw.integers(0, size.topics, size.channels + 1)[channel_of].astype(np.int32)
    return channel_of.astype(np.int32), topic_of, rate


def _votes(size: Size, draw: np.random.Generator, *, truth: Mask, channel_of: Keys, topic_of: Keys) -> Cast:
    voter, video = _sightings(size, draw, topic_of)
    people = size.voters + 1
    eye = draw.beta(6, 2, people)
    careless = draw.random(people) < 0.2
    false_flags = np.where(careless, draw.beta(3, 11, people), draw.beta(1.2, 40, people))
    looks_ai = draw.beta(0.5, 4, size.videos + 1) * 5  # some honest videos look generated: errors go together
    chance = draw.random(len(voter))
    says_ai = np.where(
        truth[video], chance < eye[voter], chance < np.minimum(0.9, false_flags[voter] * looks_ai[video])
    )
    speaks = draw.random(len(voter)) < np.where(says_ai, 0.62, 0.06 if size.counter_votes else 0.0)
    voter, video, flag = voter[speaks], video[speaks], says_ai[speaks]
    _, first = np.unique(voter.astype(np.int64) << 32 | video, return_index=True)
    voter, video, flag = voter[first], video[first], flag[first]
    since = START_MS - draw.integers(0, 60, people) * DAY_MS + draw.integers(0, 150, people) * DAY_MS
    joined = np.maximum(since[voter], START_MS)
    at = joined + (draw.random(len(voter)) * (NOW_MS - joined)).astype(np.int64)
    network = draw.integers(1, 15_000, people).astype(np.int32)
    order = np.argsort(at, kind="stable")
    return Cast(at, voter, video, flag, channel_of[video], network[voter], since[voter]).take(order)


def _sightings(size: Size, draw: np.random.Generator, topic_of: Keys) -> tuple[Keys, Keys]:
    """Pairs of a voter and a video: heavy tails on both sides, six in ten within the voter's own topic."""
    activity = draw.lognormal(0, 1.5, size.voters)
    voter = draw.choice(size.voters, size.sightings, p=activity / activity.sum()).astype(np.int32) + 1
    popular = draw.lognormal(0, 1.15, size.videos)
    video = draw.choice(size.videos, size.sightings, p=popular / popular.sum()).astype(np.int32) + 1
    topic = draw.integers(0, size.topics, size.voters + 1)
    own = draw.random(size.sightings) < 0.6
    for subject in range(size.topics):
        rows = np.flatnonzero(own & (topic[voter] == subject))
        within = np.flatnonzero(topic_of[1:] == subject)
        if len(within):
            share = popular[within] / popular[within].sum()
            video[rows] = draw.choice(within, len(rows), p=share).astype(np.int32) + 1
    return voter, video


def _moderated(
    size: Size, draw: np.random.Generator, cast: Cast, truth: Mask, moderators: Keys, channel_of: Keys
) -> Cast:
    rows = draw.permutation(np.unique(cast.video))[: len(moderators) * size.moderated].astype(np.int32)
    voter = np.repeat(moderators, size.moderated)[: len(rows)]
    keep = truth[rows] | size.counter_votes
    rows, voter = rows[keep], voter[keep]
    at = np.full(len(rows), NOW_MS - 20 * DAY_MS, np.int64)
    return Cast(
        at, voter, rows, truth[rows], channel_of[rows], voter + 1_000_000, np.full(len(rows), START_MS - DAY_MS)
    )
