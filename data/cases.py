"""What needs a moderator's eyes: one case a thing, and the file by which a publish hands them to the server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import orjson

from data.log.appeals import Appeal

SHOWN_CHARACTERS = 100
"""Of an appeal's message."""
APPEAL = "appeal"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to look at."""

    kind: str
    """`burst`, `flips`, `cluster`, `dispute` or `appeal`."""
    about: str
    """The video's id; of a cluster the pseudonym of its first voter."""
    why: str
    votes: int
    """Its reach: standing votes on the video, or of the cluster."""
    held: int
    """How many of them are held."""
    voters: int
    """How many people cast them."""
    score: int
    """0-100 now; of a cluster the mean over its videos."""
    priority: float
    """Reach times uncertainty, 0 to `votes`, or to 1 of an appeal about a video without votes."""
    command: str
    """What to run next."""


@dataclass(frozen=True, slots=True)
class Review:
    """The most pressing cases of one moment."""

    log_id: str
    """Of which log."""
    position: int
    """The newest position of the log then."""
    at_ms: int
    took_ms: int
    """How long it took to make."""
    cases: tuple[Case, ...]


def of_appeal(appeal: Appeal, *, votes: int, held: int, score: int) -> Case:
    """The case of an open appeal. Its creator says that the score is wrong, so its uncertainty is 1.

    Args:
        appeal: An open one.
        votes: Standing votes on its video.
        held: How many of them are held.
        score: Of its video, 0-100.
    """
    message = printable(appeal.message)
    shown = message if len(message) <= SHOWN_CHARACTERS else message[: SHOWN_CHARACTERS - 1] + "…"
    return Case(
        APPEAL, appeal.video_id, f"appeal {appeal.appeal_id}: {shown}",
        votes=votes, held=held, voters=votes, score=score, priority=float(max(1, votes)),
        command=f"realtube appeal answer {appeal.appeal_id} --accept or --reject --answer …",
    )  # fmt: skip


def most_pressing(cases: Sequence[Case], limit: int) -> list[Case]:
    """The first of some cases, by priority."""
    return sorted(cases, key=lambda case: (-case.priority, case.kind, case.about, case.why))[:limit]


def printable(text: str) -> str:
    """A stranger's text on one line, without what could move a terminal's cursor or turn its writing around."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def write(path: Path, review: Review) -> None:
    """Replaces the file atomically, readable by its owner only."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(orjson.dumps(asdict(review)))
    unfinished.replace(path)


def read(path: Path) -> Review | None:
    """Reads the file; None when it is missing or not whole (it is a cache: the next publish makes it anew)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Review)
    except (OSError, ValueError):  # msgspec's own errors are ValueErrors
        return None
