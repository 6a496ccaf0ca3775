"""Appends votes and decisions to the log, inside the caller's transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from data.records import RETRACTION, Vote, hash_prefix

LAST_POSITION = """
    SELECT max(coalesce((SELECT max(position) FROM votes), 0), coalesce((SELECT max(position) FROM decisions), 0))
"""
FIND_VOTER = "SELECT voter FROM voters WHERE voter_id = ?"
ADD_VOTER = "INSERT INTO voters (voter_id) VALUES (?)"
FIND_VIDEO = "SELECT video FROM videos WHERE video_id = ?"
ADD_VIDEO = "INSERT INTO videos (video_id, hash_prefix) VALUES (?, ?)"
FIND_CHANNEL = "SELECT channel FROM channels WHERE channel_id = ?"
ADD_CHANNEL = "INSERT INTO channels (channel_id) VALUES (?)"
FIND_NETWORK = "SELECT network FROM networks WHERE token = ?"
ADD_NETWORK = "INSERT INTO networks (token) VALUES (?)"
LAST_WORD = """
    SELECT cast_at_ms, categories, channel FROM votes WHERE video = ? AND voter = ?
    ORDER BY cast_at_ms DESC, position DESC LIMIT 1
"""
VIDEOS_OF_VOTER = "SELECT video_id FROM videos WHERE video IN (SELECT video FROM votes WHERE voter = ?) ORDER BY video"
ADD_VOTE = """
    INSERT INTO votes (position, cast_at_ms, voter, video, categories, channel, network, voter_since_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
ADD_DECISION = """
    INSERT INTO decisions (position, decided_at_ms, kind, video, voter, label, score, actor, reason)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
LONGEST_MEMORY = 200_000
"""How many interned ids are remembered; beyond it the memory starts over (about 30 MB)."""

VideoRuling = Literal["lock", "confirm_human", "unlock", "hide", "unhide", "release"]
VoterRuling = Literal["moderator_add", "moderator_remove", "ban", "unban"]
DecisionKind = Literal["audit"] | VideoRuling | VoterRuling


@dataclass(frozen=True, slots=True)
class Decision:
    """A moderator's or auditor's act, in the log beside the votes."""

    decided_at_ms: int
    kind: DecisionKind
    actor: str
    """Who decided; never published."""
    reason: str
    video_id: str = ""
    voter_id: str = ""
    label: int = 0
    """Of an audit: 1 AI, 0 made by people."""
    score: int = 0
    """Of a lock: 0-100."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of one vote."""

    video: int
    """Key of the video."""
    voter: int
    """Key of the voter, 0 when the voter has never voted and nothing was stored."""
    position: int | None
    """Place in the log, or None when the voter's last word already says this."""


class Appender:
    """Appends through one connection; knows the next position and remembers interned ids."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Takes a connection of `schema.open_for_append`; the caller keeps closing it."""
        self.connection = connection
        self._next = 0
        self._remembered: dict[tuple[str, str], int] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One commit: all that is appended inside, or on an exception nothing.

        Raises:
            sqlite3.OperationalError: Another process held the lock too long, or the disk is full; nothing was stored.
        """
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            self._next = self.connection.execute(LAST_POSITION).fetchone()[0] + 1
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            self._remembered.clear()  # keys that were drawn inside are gone
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def cast(self, vote: Vote) -> Appended:
        """Appends a voter's new word as their last one; call it inside `transaction`.

        A word that repeats the last one, and a retraction of nothing, append nothing.
        When the log already holds a later time of this pair (a clock went back), the vote is placed just after it.
        """
        video = self._find(FIND_VIDEO, vote.video_id)
        voter = self._find(FIND_VOTER, vote.voter_id)
        last = self.connection.execute(LAST_WORD, (video, voter)).fetchone() if video and voter else None
        channel = self.channel(vote.channel_id)
        if last is None and vote.categories == RETRACTION:
            return Appended(video, voter, None)
        if last is not None:
            if last[1] == vote.categories and (last[2] == channel or not channel):
                return Appended(video, voter, None)
            vote = replace(vote, cast_at_ms=max(vote.cast_at_ms, last[0] + 1))
        video = video or self._add(FIND_VIDEO, ADD_VIDEO, vote.video_id, hash_prefix(vote.video_id))
        voter = voter or self._add(FIND_VOTER, ADD_VOTER, vote.voter_id)
        position = self.take_position()
        self.connection.execute(ADD_VOTE, (
            position, vote.cast_at_ms, voter, video, vote.categories, channel, self.network(vote.network),
            vote.voter_since_ms,
        ))  # fmt: skip
        return Appended(video, voter, position)

    def retract_all(self, voter_id: str, *, cast_at_ms: int, network: str) -> int:
        """Appends a retraction of every standing vote of a voter; call it inside `transaction`.

        Returns:
            How many there were.
        """
        videos = self.connection.execute(VIDEOS_OF_VOTER, (self._find(FIND_VOTER, voter_id),)).fetchall()
        retractions = (
            Vote(cast_at_ms, voter_id, video_id, RETRACTION, network=network) for (video_id,) in videos
        )  # fmt: skip
        return sum(self.cast(retraction).position is not None for retraction in retractions)

    def decide(self, decision: Decision) -> int:
        """Appends a decision and returns its position; call it inside `transaction`."""
        position = self.take_position()
        self.connection.execute(ADD_DECISION, (
            position, decision.decided_at_ms, decision.kind,
            self.video(decision.video_id) if decision.video_id else 0,
            self.voter(decision.voter_id) if decision.voter_id else 0,
            decision.label, decision.score, decision.actor, decision.reason,
        ))  # fmt: skip
        return position

    def take_position(self) -> int:
        """The next free place in the log."""
        self._next += 1
        return self._next - 1

    def take_positions(self, count: int) -> range:
        """The next free places in the log."""
        self._next += count
        return range(self._next - count, self._next)

    def voter(self, voter_id: str) -> int:
        """Key of a voter, drawn now if the id is new."""
        return self._find(FIND_VOTER, voter_id) or self._add(FIND_VOTER, ADD_VOTER, voter_id)

    def video(self, video_id: str) -> int:
        """Key of a video, drawn now if the id is new."""
        return self._find(FIND_VIDEO, video_id) or self._add(FIND_VIDEO, ADD_VIDEO, video_id, hash_prefix(video_id))

    def channel(self, channel_id: str) -> int:
        """Key of a channel, drawn now if the id is new; 0 for the empty id."""
        return (
            (self._find(FIND_CHANNEL, channel_id) or self._add(FIND_CHANNEL, ADD_CHANNEL, channel_id))
            if channel_id
            else 0
        )

    def network(self, token: str) -> int:
        """Key of a network token, drawn now if the token is new; 0 for the empty token."""
        return (self._find(FIND_NETWORK, token) or self._add(FIND_NETWORK, ADD_NETWORK, token)) if token else 0

    def _find(self, query: str, text: str) -> int:
        key = self._remembered.get((query, text), 0)
        if not key:
            row = self.connection.execute(query, (text,)).fetchone()
            key = row[0] if row else 0
            if key:
                self._remember(query, text, key)
        return key

    def _add(self, query: str, statement: str, text: str, *more: int) -> int:
        key = self.connection.execute(statement, (text, *more)).lastrowid
        assert key is not None
        self._remember(query, text, key)
        return key

    def _remember(self, query: str, text: str, key: int) -> None:
        if len(self._remembered) >= LONGEST_MEMORY:
            self._remembered.clear()
        self._remembered[query, text] = key
