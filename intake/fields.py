"""Fields of text: how each is spelt, which values are valid, what a wrong one is told. Read and described from here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from data import records
from data.records import CATEGORIES, NOT_AI, STANCES, Rejection

BLANKS = " \t\r\n"
"""What is trimmed from both ends of every field."""
BLANK_PATTERN = r"[ \t\r\n]*"
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TextField:
    """A field of text."""

    name: str
    valid: re.Pattern[str]
    rule: str
    code: str = "INVALID_FIELD"
    any_case: bool = False
    """Whether capital letters mean the same."""
    example: str = ""

    def read(self, value: object) -> str | Rejection:
        """The trimmed text of a field, empty when it is missing."""
        if value is None:
            return ""
        text = value.strip(BLANKS) if isinstance(value, str) else None
        if text and self.any_case:
            text = text.lower()
        if text is None or (text and not self.valid.fullmatch(text)):
            return Rejection(self.code, f"{self.name} must be {self.rule}")
        return text

    def schema(self, description: str = "", *, optional: bool = False) -> Schema:
        """The JSON Schema of exactly what `read` takes.

        Args:
            description: What the field means; its rule is added.
            optional: Whether it may be null or empty as well.
        """
        pattern = self.valid.pattern.replace("a-f", "A-Fa-f") if self.any_case else self.valid.pattern
        pattern = f"({pattern})?" if optional else pattern
        return {
            "type": ["string", "null"] if optional else "string",
            "pattern": f"^{BLANK_PATTERN}{pattern}{BLANK_PATTERN}$",
            "description": f"{description} {self.rule[0].upper()}{self.rule[1:]}.".strip(),
            "examples": [self.example],
        }


EXAMPLE_VOTER = "b551fdf72b9892090dd33dd0e183063c739dbc6fa338137e2cf93e0e47ad6c09"
VIDEO_ID = TextField("videoId", records.VIDEO_ID, "1-16 characters of A-Z a-z 0-9 _ -", example="dQw4w9WgXcQ")
VOTER_ID = TextField("userId", records.VOTER_ID, "1-64 hexadecimal digits", any_case=True, example=EXAMPLE_VOTER)
CHANNEL_ID = TextField(
    "channelId", records.CHANNEL_ID, "1-32 characters of A-Z a-z 0-9 _ -", example="UCuAXFkgsw1L7xaCfnd5JJOw"
)
HASH_PREFIX = TextField(
    "the hash prefix", records.HASH_PREFIX, "4-8 hexadecimal digits", "INVALID_PREFIX", any_case=True, example="5f6b"
)


def one_of(names: tuple[str, ...]) -> Schema:
    """The JSON Schema of one of some names, blanks around it allowed."""
    return {
        "type": "string",
        "pattern": f"^{BLANK_PATTERN}({'|'.join(names)}){BLANK_PATTERN}$",
        "examples": [names[0]],
    }


def list_of(names: tuple[str, ...]) -> Schema:
    """The JSON Schema of some names in one text, with commas between them; empty places are passed over."""
    place = f"{BLANK_PATTERN}({'|'.join(names)})?{BLANK_PATTERN}"
    return {"type": "string", "pattern": f"^{place}(,{place})*$", "examples": [",".join(names[1:3])]}


ANYTHING: Schema = {"description": "Accepted, whatever it is, and dropped."}
_CATEGORIES_NOTE = "In place of category: all that is AI about the video. `not_ai` stands alone."


def vote_schema() -> Schema:
    """The JSON Schema of exactly what `wire.vote` takes; other fields are dropped."""
    flags = {"type": "array", "minItems": 1, "items": one_of(CATEGORIES)}
    counter = {"type": "array", "minItems": 1, "items": one_of((NOT_AI,))}
    return {
        "type": "object",
        "description": "One voter's statement about one video. It replaces the voter's earlier one.",
        "required": [VIDEO_ID.name, VOTER_ID.name],
        "properties": {
            VIDEO_ID.name: VIDEO_ID.schema("The platform's id of the video."),
            VOTER_ID.name: VOTER_ID.schema("Who votes: a secret that the client made."),
            CHANNEL_ID.name: CHANNEL_ID.schema("The channel that the client sees the video in.", optional=True),
            "userAgent": ANYTHING,
            "isShort": ANYTHING,
            "platformLabelSeen": ANYTHING,
        },
        "anyOf": [
            {
                "required": ["category"],
                "properties": {"category": one_of(STANCES), "categories": {"type": "null"}},
            },
            {
                "required": ["categories"],
                "properties": {"categories": {"description": _CATEGORIES_NOTE, "anyOf": [flags, counter]}},
            },
        ],
        "examples": [{
            VIDEO_ID.name: VIDEO_ID.example, VOTER_ID.name: VOTER_ID.example, "category": CATEGORIES[0],
        }],
    }  # fmt: skip


def retraction_schema() -> Schema:
    """The JSON Schema of exactly what `wire.retraction` takes as a body."""
    fields = (VIDEO_ID, VOTER_ID)
    return {
        "type": "object",
        "description": "Which vote a voter takes back.",
        "required": [field.name for field in fields],
        "properties": {field.name: field.schema() for field in fields},
        "examples": [{field.name: field.example for field in fields}],
    }


def batch_schema(vote: Schema, most: int) -> Schema:
    """The JSON Schema of exactly what `wire.batch` takes: up to `most` times a `vote`, or anything."""
    return {
        "type": "object",
        "description": "Several votes, of one voter or of many.",
        "required": ["votes"],
        "properties": {"votes": {
            "type": "array", "minItems": 1, "maxItems": most,
            "items": {"anyOf": [vote, {"description": "Anything else, which is refused by itself."}]},
        }},
        "examples": [{"votes": vote_schema()["examples"]}],
    }  # fmt: skip
