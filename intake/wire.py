"""Bodies and queries to records and back: the only place that spells the public names of fields."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import msgspec

from data import records
from data.formats.tree import rfc3339
from data.records import Rejection, Vote
from intake.live import Verdict
from intake.moments import milliseconds
from intake.readiness import Readiness

FUTURE_MS = 60_000
"""How far ahead of ours a client's clock may be."""


class _Body(msgspec.Struct):
    """What a body may say; `object`, so that each wrong type gets an answer of its own. Other fields are dropped."""

    video_id: object = msgspec.field(name="videoId", default=None)
    voter_id: object = msgspec.field(name="userId", default=None)
    category: object = None
    categories: object = None
    channel_id: object = msgspec.field(name="channelId", default=None)


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of text: how it is spelt, which values are valid, how that is said."""

    name: str
    valid: re.Pattern[str]
    rule: str
    code: str = "INVALID_FIELD"
    any_case: bool = False
    """Whether capital letters mean the same."""


_VIDEO_ID = _Field("videoId", records.VIDEO_ID, "1-16 characters of A-Z a-z 0-9 _ -")
_VOTER_ID = _Field("userId", records.VOTER_ID, "1-64 hexadecimal digits", any_case=True)
_CHANNEL_ID = _Field("channelId", records.CHANNEL_ID, "1-32 characters of A-Z a-z 0-9 _ -")
_HASH_PREFIX = _Field("the hash prefix", records.HASH_PREFIX, "4-8 hexadecimal digits", "INVALID_PREFIX", any_case=True)
_QUOTED = tuple(f'"{field.encode_name}"'.encode() for field in msgspec.structs.fields(_Body))
_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which verdicts a look-up asks for."""

    flags: int
    """Mask of categories of which at least one must be named; 0 is any."""
    minimum: float
    """Lowest score, 0-100."""
    not_ai: bool
    """Whether counter-votes are shown."""

    def takes(self, verdict: Verdict) -> bool:
        """Whether this verdict is asked for."""
        named = sum(records.BIT_OF[name] for name, votes in zip(records.STANCES, verdict.votes, strict=True) if votes)
        return verdict.score >= self.minimum and (not self.flags or bool(named & self.flags))


def vote(body: bytes, *, network: str, now_ms: int) -> Vote | Rejection:
    """Reads the body of a vote.

    Args:
        body: JSON as it came.
        network: Token of the voter's network, or empty.
        now_ms: When the vote is cast.
    """
    said = _object(body)
    if isinstance(said, Rejection):
        return said
    video_id, voter_id, named = _text(said.video_id, _VIDEO_ID), _text(said.voter_id, _VOTER_ID), _named(said)
    if not (video_id and voter_id and named):
        return Rejection("MISSING_FIELDS", "videoId, userId and category (or categories) must be given and not empty")
    channel_id = _text(said.channel_id, _CHANNEL_ID)
    mask = named if isinstance(named, Rejection) else records.mask_of(named)
    for found in (video_id, voter_id, mask, channel_id):
        if isinstance(found, Rejection):
            return found
    assert isinstance(video_id, str) and isinstance(voter_id, str) and isinstance(channel_id, str)  # noqa: PT018
    assert isinstance(mask, int)
    return Vote(now_ms, voter_id, video_id, mask, channel_id=channel_id, network=network)


def retraction(body: bytes, query: Mapping[str, str], *, network: str, now_ms: int) -> Vote | Rejection:
    """Reads a retraction from its body, and what is not there from its query: some proxies drop such bodies."""
    said = _object(body) if body else _Body()
    if isinstance(said, Rejection):
        return said
    video_id = _text(said.video_id or query.get(_VIDEO_ID.name), _VIDEO_ID)
    voter_id = _text(said.voter_id or query.get(_VOTER_ID.name), _VOTER_ID)
    if not (video_id and voter_id):
        return Rejection("MISSING_FIELDS", "videoId and userId must be given, in the body or the query, and not empty")
    if isinstance(video_id, Rejection):
        return video_id
    if isinstance(voter_id, Rejection):
        return voter_id
    return Vote(now_ms, voter_id, video_id, records.RETRACTION, network=network)


def video_id(query: Mapping[str, str]) -> str | Rejection:
    """Reads which video is asked for."""
    found = _text(query.get(_VIDEO_ID.name), _VIDEO_ID)
    return found or Rejection(_VIDEO_ID.code, f"{_VIDEO_ID.name} must be given: {_VIDEO_ID.rule}")


def hash_prefix(text: str) -> str | Rejection:
    """Reads the start of the hash by which videos are asked for."""
    return _text(text, _HASH_PREFIX) or Rejection(_HASH_PREFIX.code, f"{_HASH_PREFIX.name} must be {_HASH_PREFIX.rule}")


