"""The shapes of all answers: what is encoded, and what `/openapi.json` describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, convert, field

Points = Annotated[int, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[int, Meta(ge=1, description="With `RATE_LIMITED`: come back after so many seconds.")]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Accepted(Struct, rename="camel"):
    """A vote that is stored."""

    success: Literal[True]
    new_score: Annotated[Points, Meta(description="The video's provisional score after it.")]
    user_trust: Annotated[Share, Meta(description="The chance that a flag of this voter is right, nothing else known.")]


class Done(Struct):
    """What was asked for is stored."""

    success: Literal[True]


class Erased(Struct):
    """What was asked for is stored."""

    success: Literal[True]
    retracted: Annotated[Count, Meta(description="How many standing votes were taken back.")]


class Error(Struct, rename="camel", omit_defaults=True):
    """What is wrong, for programs and for people."""

    code: str
    message: str
    retry_after: Seconds | UnsetType = UNSET


class ErrorAnswer(Struct):
    """The body of every error."""

    error: Error


class BatchResult(Struct, rename="camel", omit_defaults=True):
    """What became of one vote of a batch: as if it had come alone."""

    success: bool
    new_score: Points | UnsetType = UNSET
    user_trust: Share | UnsetType = UNSET
    error: Error | UnsetType = UNSET


class BatchAnswer(Struct):
    """One result for each vote, in their order."""

    results: list[BatchResult]


class CategoryScore(Struct, rename="camel"):
    """What is known of one category of a video."""

    votes: Annotated[Count, Meta(description="Standing votes that name it.")]
    weighted_score: Annotated[
        Points, Meta(description="The score for the leading category, less for the others; of not_ai, 100 - score.")
    ]


class VideoResult(Struct, rename="camel"):
    """What is known of one video."""

    video_id: str
    score: Annotated[Points, Meta(description="The chance in percent that the video is AI-made.")]
    categories: dict[str, CategoryScore]
    total_votes: Annotated[Count, Meta(description="Standing votes, counter-votes included.")]
    locked: Annotated[bool, Meta(description="Whether a moderator fixed the score.")]
    channel_id: Annotated[str, Meta(description="The channel that at least two voters agree on, else empty.")]
    channel_score: Annotated[float, Meta(ge=0, le=100)]
    last_updated: Moment


class VideoChange(Struct, rename="camel", omit_defaults=True):
    """A video that changed (all fields of a result), or that clients must drop (its id and when it left)."""

    video_id: str
    action: Literal["update", "remove"]
    last_updated: Moment
    score: Points | UnsetType = UNSET
    categories: dict[str, CategoryScore] | UnsetType = UNSET
    total_votes: Count | UnsetType = UNSET
    locked: bool | UnsetType = UNSET
    channel_id: str | UnsetType = UNSET
    channel_score: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET


class ChannelScore(Struct, rename="camel"):
    """What is published of one channel."""

    channel_id: str
    score: Annotated[float, Meta(ge=0, le=100, description="Percent of its videos that are taken to be AI-made.")]
    total_videos: Annotated[Count, Meta(description="Its videos that have votes.")]
    flagged_videos: Annotated[Count, Meta(description="Of these, published ones that somebody flags.")]
    last_updated: Moment


class ChannelChange(Struct, rename="camel"):
    """A channel that changed, or that clients must drop."""

    channel_id: str
    action: Literal["update", "remove"]
    score: Annotated[float, Meta(ge=0, le=100)]


class Channel(Struct, rename="camel"):
    """One channel."""

    channel_id: str
    score: Annotated[float, Meta(ge=0, le=100)]
    total_videos: Count
    flagged_videos: Count
    top_categories: Annotated[list[str], Meta(description="Those that its published videos' votes name, by votes.")]
    locked: Annotated[bool, Meta(description="Always false: moderators fix videos, not channels.")]
    last_updated: Moment


def channel(said: Mapping[str, Any], top_categories: list[str]) -> Channel:
    """One channel, from its published fields."""
    score = convert(said, ChannelScore)
    return Channel(
        score.channel_id, score.score, score.total_videos, score.flagged_videos, top_categories, False,
        score.last_updated,
    )  # fmt: skip


class User(Struct, rename="camel"):
    """One voter, as they may be told of themselves."""

    user_id: str
    trust_score: Annotated[Share, Meta(description="The chance that a flag of theirs is right, nothing else known.")]
    total_votes: Annotated[Count, Meta(description="Standing votes.")]
    accuracy_rate: Annotated[
        Share, Meta(description="Share of their votes on decided videos that agree with the decision; 0 without any.")
    ]
    account_age: Annotated[Count, Meta(description="Whole days since their first vote.")]
    is_vip: Annotated[bool, Meta(description="Whether they are a moderator.")]


class Stats(Struct, rename="camel"):
    """How much this server has seen."""

    total_videos: Annotated[Count, Meta(description="Videos that were ever named to it.")]
    total_channels: Annotated[Count, Meta(description="Channels that were ever named to it.")]
    total_votes: Annotated[Count, Meta(description="Votes ever cast, replaced ones included, retractions not.")]
    total_users: Annotated[Count, Meta(description="Voters it has ever heard of.")]
    active_users_24h: Annotated[Count, Meta(description="Voters with a vote or retraction in the last 24 hours.")] = (
        field(name="activeUsers24h")
    )
    top_categories: Annotated[
        dict[str, Count], Meta(description="Votes ever cast that name each category, most votes first.")
    ]


class OwnVote(Struct, rename="camel"):
    """A standing vote, as its voter may be told of it."""

    video_id: str
    categories: list[str]
    channel_id: Annotated[str, Meta(description="The channel that the vote claims, else empty.")]
    cast_at: Moment


class OwnVotes(Struct, rename="camel"):
    """All standing votes of one voter, by time."""

    user_id: str
    votes: list[OwnVote]


class FullSync(Struct, rename="camel"):
    """Everything published."""

    videos: list[VideoResult]
    channels: list[ChannelScore]
    generated_at: Moment


class DeltaSync(Struct, rename="camel"):
    """What changed."""

    videos: list[VideoChange]
    channels: list[ChannelChange]
    sync_timestamp: Moment


class Alive(Struct):
    """The server answers."""

    status: Literal["ok"]


class CheckResult(Struct, omit_defaults=True):
    """What one check found."""

    status: Literal["up", "down", "disabled"]
    latency_ms: Annotated[float, Meta(ge=0)]
    error: str | UnsetType = UNSET


class Ready(Struct):
    """What all checks found."""

    status: Literal["ok", "down"]
    checks: dict[str, CheckResult]
    uptime_seconds: int
    version: str


ALL = (
    Accepted, Done, Erased, ErrorAnswer, BatchAnswer, VideoResult, Channel, User, Stats, OwnVotes, FullSync, DeltaSync,
    Alive, Ready,
)  # fmt: skip
"""Every shape that is a whole answer, or one of an array."""
