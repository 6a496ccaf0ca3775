"""Bodies and queries to records and back; only this module, `fields` and `shapes` spell public names of fields."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import msgspec

from data import records
from data.formats.tree import rfc3339
from data.records import Rejection, Vote
from intake import shapes
from intake.fields import BLANKS, CHANNEL_ID, HASH_PREFIX, VIDEO_ID, VOTER_ID, TextField
from intake.live import Verdict
from intake.moments import milliseconds
from intake.readiness import Readiness

Said = TypeVar("Said")
FUTURE_MS = 60_000
"""How far ahead of ours a client's clock may be."""
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?", re.ASCII)
DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
NDJSON = "ndjson"
"""The name of the format that `realtube import-votes` takes."""


class _Body(msgspec.Struct):
    """What a body may say; `object`, so that each wrong type gets an answer of its own. Other fields are dropped."""

    video_id: object = msgspec.field(name="videoId", default=None)
    voter_id: object = msgspec.field(name="userId", default=None)
    category: object = None
    categories: object = None
    channel_id: object = msgspec.field(name="channelId", default=None)


class _Batch(msgspec.Struct):
    """What the body of a batch may say; each vote is read as one that came alone."""

    votes: msgspec.Raw = msgspec.Raw(b"null")


MOST_VOTES = 100
"""Votes of one batch at most."""


def quoted(body: type[msgspec.Struct]) -> tuple[bytes, ...]:
    """The names of a body's fields as JSON spells them."""
    return tuple(f'"{field.encode_name}"'.encode() for field in msgspec.structs.fields(body))


_QUOTED = quoted(_Body)
_decode = msgspec.json.Decoder(_Body).decode
_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
encode = msgspec.json.Encoder().encode
"""The JSON of a shape."""


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
    video_id, voter_id, named = VIDEO_ID.read(said.video_id), VOTER_ID.read(said.voter_id), _named(said)
    if not (video_id and voter_id and named):
        return Rejection("MISSING_FIELDS", "videoId, userId and category (or categories) must be given and not empty")
    channel_id = CHANNEL_ID.read(said.channel_id)
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
    video_id = VIDEO_ID.read(said.video_id or query.get(VIDEO_ID.name))
    voter_id = VOTER_ID.read(said.voter_id or query.get(VOTER_ID.name))
    if not (video_id and voter_id):
        return Rejection("MISSING_FIELDS", "videoId and userId must be given, in the body or the query, and not empty")
    if isinstance(video_id, Rejection):
        return video_id
    if isinstance(voter_id, Rejection):
        return voter_id
    return Vote(now_ms, voter_id, video_id, records.RETRACTION, network=network)


def batch(body: bytes) -> list[bytes] | Rejection:
    """Reads the body of a batch: the JSON of each of its votes, not judged yet."""
    try:
        said, twice = _decode_batch(body), _names_twice(body, (b'"votes"',))
        body.decode()
    except (ValueError, RecursionError):
        return Rejection("INVALID_BODY", "the body must be one JSON object in UTF-8")
    if twice:
        return Rejection("INVALID_BODY", "the body must not name a field twice")
    try:
        votes = _decode_list(said.votes) or []
    except ValueError:
        return Rejection("INVALID_FIELD", "votes must be an array of votes")
    if not votes:
        return Rejection("MISSING_FIELDS", "votes must be given and not empty")
    if len(votes) > MOST_VOTES:
        return Rejection("INVALID_FIELD", f"votes must be at most {MOST_VOTES}, found {len(votes)}")
    return [bytes(one) for one in votes]


def given(field: TextField, text: str | None) -> str | Rejection:
    """Reads a field of a path or query that must be given."""
    return field.read(text) or Rejection(field.code, f"{field.name} must be given: {field.rule}")


def video_id(query: Mapping[str, str]) -> str | Rejection:
    """Reads which video is asked for."""
    return given(VIDEO_ID, query.get(VIDEO_ID.name))


def voter_id(query: Mapping[str, str]) -> str | Rejection:
    """Reads whose votes are asked for."""
    return given(VOTER_ID, query.get(VOTER_ID.name))


def hash_prefix(text: str) -> str | Rejection:
    """Reads the start of the hash by which videos are asked for."""
    return HASH_PREFIX.read(text) or Rejection(HASH_PREFIX.code, f"{HASH_PREFIX.name} must be {HASH_PREFIX.rule}")


def whole_number(query: Mapping[str, str], name: str, *, default: int, most: int) -> int | Rejection:
    """Reads a whole number from 1 on."""
    text = query.get(name)
    if text is None:
        return default
    number = int(text) if DIGITS.fullmatch(text) else 0
    return number if 1 <= number <= most else Rejection("INVALID_PARAM", f"{name} must be a number from 1 to {most}")


def importable(query: Mapping[str, str]) -> bool | Rejection:
    """Reads whether votes are wanted as a file that another installation imports."""
    asked = query.get("format", "json")
    return asked == NDJSON if asked in {"json", NDJSON} else Rejection("INVALID_PARAM", "format must be json or ndjson")