def wanted(query: Mapping[str, str]) -> Wanted | Rejection:
    """Reads which verdicts a look-up asks for."""
    names = [name.strip() for name in query.get("categories", "").split(",") if name.strip()]
    if not set(names) <= set(records.STANCES):
        return Rejection("INVALID_CATEGORY", f"categories must be a list of {', '.join(records.STANCES)}")
    text = query.get("minScore", "").strip()
    try:
        minimum = float(text or 0)
    except ValueError:
        minimum = math.nan
    if not 0 <= minimum <= 100:
        return Rejection("INVALID_PARAM", "minScore must be a number from 0 to 100")
    included = [part.strip() for part in query.get("include", "").split(",")]
    flags = sum(records.BIT_OF[name] for name in set(names))
    return Wanted(flags=flags, minimum=minimum, not_ai=records.NOT_AI in included)


def since(query: Mapping[str, str], *, now_ms: int) -> int | Rejection:
    """Reads since when changes are asked for, in Unix milliseconds, not below 0."""
    text = query.get("since", "").strip()
    if not text:
        return Rejection("MISSING_PARAM", "since must be given: an RFC 3339 time such as 1970-01-01T00:00:00.000Z")
    since_ms = milliseconds(text)
    if since_ms is None or since_ms > now_ms + FUTURE_MS:
        return Rejection("INVALID_PARAM", "since must be an RFC 3339 time that is not in the future")
    return max(0, since_ms)


def accepted(score: int, trust: float) -> bytes:
    """The answer to a vote that is stored."""
    return _encode({"success": True, "newScore": score, "userTrust": trust})


RETRACTED = _encode({"success": True})
"""The answer to a retraction that is stored."""


def result(verdict: Verdict, *, not_ai: bool) -> bytes:
    """One video's result; with `not_ai`, its counter-votes too."""
    return _encode(_result(verdict, not_ai=not_ai))


def results(verdicts: Iterable[Verdict], *, not_ai: bool) -> bytes:
    """An array of results; with `not_ai`, their counter-votes too."""
    return _encode([_result(verdict, not_ai=not_ai) for verdict in verdicts])


ALIVE = _encode({"status": "ok"})
"""The answer to whether the server lives."""


def readiness(state: Readiness) -> bytes:
    """The answer to whether the server can work."""
    checks = {
        check.name: {"status": check.status, "latency_ms": check.latency_ms}
        | ({"error": check.error} if check.error else {})
        for check in state.checks
    }
    status = "ok" if state.up else "down"
    return _encode({"status": status, "checks": checks, "uptime_seconds": state.uptime_s, "version": state.version})


def error(rejection: Rejection) -> bytes:
    """The body of every error."""
    return _encode({"error": {"code": rejection.code, "message": rejection.message}})


def _result(verdict: Verdict, *, not_ai: bool) -> dict[str, object]:
    scored = (*verdict.category_scores, 100 - verdict.score)
    shown = records.STANCES if not_ai else records.CATEGORIES
    return {
        "videoId": verdict.video_id,
        "score": verdict.score,
        "categories": {
            name: {"votes": votes, "weightedScore": points}
            for name, votes, points in zip(shown, verdict.votes, scored, strict=False)
            if votes
        },
        "totalVotes": verdict.voters,
        "locked": verdict.locked,
        "channelId": verdict.channel_id,
        "channelScore": verdict.channel_score,
        "lastUpdated": rfc3339(verdict.newest_ms),
    }


def _object(body: bytes) -> _Body | Rejection:
    try:
        said = _decode(body)
        twice = _names_twice(body)
        if not body.isascii():
            body.decode()  # the decoder does not look into text that it drops
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        return Rejection("INVALID_BODY", "the body must be one JSON object in UTF-8")
    return Rejection("INVALID_BODY", "the body must not name a field twice") if twice else said


def _names_twice(body: bytes) -> bool:
    if b"\\" not in body and all(body.count(name) < 2 for name in _QUOTED):
        return False  # nearly always: no name can be spelt in another way, and none stands there twice
    names = [name for name, _ in json.loads(body, object_pairs_hook=list)]
    return len(set(names)) != len(names)


def _text(value: object, field: _Field) -> str | Rejection:
    """The trimmed text of a field, empty when it is missing."""
    if value is None:
        return ""
    text = value.strip() if isinstance(value, str) else None
    if text and field.any_case:
        text = text.lower()
    if text is None or (text and not field.valid.fullmatch(text)):
        return Rejection(field.code, f"{field.name} must be {field.rule}")
    return text


def _named(said: _Body) -> list[str] | Rejection:
    """The names that a vote gives, not judged yet; empty when there are none."""
    if said.categories is None:
        names = [] if said.category is None else [said.category]
    elif isinstance(said.categories, list):
        names = said.categories
    else:
        return Rejection("INVALID_FIELD", "categories must be an array of names")
    trimmed = [name.strip() if isinstance(name, str) else name for name in names]
    return [] if trimmed == [""] else cast(list[str], trimmed)  # `mask_of` refuses what is no text
