"""Appends decisions that change something: an audit or appointment that already stands appends nothing."""

from __future__ import annotations

import getpass
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.log import lookup
from data.log.append import Appender, Decision, VideoRuling, VoterRuling

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

LAST_RULING_ON_VIDEO = """
    SELECT kind, score FROM decisions JOIN videos USING (video)
    WHERE video_id = ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY decisions.position DESC LIMIT 1
"""
LAST_RULING_ON_VOTER = """
    SELECT kind, score FROM decisions JOIN voters USING (voter)
    WHERE voter_id = ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY decisions.position DESC LIMIT 1
"""
NEWEST_DECISIONS = """
    SELECT position, decided_at_ms, kind, coalesce(video_id, ''), coalesce(voter_id, ''), label, score, actor, reason
    FROM decisions LEFT JOIN videos USING (video) LEFT JOIN voters USING (voter)
    WHERE position < ? ORDER BY position DESC LIMIT ?
"""
VIDEOS_DECIDED_AFTER = "SELECT video_id FROM decisions JOIN videos USING (video) WHERE position > ?"
ON_VIDEOS: tuple[tuple[VideoRuling, ...], ...] = (("lock", "confirm_human", "unlock"), ("hide", "unhide"), ("release",))
ON_VOTERS: tuple[tuple[VoterRuling, ...], ...] = (("moderator_add", "moderator_remove"), ("ban", "unban"))
"""Rulings that replace each other; the last one of each group takes the others back."""
NO_END = 2**62
"""Beyond every position."""


class NothingToRelease(Exception):
    """Nobody has voted on the video; nothing was appended."""


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


def login() -> str:
    """The login name of whoever runs this process: the default actor of a decision."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"


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


def rule_on_video(appender: Appender, video_id: str, kind: VideoRuling, author: Author, *, score: int = 0) -> bool:
    """Locks, confirms, hides, takes one of these back, or releases; call it inside `Appender.transaction`.

    Args:
        appender: Of the log.
        video_id: The video, which need not have votes yet.
        kind: What is decided.
        author: By whom, when, why.
        score: Of a lock: the score to show, 0-100.

    Returns:
        False when it is so already and nothing was appended.

    Raises:
        NothingToRelease: See there.
    """
    if kind == "release" and not lookup.video_by_id(appender.connection, video_id):
        raise NothingToRelease(f"nobody has voted on {video_id}: there is nothing to release")
    stands = _stands(appender.connection, LAST_RULING_ON_VIDEO, video_id, _group(ON_VIDEOS, kind))
    if stands == (kind, score) and kind != "release":  # a release is a moment, not a state: each one is another
        return False
    appender.decide(Decision(author.decided_at_ms, kind, author.actor, author.reason, video_id=video_id, score=score))
    return True


def rule_on_voter(appender: Appender, voter_id: str, kind: VoterRuling, author: Author) -> bool:
    """Appoints, bans, or takes one of these back; call it inside `Appender.transaction`.

    Returns:
        False when it is so already and nothing was appended.
    """
    stands = _stands(appender.connection, LAST_RULING_ON_VOTER, voter_id, _group(ON_VOTERS, kind))
    if stands == (kind, 0):
        return False
    appender.decide(Decision(author.decided_at_ms, kind, author.actor, author.reason, voter_id=voter_id))
    return True


def newest(connection: sqlite3.Connection, count: int, before: int = NO_END) -> list[tuple[int, Decision]]:
    """The newest decisions before a position, and their positions, the newest first."""
    return [
        (position, Decision(at_ms, kind, actor, reason, video_id, voter_id, label, score))
        for position, at_ms, kind, video_id, voter_id, label, score, actor, reason in connection.execute(
            NEWEST_DECISIONS, (before, count)
        )
    ]


def videos_decided_after(connection: sqlite3.Connection, position: int) -> set[str]:
    """The ids of the videos that any decision after a position is about."""
    return {video_id for (video_id,) in connection.execute(VIDEOS_DECIDED_AFTER, (position,))}


def _group(groups: Sequence[tuple[str, ...]], kind: str) -> tuple[str, ...]:
    return next(group for group in groups if kind in group)


def _stands(connection: sqlite3.Connection, query: str, subject: str, group: tuple[str, ...]) -> tuple[str, int]:
    """What was decided last, by default that nothing is: the last kind of each group."""
    row = connection.execute(query, (subject, json.dumps(group))).fetchone()
    return (row[0], row[1]) if row else (group[-1], 0)
