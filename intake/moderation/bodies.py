"""What moderators and creators send: read and described from here, as `fields` and `wire` do it for votes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from data.log.appeals import ANSWER_MOST, APPEAL_ID, CONTACT_MOST, MESSAGE_MOST, VERDICTS, Verdict
from data.log.pseudonyms import PSEUDONYM as PSEUDONYM_PATTERN
from data.records import Rejection
from intake.fields import BLANK_PATTERN, BLANKS, VIDEO_ID, VOTER_ID, Schema, TextField, one_of
from intake.wire import quoted, read_object

REASON_MOST = 500
PSEUDONYM = TextField("pseudonym", PSEUDONYM_PATTERN, "12 hexadecimal digits", any_case=True, example="1f0c96a2b7d4")
APPEAL = TextField("appealId", APPEAL_ID, "32 hexadecimal digits", any_case=True, example="3f" * 16)


@dataclass(frozen=True, slots=True)
class FreeText:
    """A field of what people write: any letters, but nothing that moves a cursor or forges a line of a list."""

    name: str
    most: int
    """Characters, blanks at both ends included."""
    lines: bool = False
    """Whether it may have several lines."""
    example: str = ""

    @property
    def pattern(self) -> str:
        """Of a text that says something."""
        controls = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029"
        inner = controls if self.lines else controls + r"\t\r\n"
        edge = rf"[^{controls} \t\r\n]"
        return f"{edge}([^{inner}]*{edge})?"

    def read(self, value: object) -> str | Rejection:
        """The trimmed text, empty when it is missing."""
        if value is None:
            return ""
        text = value.strip(BLANKS) if isinstance(value, str) and len(value) <= self.most else None
        if text is None or (text and not re.fullmatch(self.pattern, text)):
            kind = "text" if self.lines else "one line of text"
            return Rejection("INVALID_FIELD", f"{self.name} must be {kind} of at most {self.most} characters")
        return text

    def schema(self, description: str, *, optional: bool = False) -> Schema:
        """The JSON Schema of exactly what `read` takes."""
        pattern = f"({self.pattern})?" if optional else self.pattern
        return {
            "type": ["string", "null"] if optional else "string",
            "pattern": f"^{BLANK_PATTERN}{pattern}{BLANK_PATTERN}$",
            "maxLength": self.most,
            "description": f"{description} At most {self.most} characters{'' if self.lines else ', one line'}.",
            "examples": [self.example],
        }


REASON = FreeText("reason", REASON_MOST, example="filmed in 1987")
MESSAGE = FreeText("message", MESSAGE_MOST, lines=True, example="I filmed this myself; the raw files are at …")
CONTACT = FreeText("contact", CONTACT_MOST, example="maker@example.org")
ANSWER = FreeText("answer", ANSWER_MOST, lines=True, example="Confirmed as made by people.")


class _Body(msgspec.Struct):
    """What a body may say; other fields are dropped."""

    video_id: object = msgspec.field(name=VIDEO_ID.name, default=None)
    voter_id: object = msgspec.field(name=VOTER_ID.name, default=None)
    pseudonym: object = None
    score: object = None
    reason: object = None
    message: object = None
    contact: object = None
    state: object = None
    answer: object = None


_decode = msgspec.json.Decoder(_Body).decode
_QUOTED = quoted(_Body)


@dataclass(frozen=True, slots=True)
class AboutVideo:
    """A ruling on a video."""

    video_id: str
    reason: str
    score: int


@dataclass(frozen=True, slots=True)
class AboutVoter:
    """A ruling on a voter, whom either their id or their pseudonym names."""

    voter_id: str
    pseudonym: str
    reason: str


@dataclass(frozen=True, slots=True)
class Objection:
    """An appeal."""

    video_id: str
    message: str
    contact: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to an appeal."""

    verdict: Verdict
    text: str


def about_video(body: bytes, *, scored: bool) -> AboutVideo | Rejection:
    """Reads a ruling on a video, with a score if it must have one."""
    said = read_object(body, _decode, _QUOTED)
    if isinstance(said, Rejection):
        return said
    read = _all(said, (VIDEO_ID, said.video_id), (REASON, said.reason))
    if isinstance(read, Rejection):
        return read
    score = _points(said.score) if scored else 0
    return score if isinstance(score, Rejection) else AboutVideo(read[0], read[1], score)


def about_voter(body: bytes) -> AboutVoter | Rejection:
    """Reads a ruling on a voter."""
    said = read_object(body, _decode, _QUOTED)
    if isinstance(said, Rejection):
        return said
    if said.voter_id is not None and said.pseudonym is not None:
        return Rejection("INVALID_FIELD", "either userId or pseudonym must be given, not both")
    known_by = (PSEUDONYM, said.pseudonym) if said.voter_id is None else (VOTER_ID, said.voter_id)
    read = _all(said, known_by, (REASON, said.reason))
    if isinstance(read, Rejection):
        return read
    return AboutVoter("", *read) if said.voter_id is None else AboutVoter(read[0], "", read[1])


