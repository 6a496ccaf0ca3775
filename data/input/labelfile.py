"""Reads the small files beside the votes: audited labels of videos, and lists of moderators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data.input import csvlines
from data.input.textlines import InputFileError, blocks, shown
from data.input.votebatch import Reject
from data.records import VIDEO_ID, VOTER_ID

COLUMNS = ("video_id", "label")
LABELS = {"0": 0, "1": 1}
"""1: AI, 0: made by people."""


@dataclass(frozen=True, slots=True)
class AuditFile:
    """What a file of audited labels says."""

    labels: dict[str, int]
    """Video id -> label: 1 AI, 0 made by people. Of a video that is named twice, the later label."""
    rejects: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class ModeratorFile:
    """What a list of moderators says."""

    voter_ids: tuple[str, ...]
    """Each once, in file order."""
    rejects: tuple[Reject, ...]


def read_audited(path: Path) -> AuditFile:
    """Reads a CSV of `video_id, label`; other columns are ignored.

    Raises:
        InputFileError: It cannot be opened, is empty, or its header lacks a column.
    """
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise InputFileError(f"{path} is empty: expected a header line with {', '.join(COLUMNS)}")
    names = csvlines.header(first[1], str(path), required=COLUMNS, known=COLUMNS)
    labels: dict[str, int] = {}
    rejects = []
    for number, line in lines:
        row = csvlines.fields(line, len(names))
        if isinstance(row, str):
            rejects.append(Reject(number, row, shown(line)))
        elif row:
            video_id, label = (row[names.index(column)].strip() for column in COLUMNS)
            reason = _wrong(video_id, label)
            if reason:
                rejects.append(Reject(number, reason, shown(line)))
            else:
                labels.pop(video_id, None)  # the order is that of the last words
                labels[video_id] = LABELS[label]
    return AuditFile(labels, tuple(rejects))


def read_moderators(path: Path) -> ModeratorFile:
    """Reads a list of voter ids, one a line, upper-case hex allowed.

    Raises:
        InputFileError: It cannot be opened.
    """
    voter_ids: dict[str, None] = {}
    rejects = []
    for number, line in _lines(path):
        voter_id = shown(line).strip().lower()
        if VOTER_ID.fullmatch(voter_id):
            voter_ids[voter_id] = None
        elif voter_id:
            rejects.append(
                Reject(number, f"voter_id: expected 1 to 64 hex digits; found {voter_id[:60]!r}", shown(line))
            )
    return ModeratorFile(tuple(voter_ids), tuple(rejects))


def _wrong(video_id: str, label: str) -> str:
    if not VIDEO_ID.fullmatch(video_id):
        return f"video_id: expected 1 to 16 characters of A-Z a-z 0-9 _ -; found {video_id[:60]!r}"
    return "" if label in LABELS else f"label: expected 1 (AI) or 0 (made by people); found {label[:60]!r}"


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            for block in blocks(file):
                yield from block.numbered()
    except OSError as error:
        raise InputFileError(f"{path} cannot be read: {error.strerror or error}") from error