def wanted(query: Mapping[str, str]) -> Wanted | Rejection:
    """Reads which verdicts a look-up asks for."""
    names = [name.strip(BLANKS) for name in query.get("categories", "").split(",") if name.strip(BLANKS)]
    if not set(names) <= set(records.STANCES):
        return Rejection("INVALID_CATEGORY", f"categories must be a list of {', '.join(records.STANCES)}")
    text = query.get("minScore", "").strip(BLANKS) or "0"
    minimum = float(text) if NUMBER.fullmatch(text) else math.nan
    if not 0 <= minimum <= 100:
        return Rejection("INVALID_PARAM", "minScore must be a number from 0 to 100")
    included = [part.strip(BLANKS) for part in query.get("include", "").split(",")]
    flags = sum(records.BIT_OF[name] for name in set(names))
    return Wanted(flags=flags, minimum=minimum, not_ai=records.NOT_AI in included)


def since(query: Mapping[str, str], *, now_ms: int) -> int | Rejection:
    """Reads since when changes are asked for, in Unix milliseconds, not below 0."""
    text = query.get("since", "").strip(BLANKS)
    if not text:
        return Rejection("MISSING_PARAM", "since must be given: an RFC 3339 time such as 1970-01-01T00:00:00.000Z")
    since_ms = milliseconds(text)
    if since_ms is None or since_ms > now_ms + FUTURE_MS:
        return Rejection("INVALID_PARAM", "since must be an RFC 3339 time that is not in the future")
    return max(0, since_ms)


def accepted(score: int, trust: float) -> bytes:
    """The answer to a vote that is stored."""
    return encode(shapes.Accepted(True, score, trust))


RETRACTED = encode(shapes.Done(True))
"""The answer to a retraction that is stored."""


def erased(count: int) -> bytes:
    """The answer to an erasure that took so many votes back."""
    return encode(shapes.Erased(True, count))


def results_of_batch(outcomes: Iterable[Rejection | tuple[int, float]]) -> bytes:
    """The answer to a batch: of each vote its refusal, or score and trust."""
    return encode(shapes.BatchAnswer([
        shapes.BatchResult(False, error=shapes.Error(one.code, one.message))
        if isinstance(one, Rejection)
        else shapes.BatchResult(True, *one)
        for one in outcomes
    ]))  # fmt: skip


def result(verdict: Verdict, *, not_ai: bool) -> bytes:
    """One video's result; with `not_ai`, its counter-votes too."""
    return encode(_result(verdict, not_ai=not_ai))


def results(verdicts: Iterable[Verdict], *, not_ai: bool) -> bytes:
    """An array of results; with `not_ai`, their counter-votes too."""
    return encode([_result(verdict, not_ai=not_ai) for verdict in verdicts])


ALIVE = encode(shapes.Alive("ok"))
"""The answer to whether the server lives."""


def readiness(state: Readiness) -> bytes:
    """The answer to whether the server can work."""
    checks = {
        check.name: shapes.CheckResult(check.status, check.latency_ms, check.error or msgspec.UNSET)
        for check in state.checks
    }
    return encode(shapes.Ready("ok" if state.up else "down", checks, state.uptime_s, state.version))


def error(rejection: Rejection, retry_after_s: int = 0) -> bytes:
    """The body of every error; of one that comes too often, with the seconds to wait."""
    said = shapes.Error(rejection.code, rejection.message, retry_after_s or msgspec.UNSET)
    return encode(shapes.ErrorAnswer(said))


def _result(verdict: Verdict, *, not_ai: bool) -> shapes.VideoResult:
    scored = (*verdict.category_scores, 100 - verdict.score)
    shown = records.STANCES if not_ai else records.CATEGORIES
    return shapes.VideoResult(
        video_id=verdict.video_id,
        score=verdict.score,
        categories={
            name: shapes.CategoryScore(votes, points)
            for name, votes, points in zip(shown, verdict.votes, scored, strict=False)
            if votes
        },
        total_votes=verdict.voters,
        locked=verdict.locked,
        channel_id=verdict.channel_id,
        channel_score=verdict.channel_score,
        last_updated=rfc3339(verdict.newest_ms),
    )


def _object(body: bytes) -> _Body | Rejection:
    return read_object(body, _decode, _QUOTED)


def read_object(body: bytes, decode: Callable[[bytes], Said], names: Sequence[bytes]) -> Said | Rejection:
    """Reads a body that must be one JSON object.

    Args:
        body: As it came.
        decode: Of the object's fields.
        names: See `quoted`.
    """
    try:
        said = decode(body)
        twice = _names_twice(body, names)
        if not body.isascii():
            body.decode()  # the decoder does not look into text that it drops
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        return Rejection("INVALID_BODY", "the body must be one JSON object in UTF-8")
    return Rejection("INVALID_BODY", "the body must not name a field twice") if twice else said


def _names_twice(body: bytes, names: Sequence[bytes]) -> bool:
    if b"\\" not in body and all(body.count(name) < 2 for name in names):
        return False  # nearly always: no name can be spelt in another way, and none stands there twice
    said = [name for name, _ in json.loads(body, object_pairs_hook=list)]
    return len(set(said)) != len(said)


def _named(said: _Body) -> list[str] | Rejection:
    """The names that a vote gives, not judged yet; empty when there are none."""
    if said.categories is None:
        names = [] if said.category is None else [said.category]
    elif isinstance(said.categories, list):
        names = said.categories
    else:
        return Rejection("INVALID_FIELD", "categories must be an array of names")
    trimmed = [name.strip(BLANKS) if isinstance(name, str) else name for name in names]
    return [] if trimmed == [""] else cast(list[str], trimmed)  # `mask_of` refuses what is no text
