"""Takes CSV apart line by line: a quoted field must end in its own line, so that one bad line spoils no other."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from data.input.textlines import LONGEST_LINE_BYTES, InputFileError


def header(line: bytes, name: str, *, required: Sequence[str], known: Sequence[str]) -> list[str]:
    """The columns that a header line names, in its order, unknown ones included.

    Args:
        line: The first line.
        name: What messages call the file.
        required: Columns that must be there.
        known: Columns that must not be there twice.

    Raises:
        InputFileError: A required column is missing, or a known one is named twice.
    """
    try:
        names = [column.strip() for column in next(csv.reader([line.decode("utf-8", "replace")]), [])]
    except csv.Error as error:
        raise InputFileError(f"{name}: its first line is no header of a CSV file ({error})") from error
    missing = [column for column in required if column not in names]
    if missing:
        raise InputFileError(
            f"{name}: its first line must name the columns {', '.join(required)}; it lacks {', '.join(missing)}"
        )
    twice = [column for column in known if names.count(column) > 1]
    if twice:
        raise InputFileError(f"{name}: its first line names {', '.join(twice)} more than once")
    return names


def fields(line: bytes, width: int) -> list[str] | str:
    """The fields of one line, none for an empty line, or what is wrong with it."""
    if not line.strip():
        return []
    text = _decoded(line)
    if text is None:
        return wrong(line)
    try:
        row = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
    except csv.Error as error:
        return f"line: expected each quoted field to end in its own line ({error})"
    return row if len(row) == width else f"line: expected {width} fields as in the header, found {len(row)}"


def wrong(line: bytes) -> str:
    """Why a line is no text that any reader takes."""
    if len(line) > LONGEST_LINE_BYTES:
        return f"line: expected at most {LONGEST_LINE_BYTES} bytes"
    return "line: expected no NUL byte" if b"\0" in line else "line: expected UTF-8"


def _decoded(line: bytes) -> str | None:
    if len(line) > LONGEST_LINE_BYTES or b"\0" in line:
        return None
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None
