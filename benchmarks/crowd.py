"""A simulated crowd: voters of mixed honesty, videos with a known truth, and the votes that follow from both. Pure.

Everything is drawn from one seed, in columns; the same plan and seed give the same votes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks import ids
from data.columns import Bytes, Ints, Mask
from data.records import BIT_OF, CATEGORIES, NOT_AI_BIT, RETRACTION, Vote

HONEST, CARELESS, TROLL, BRIGADE = 0, 1, 2, 3
"""Kinds of voters: looks and says what they see; hardly looks; says the opposite; comes for chosen videos only."""
DAY_MS = 86_400_000
ODD_LENGTHS = (6, 8, 10, 16)
"""Lengths of the ids that are not 64-bit numbers."""
ODD_EVERY = 32
"""One in so many ids is odd."""
AI_STYLES = (
    BIT_OF["fully_ai"],
    BIT_OF["fully_ai"] | BIT_OF["ai_thumbnails"],
    BIT_OF["ai_voiceover"] | BIT_OF["ai_visuals"],
    BIT_OF["ai_voiceover"],
    BIT_OF["ai_visuals"],
    BIT_OF["ai_assisted"],
)
"""What of an AI-made video is AI."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a crowd to draw, and of whom."""

    voters: int = 3_000
    videos: int = 3_000
    channels: int = 240
    views: int = 120_000
    """Videos watched by voters who consider a vote; about half of them end in one."""
    days: int = 28
    """The views are spread over so many days."""
    shares: tuple[float, float, float, float] = (0.78, 0.14, 0.06, 0.02)
    """Shares of honest, careless, trolling and brigading voters."""
    brigade_targets: int = 20
    """Videos made by people that the brigade flags."""
    flag_rate: float = 0.8
    """How often somebody who believes that a video is AI says so."""
    counter_rate: float = 0.35
    """How often somebody who believes that a video is made by people says so."""
    second_thoughts: float = 0.05
    """Share of votes that the voter later changes to the opposite."""
    retractions: float = 0.03
    """Share of votes that the voter later takes back."""
    repeats: float = 0.03
    """Share of votes that are sent a second time."""

    def scaled(self, share: float) -> Plan:
        """The same plan for a larger or smaller crowd."""
        counts = (self.voters, self.videos, self.channels, self.views, self.brigade_targets)
        voters, videos, channels, views, targets = (max(1, round(count * share)) for count in counts)
        return replace(self, voters=voters, videos=videos, channels=channels, views=views, brigade_targets=targets)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who votes and about what."""

    kind: Bytes
    """By voter: `HONEST` … `BRIGADE`."""
    skill: npt.NDArray[np.float64]
    """By voter: how often what they believe of a video is true."""
    is_ai: Mask
    """The truth, by video."""
    style: Bytes
    """By video: mask of what would be AI of it."""
    channel: Ints
    """By video."""
    watched: npt.NDArray[np.float64]
    """By video: its share of all views."""


@dataclass(frozen=True, slots=True)
class Events:
    """Votes in time order, by numbers of voters and videos."""

    at_ms: Ints
    """Milliseconds since the crowd's first day."""
    voter: Ints
    video: Ints
    categories: Bytes
    """Mask of `records.BIT_OF`; 0 is a retraction."""

    def __len__(self) -> int:
        return len(self.at_ms)

    def take(self, rows: Ints | Mask) -> Events:
        """The events at these rows, in that order."""
        return Events(*(getattr(self, name)[rows] for name in Events.__slots__))


@dataclass(frozen=True, slots=True)
class Crowd:
    """A cast, its votes, and the ids by which the outside knows them."""

    cast: Cast
    events: Events
    voter_ids: list[str]
    """64 hex digits each, as the browser extension sends them."""
    video_ids: list[str]
    """11 characters as on the great platform, some shorter or longer."""
    channel_ids: list[str]

    def votes(self, start_ms: int) -> Iterator[Vote]:
        """The votes as a stream, in time order.

        Args:
            start_ms: Unix milliseconds of the crowd's first day.
        """
        events = self.events
        for at, voter, video, categories in zip(
            events.at_ms.tolist(), events.voter.tolist(), events.video.tolist(), events.categories.tolist(), strict=True
        ):
            claims = voter % 3 != 0  # a third of the clients are old and say nothing of channels
            yield Vote(
                cast_at_ms=start_ms + at,
                voter_id=self.voter_ids[voter],
                video_id=self.video_ids[video],
                categories=categories,
                channel_id=self.channel_ids[int(self.cast.channel[video])] if claims else "",
                network=f"net-{0 if self.cast.kind[voter] == BRIGADE else voter}",
            )

    def between(self, first_ms: int, end_ms: int) -> Crowd:
        """The same crowd with the votes of [first_ms, end_ms) only, milliseconds since its first day."""
        chosen = (self.events.at_ms >= first_ms) & (self.events.at_ms < end_ms)
        return replace(self, events=self.events.take(chosen))


