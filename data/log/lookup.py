"""Looks single videos up in the votes log, through any SQLite connection to it.

Intake asks these questions between two ticks, its writer inside its own transaction; `read` is for whole columns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

import numpy as np

from data.columns import Decisions, Keys, Votes

FIND_VIDEO = "SELECT video, video_id FROM videos WHERE video_id = ?"
FIND_VOTER = "SELECT voter FROM voters WHERE voter_id = ?"
VIDEOS_OF_VOTER = """
    SELECT video, video_id FROM videos WHERE video IN (SELECT video FROM votes WHERE voter = ?) ORDER BY video
"""
VOTES_OF_VOTER = """
    SELECT position, cast_at_ms, video, categories, channel, voter_since_ms FROM votes WHERE voter = ?
"""
VIDEO_IDS = "SELECT video, video_id FROM videos WHERE video IN (SELECT value FROM json_each(?))"
VOTER_IDS = "SELECT voter, voter_id FROM voters WHERE voter IN (SELECT value FROM json_each(?))"
VIDEOS_BY_HASH = "SELECT video, video_id FROM videos WHERE hash_prefix BETWEEN ? AND ? ORDER BY video"
VOTES_OF_VIDEOS = """
    SELECT votes.position, cast_at_ms, voter, video, categories, channel
    FROM json_each(?) CROSS JOIN votes ON votes.video = json_each.value
"""  # CROSS JOIN fixes the plan: a search of votes_by_video for each key
LAST_POSITION = """
    SELECT max(coalesce((SELECT max(position) FROM votes), 0), coalesce((SELECT max(position) FROM decisions), 0))
"""
HASHES_AFTER = """
    SELECT hash_prefix FROM votes JOIN videos USING (video) WHERE position > ?1
    UNION SELECT hash_prefix FROM decisions JOIN videos USING (video) WHERE position > ?1
"""
LAST_DECISION = "SELECT coalesce(max(position), 0) FROM decisions"
DECISIONS_AFTER = (
    "SELECT position, kind, video, voter, label, score FROM decisions WHERE position > ? ORDER BY position"
)
CHANNELS = "SELECT channel, channel_id FROM channels WHERE channel IN (SELECT value FROM json_each(?)) ORDER BY channel"
HASH_DIGITS = 8
"""Hex digits of the hash that the log keeps."""


def video_by_id(connection: sqlite3.Connection, video_id: str) -> dict[int, str]:
    """The video with this id as {key: id}; empty when the log does not know it."""
    return dict(connection.execute(FIND_VIDEO, (video_id,)))


def voter_by_id(connection: sqlite3.Connection, voter_id: str) -> int:
    """The key of the voter with this id, 0 when the log does not know it."""
    row = connection.execute(FIND_VOTER, (voter_id,)).fetchone()
    return int(row[0]) if row else 0


def videos_of_voter(connection: sqlite3.Connection, voter: int) -> dict[int, str]:
    """Every video that a voter has ever voted on, as {key: id}."""
    return dict(connection.execute(VIDEOS_OF_VOTER, (voter,)))


def voter_ids(connection: sqlite3.Connection, voters: Keys) -> dict[int, str]:
    """The ids of some voters as {key: id}; never to leave the machine."""
    return dict(connection.execute(VOTER_IDS, (json.dumps(voters.tolist()),)))


def videos_by_hash(connection: sqlite3.Connection, prefix: str) -> dict[int, str]:
    """The videos whose hash starts with up to eight hex digits, as {key: id} in key order."""
    shift = 4 * (HASH_DIGITS - len(prefix))
    first = int(prefix, 16) << shift
    return dict(connection.execute(VIDEOS_BY_HASH, (first, first + (1 << shift) - 1)))


def video_ids(connection: sqlite3.Connection, videos: Keys) -> dict[int, str]:
    """The ids of some videos as {key: id}."""
    return dict(connection.execute(VIDEO_IDS, (json.dumps(videos.tolist()),)))


def votes_of(connection: sqlite3.Connection, videos: Iterable[int]) -> Votes:
    """All votes about some videos, in no order, without their networks and the voters' ages."""
    rows = connection.execute(VOTES_OF_VIDEOS, (json.dumps(list(videos)),)).fetchall()
    position, cast_at_ms, voter, video, categories, channel = np.array(rows, np.int64).reshape(-1, 6).T
    return Votes(
        position=position,
        cast_at_ms=cast_at_ms,
        voter=voter.astype(np.int32),
        video=video.astype(np.int32),
        categories=categories.astype(np.uint8),
        channel=channel.astype(np.int32),
        network=np.zeros(len(rows), np.int32),
        voter_since_ms=np.zeros(len(rows), np.int64),
    )


def votes_of_voter(connection: sqlite3.Connection, voter: int) -> Votes:
    """All votes of a voter, in no order, without their networks."""
    rows = connection.execute(VOTES_OF_VOTER, (voter,)).fetchall()
    position, cast_at_ms, video, categories, channel, voter_since_ms = np.array(rows, np.int64).reshape(-1, 6).T
    return Votes(
        position=position,
        cast_at_ms=cast_at_ms,
        voter=np.full(len(rows), voter, np.int32),
        video=video.astype(np.int32),
        categories=categories.astype(np.uint8),
        channel=channel.astype(np.int32),
        network=np.zeros(len(rows), np.int32),
        voter_since_ms=voter_since_ms,
    )


def last_position(connection: sqlite3.Connection) -> int:
    """The newest position, 0 in an empty log."""
    return int(connection.execute(LAST_POSITION).fetchone()[0])


def hashes_after(connection: sqlite3.Connection, position: int) -> list[int]:
    """The hash prefixes of all videos that a vote or a decision after a position is about."""
    return [prefix for (prefix,) in connection.execute(HASHES_AFTER, (position,))]


def last_decision(connection: sqlite3.Connection) -> int:
    """Position of the newest decision, 0 without any."""
    return int(connection.execute(LAST_DECISION).fetchone()[0])


def decisions_after(connection: sqlite3.Connection, position: int) -> Decisions:
    """The decisions after a position."""
    rows = connection.execute(DECISIONS_AFTER, (position,)).fetchall()
    return Decisions(
        position=np.array([row[0] for row in rows], np.int64),
        kind=[row[1] for row in rows],
        video=np.array([row[2] for row in rows], np.int32),
        voter=np.array([row[3] for row in rows], np.int32),
        label=np.array([row[4] for row in rows], np.uint8),
        score=np.array([row[5] for row in rows], np.uint8),
    )


def channel_ids(connection: sqlite3.Connection, channels: Keys) -> dict[int, str]:
    """The ids of some channels as {key: id}; unknown keys and 0 are absent."""
    return dict(connection.execute(CHANNELS, (json.dumps(channels.tolist()),)))
