"""Answers to moderators and creators: their shapes, and what fills them. No voter's id is in any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from data.cases import Case
from data.formats.tree import rfc3339
from data.log.appeals import Appeal
from data.log.append import Decision
from intake.shapes import Count, Moment, Points
from intake.wire import encode

LISTED, MOST_LISTED = 50, 200
STATES = ("open", "answered")
State = Literal["open", "accepted", "rejected"]


class Decided(Struct):
    """What was decided stands in the log."""

    success: Literal[True]
    changed: Annotated[bool, Meta(description="False when it was so already: then nothing was appended.")]


class DecisionEntry(Struct, rename="camel", omit_defaults=True):
    """One decision."""

    position: Annotated[int, Meta(ge=1, description="Its place in the log.")]
    decided_at: Moment
    kind: str
    actor: Annotated[str, Meta(description="The name of the token, or who ran the command.")]
    reason: str
    video_id: str | UnsetType = UNSET
    voter: Annotated[str, Meta(description="The voter's pseudonym.")] | UnsetType = UNSET
    label: Annotated[int, Meta(description="Of an audit: 1 AI, 0 made by people.")] | UnsetType = UNSET
    score: Annotated[Points, Meta(description="Of a lock.")] | UnsetType = UNSET


class DecisionList(Struct):
    """Decisions, the newest first."""

    decisions: list[DecisionEntry]


class CaseEntry(Struct):
    """One thing to look at."""

    kind: Annotated[str, Meta(description="burst, flips, cluster, dispute or appeal.")]
    about: Annotated[str, Meta(description="The video's id; of a cluster the pseudonym of its first voter.")]
    why: str
    votes: Annotated[Count, Meta(description="Its reach: standing votes on the video, or of the cluster.")]
    held: Annotated[Count, Meta(description="How many of them are held.")]
    voters: Count
    score: Points
    priority: Annotated[float, Meta(ge=0, description="Reach times uncertainty.")]


class CaseList(Struct, rename="camel"):
    """What needs eyes, the most pressing first."""

    listed_at: Annotated[
        Moment | None, Meta(description="When the last publish listed all but the appeals; null before the first.")
    ]
    cases: list[CaseEntry]


class AppealState(Struct, rename="camel", omit_defaults=True):
    """An appeal, as whoever knows its id is shown it."""

    appeal_id: Annotated[str, Meta(description="By which it can be asked for. Keep it: it is told to nobody else.")]
    video_id: str
    state: State
    opened_at: Moment
    answered_at: Moment | UnsetType = UNSET
    answer: str | UnsetType = UNSET


class AppealEntry(AppealState, rename="camel", omit_defaults=True):
    """An appeal, as moderators are shown it."""

    message: str | UnsetType = UNSET
    contact: Annotated[str, Meta(description="Until it is answered.")] | UnsetType = UNSET
    actor: Annotated[str, Meta(description="Who answered.")] | UnsetType = UNSET


class AppealList(Struct):
    """Appeals."""

    appeals: list[AppealEntry]


ALL = (Decided, DecisionList, CaseList, AppealState, AppealList)
"""Every shape that is a whole answer."""


def decided(changed: bool) -> bytes:
    """The answer to a decision."""
    return encode(Decided(True, changed))


def decisions(found: Sequence[tuple[int, Decision]]) -> bytes:
    """A list of decisions, in which `voter_id` is a pseudonym."""
    return encode(DecisionList([
        DecisionEntry(
            position, rfc3339(one.decided_at_ms), one.kind, one.actor, one.reason,
            video_id=one.video_id or UNSET, voter=one.voter_id or UNSET,
            label=one.label if one.kind == "audit" else UNSET, score=one.score if one.kind == "lock" else UNSET,
        )
        for position, one in found
    ]))  # fmt: skip


def review(at_ms: int, cases: Sequence[Case]) -> bytes:
    """A list of cases; `at_ms` is 0 when no publish has made one."""
    return encode(CaseList(rfc3339(at_ms) if at_ms else None, [
        CaseEntry(one.kind, one.about, one.why, one.votes, one.held, one.voters, one.score, one.priority)
        for one in cases
    ]))  # fmt: skip


def appeal(one: Appeal) -> bytes:
    """One appeal, as whoever knows its id is shown it."""
    return encode(AppealState(one.appeal_id, one.video_id, _state(one), rfc3339(one.opened_ms), *_answered(one)))


def appeals(found: Sequence[Appeal]) -> bytes:
    """A list for moderators."""
    return encode(AppealList([
        AppealEntry(
            one.appeal_id, one.video_id, _state(one), rfc3339(one.opened_ms), *_answered(one),
            message=one.message, contact=one.contact or UNSET, actor=one.actor or UNSET,
        )
        for one in found
    ]))  # fmt: skip


def _state(one: Appeal) -> State:
    return "open" if one.state == "open" else "accepted" if one.state == "accepted" else "rejected"


def _answered(one: Appeal) -> tuple[str | UnsetType, str | UnsetType]:
    return (rfc3339(one.answered_ms), one.answer) if one.answered_ms else (UNSET, UNSET)
