"""Appends decisions that change something: an audit or appointment that already stands appends nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from data.log.append import Appender, Decision

STANDING_AUDITS = """
    SELECT videos.video_id, decisions.label
    FROM (SELECT max(position) AS position FROM decisions WHERE kind = 'audit' GROUP BY video) AS newest
    JOIN decisions ON decisions.position = newest.position
    JOIN videos ON videos.video = decisions.video
    ORDER BY decisions.position
"""
MODERATORS = """
    SELECT voters.voter_id, last.decided_at_ms, last.actor, last.reason
    FROM (SELECT max(position) AS position FROM decisions
          WHERE kind IN ('moderator_add', 'moderator_remove') GROUP BY voter) AS newest
    JOIN decisions AS last ON last.position = newest.position
    JOIN voters ON voters.voter = last.voter
    WHERE last.kind = 'moderator_add'
    ORDER BY last.position
"""


@dataclass(frozen=True, slots=True)
class Moderator:
    """A voter whose votes are moderators' votes."""

    voter_id: str
    """Never to leave the machine."""
    since_ms: int
    actor: str
    """Who appointed them."""
    reason: str


@dataclass(frozen=True, slots=True)
class Author:
    """Who decides, when, and why."""

    decided_at_ms: int
    actor: str
    reason: str


def standing_audits(connection: sqlite3.Connection) -> dict[str, int]:
    """Each audited video's last label, by video id."""
    return dict(connection.execute(STANDING_AUDITS))


def new_audits(connection: sqlite3.Connection, labels: Mapping[str, int]) -> dict[str, int]:
    """The labels that differ from what stands: video id -> label, 1 AI, 0 made by people."""
    stands = standing_audits(connection)
    return {video_id: label for video_id, label in labels.items() if stands.get(video_id) != label}


def append_audits(appender: Appender, labels: Mapping[str, int], author: Author) -> None:
    """Appends one audit a video; call it inside `Appender.transaction`."""
    for video_id, label in labels.items():
        appender.decide(
            Decision(author.decided_at_ms, "audit", author.actor, author.reason, video_id=video_id, label=label)
        )


def moderators(connection: sqlite3.Connection) -> list[Moderator]:
    """Everyone who is a moderator now, by when they were appointed."""
    return [Moderator(*row) for row in connection.execute(MODERATORS)]


def appoint(
    appender: Appender, voter_id: str, kind: Literal["moderator_add", "moderator_remove"], author: Author
) -> bool:
    """Makes a voter a moderator, or no longer one; call it inside `Appender.transaction`.

    Returns:
        False when it is so already and nothing was appended.
    """
    is_one = any(one.voter_id == voter_id for one in moderators(appender.connection))
    if is_one == (kind == "moderator_add"):
        return False
    appender.decide(Decision(author.decided_at_ms, kind, author.actor, author.reason, voter_id=voter_id))
    return True