def draw(plan: Plan, seed: int) -> Crowd:
    """Draws a crowd.

    Args:
        plan: How large, and of whom.
        seed: The same seed draws the same crowd.
    """
    random = np.random.default_rng(seed)
    cast = _cast(plan, random)
    return Crowd(
        cast=cast,
        events=_with_afterthoughts(_first_words(cast, plan, random), plan, random),
        voter_ids=[ids.voter_id(seed, number) for number in range(plan.voters)],
        video_ids=[_video_id(seed, number) for number in range(plan.videos)],
        channel_ids=[ids.channel_id(seed, number) for number in range(plan.channels)],
    )


def last_words(events: Events) -> Events:
    """The standing votes: each voter's last word on each video, unless it is a retraction."""
    pair = events.voter << 32 | events.video
    _, newest = np.unique(pair[::-1], return_index=True)  # events are in time order
    last = events.take(len(pair) - 1 - newest)
    return last.take(last.categories != RETRACTION)


def _cast(plan: Plan, random: np.random.Generator) -> Cast:
    kind = random.choice(len(plan.shares), plan.voters, p=plan.shares).astype(np.uint8)
    skill = np.select(
        [kind == HONEST, kind == CARELESS],
        [random.beta(12, 2, plan.voters), random.uniform(0.5, 0.75, plan.voters)],
        default=0.1,  # trolls see well and say the opposite
    )
    channel = np.sort(random.integers(0, plan.channels, plan.videos))
    share = random.beta(0.15, 0.75, plan.channels)  # most channels are all people, some are all machine
    popularity = 1.0 / (np.arange(plan.videos) + 20.0)
    return Cast(
        kind=kind,
        skill=skill,
        is_ai=random.random(plan.videos) < share[channel],
        style=random.choice(AI_STYLES, plan.videos, p=(0.45, 0.1, 0.15, 0.1, 0.1, 0.1)).astype(np.uint8),
        channel=channel,
        watched=random.permutation(popularity / popularity.sum()),
    )


def _first_words(cast: Cast, plan: Plan, random: np.random.Generator) -> Events:
    """What each viewer says of a video the first time, if anything."""
    ordinary = np.flatnonzero(cast.kind != BRIGADE)
    eagerness = random.pareto(1.5, len(ordinary)) + 0.3
    voter = random.choice(ordinary, plan.views, p=eagerness / eagerness.sum())
    video = random.choice(plan.videos, plan.views, p=cast.watched)
    believes_ai = (random.random(plan.views) < cast.skill[voter]) == cast.is_ai[video]
    speaks = random.random(plan.views) < np.where(believes_ai, plan.flag_rate, plan.counter_rate)
    events = Events(
        at_ms=random.integers(0, plan.days * DAY_MS, plan.views),
        voter=voter,
        video=video,
        categories=np.where(believes_ai, _named(cast.style[video], random), NOT_AI_BIT).astype(np.uint8),
    ).take(speaks)
    events = _joined(events, _brigade(cast, plan, random))
    _, first = np.unique(events.voter << 32 | events.video, return_index=True)
    return events.take(first)


def _named(style: Bytes, random: np.random.Generator) -> Bytes:
    """What a flag names: all that is AI, or for one in five just some category."""
    other = (1 << random.integers(0, len(CATEGORIES), len(style))).astype(np.uint8)
    return np.where(random.random(len(style)) < 0.8, style, other).astype(np.uint8)


def _brigade(cast: Cast, plan: Plan, random: np.random.Generator) -> Events:
    """Each of the brigade flags every target, all within one night."""
    members = np.flatnonzero(cast.kind == BRIGADE)
    by_people = np.flatnonzero(~cast.is_ai)
    targets = random.choice(by_people, min(plan.brigade_targets, len(by_people)), replace=False)
    voter, video = np.repeat(members, len(targets)), np.tile(targets, len(members))
    night = (plan.days * 2 // 3) * DAY_MS
    flags = np.full(len(voter), BIT_OF["fully_ai"], np.uint8)
    return Events(night + random.integers(0, DAY_MS // 3, len(voter)), voter, video, flags)


def _with_afterthoughts(events: Events, plan: Plan, random: np.random.Generator) -> Events:
    """Adds changes of mind, retractions and repeats, each some time after the vote that it is about."""
    fate, end_ms = random.random(len(events)), plan.days * DAY_MS
    bounds = np.cumsum([plan.second_thoughts, plan.retractions, plan.repeats])
    later = np.flatnonzero(fate < bounds[2])
    again = events.take(later)
    opposite = np.where(again.categories == NOT_AI_BIT, BIT_OF["fully_ai"], NOT_AI_BIT)
    categories = np.select([fate[later] < bounds[0], fate[later] < bounds[1]], [opposite, RETRACTION], again.categories)
    at_ms = again.at_ms + 1 + (random.random(len(later)) * (end_ms - again.at_ms)).astype(np.int64)
    events = _joined(events, replace(again, at_ms=at_ms, categories=categories.astype(np.uint8)))
    return events.take(np.argsort(events.at_ms, kind="stable"))


def _joined(one: Events, other: Events) -> Events:
    return Events(*(np.concatenate([getattr(part, name) for part in (one, other)]) for name in Events.__slots__))


def _video_id(seed: int, number: int) -> str:
    if number % ODD_EVERY:
        return ids.video_id(seed, number)
    return ids.odd_video_id(ODD_LENGTHS[number // ODD_EVERY % len(ODD_LENGTHS)], seed, number)
