"""Strict reading of JSON that a stranger wrote.

Python's reader accepts repeated names, NaN, other encodings and any depth; signed documents must not have two readings.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from clients.errors import Malformed

MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8785 builds on the same limit)."""
SHOWN_CHARACTERS = 60
"""How much of a wrong value a message repeats."""

HASH = re.compile(r"[0-9a-f]{64}")
KEY_ID = re.compile(r"[0-9a-f]{16}")


def shown(value: object) -> str:
    """The value for a message: cut, escaped, on one line."""
    text = repr(value[: SHOWN_CHARACTERS * 4] if isinstance(value, (str, bytes, list)) else value)
    text = text.encode("ascii", "backslashreplace").decode("ascii")
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def plain(text: str) -> str:
    """A stranger's text for a terminal: on one line, nothing in it steers the screen."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _no_float(text: str) -> NoReturn:
    raise Malformed(f"numbers must be integers, found {shown(text)}")


def _no_constant(text: str) -> NoReturn:
    raise Malformed(f"not JSON: {text}")


def _integer(text: str) -> int:
    number = int(text) if len(text) <= 17 else MAX_INTEGER + 1
    if abs(number) > MAX_INTEGER:
        raise Malformed(f"integers must be below 2^53, found {shown(text)}")
    return number


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("an object names one field twice")
    return fields


def read_json(text: bytes) -> object:
    """Parse UTF-8 JSON in which numbers are integers.

    Raises:
        Malformed: on other encodings, floats, NaN, integers beyond 2^53, repeated names, too deep nesting, no JSON.
    """
    try:
        return json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_no_repeats,
            parse_float=_no_float,
            parse_constant=_no_constant,
            parse_int=_integer,
        )
    except RecursionError:
        raise Malformed("nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}") from None
    except ValueError as error:
        raise Malformed(f"not JSON: {error}") from None


def from_base64(text: str) -> bytes:
    """The bytes of canonical base64 with padding (RFC 4648, section 4).

    Raises:
        Malformed: when the text has another alphabet, wrong padding or stray bits.
    """
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed("not base64") from None
    if base64.b64encode(raw).decode("ascii") != text:
        raise Malformed("not canonical base64")
    return raw


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object whose fields are read with their type and limits; every method raises `Malformed`."""

    values: Mapping[str, object]
    where: str
    """Goes before each field's name in messages: empty, or like `base.`."""

    @classmethod
    def of(cls, value: object, where: str = "") -> Fields:
        """Take a parsed value that must be an object."""
        if not isinstance(value, dict):
            raise Malformed(f"{where.rstrip('.') or 'document'} must be an object, found {shown(value)}")
        return cls(value, where)

    def __contains__(self, name: str) -> bool:
        """Whether the object has the field."""
        return name in self.values

    def any(self, name: str) -> object:
        """The field's value; it must be there."""
        if name not in self.values:
            raise Malformed(f"{self.where}{name} is missing")
        return self.values[name]

    def wrong(self, name: str, expected: str) -> Malformed:
        """The complaint about one field."""
        return Malformed(f"{self.where}{name} must be {expected}, found {shown(self.any(name))}")

    def integer(self, name: str, low: int = 0, high: int = MAX_INTEGER) -> int:
        """An integer from `low` to `high`."""
        value = self.any(name)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"an integer from {low} to {high}")
        return value

    def text(self, name: str, pattern: re.Pattern[str] | None = None) -> str:
        """A text that the whole pattern matches."""
        value = self.any(name)
        if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
            raise self.wrong(name, f"text like {pattern.pattern}" if pattern else "text")
        return value

    def hash(self, name: str) -> str:
        """A SHA-256 in lower-case hex."""
        return self.text(name, HASH)

    def array(self, name: str) -> list[object]:
        """An array of anything."""
        value = self.any(name)
        if not isinstance(value, list):
            raise self.wrong(name, "an array")
        return value

    def integers(self, name: str) -> list[int]:
        """An array of integers, none negative."""
        value = self.array(name)
        if not all(type(entry) is int and entry >= 0 for entry in value):
            raise self.wrong(name, "an array of integers that are not negative")
        return value  # type: ignore[return-value]  # checked one line up

    def texts(self, name: str, pattern: re.Pattern[str]) -> list[str]:
        """An array of texts that the whole pattern matches."""
        value = self.array(name)
        if not all(isinstance(entry, str) and pattern.fullmatch(entry) for entry in value):
            raise self.wrong(name, f"an array of texts like {pattern.pattern}")
        return value  # type: ignore[return-value]  # checked one line up

    def bytes(self, name: str) -> bytes:
        """Bytes in base64."""
        try:
            return from_base64(self.text(name))
        except Malformed as error:
            raise Malformed(f"{self.where}{name}: {error}") from None

    def object(self, name: str) -> Fields:
        """An object inside this one."""
        return Fields.of(self.any(name), f"{self.where}{name}.")