def objection(body: bytes) -> Objection | Rejection:
    """Reads an appeal."""
    said = read_object(body, _decode, _QUOTED)
    if isinstance(said, Rejection):
        return said
    read, contact = _all(said, (VIDEO_ID, said.video_id), (MESSAGE, said.message)), CONTACT.read(said.contact)
    if isinstance(read, Rejection):
        return read
    return contact if isinstance(contact, Rejection) else Objection(read[0], read[1], contact)


def reply(body: bytes) -> Reply | Rejection:
    """Reads an answer to an appeal."""
    said = read_object(body, _decode, _QUOTED)
    if isinstance(said, Rejection):
        return said
    read = _all(said, (STATE, said.state), (ANSWER, said.answer))
    return read if isinstance(read, Rejection) else Reply(cast(Verdict, read[0]), read[1])


STATE = TextField("state", re.compile("|".join(VERDICTS)), " or ".join(VERDICTS), example=VERDICTS[0])


def _all(_said: _Body, *fields: tuple[TextField | FreeText, object]) -> list[str] | Rejection:
    """The texts of fields that must be given."""
    read = [field.read(value) for field, value in fields]
    if "" in read:
        names = ", ".join(field.name for field, _ in fields)
        return Rejection("MISSING_FIELDS", f"{names} must be given and not empty")
    texts = [text for text in read if isinstance(text, str)]
    return texts if len(texts) == len(read) else next(one for one in read if isinstance(one, Rejection))


def _points(value: object) -> int | Rejection:
    if value is None:
        return Rejection("MISSING_FIELDS", "score must be given")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        return Rejection("INVALID_FIELD", "score must be a whole number from 0 to 100")
    return value


def video_schema(*, scored: bool) -> Schema:
    """The JSON Schema of exactly what `about_video` takes."""
    properties: dict[str, Any] = {
        VIDEO_ID.name: VIDEO_ID.schema("The platform's id. It need not have votes, but for a release."),
        REASON.name: REASON.schema("Why: kept with the decision, and may be published."),
    }
    if scored:
        properties["score"] = {"type": "integer", "minimum": 0, "maximum": 100, "description": "The score to show."}
    example = {name: said["examples"][0] for name, said in properties.items() if name != "score"}
    return _object(properties, "A decision about a video.", example | ({"score": 95} if scored else {}))


def voter_schema() -> Schema:
    """The JSON Schema of exactly what `about_voter` takes."""
    ways = ((VOTER_ID, "The voter's id."), (PSEUDONYM, "What lists of this server call the voter."))
    others = {VOTER_ID.name: PSEUDONYM.name, PSEUDONYM.name: VOTER_ID.name}
    reason = REASON.schema("Why: kept with the decision, and may be published.")
    return {
        "type": "object",
        "description": "A decision about a voter, whom either their id or their pseudonym names.",
        "required": [REASON.name],
        "properties": {REASON.name: reason},
        "anyOf": [
            {"required": [field.name], "properties": {
                field.name: field.schema(meaning), others[field.name]: {"type": "null"},
            }}
            for field, meaning in ways
        ],
        "examples": [{PSEUDONYM.name: PSEUDONYM.example, REASON.name: "sells votes"}],
    }  # fmt: skip


def objection_schema() -> Schema:
    """The JSON Schema of exactly what `objection` takes."""
    properties = {
        VIDEO_ID.name: VIDEO_ID.schema("The video that is scored wrongly."),
        MESSAGE.name: MESSAGE.schema("Why. Moderators read it, nobody else."),
    }
    said = _object(properties, "A creator's objection.", {one: own["examples"][0] for one, own in properties.items()})
    contact = CONTACT.schema("How to reach the creator; removed with the answer, never published.", optional=True)
    return said | {"properties": properties | {CONTACT.name: contact}}


def reply_schema() -> Schema:
    """The JSON Schema of exactly what `reply` takes."""
    properties = {
        STATE.name: one_of(VERDICTS) | {"description": "Whether the creator is right."},
        ANSWER.name: ANSWER.schema("What whoever knows the appeal's id is shown."),
    }
    return _object(properties, "An answer.", {one: own["examples"][0] for one, own in properties.items()})


def _object(properties: dict[str, Any], description: str, example: dict[str, Any]) -> Schema:
    return {
        "type": "object", "description": description, "required": list(properties), "properties": properties,
        "examples": [example],
    }  # fmt: skip
