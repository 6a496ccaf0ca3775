"""Appends votes and decisions to the log, inside the caller's transactions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple

from data.log.interning import CHANNELS, NETWORKS, VIDEOS, VOTERS, Interned
from data.log.lookup import last_position
from data.records import RETRACTION, Vote

LAST_WORDS = """
    SELECT votes.video, votes.voter, votes.cast_at_ms, votes.categories, votes.channel
    FROM json_each(?) AS pair CROSS JOIN votes ON votes.position = (
        SELECT position FROM votes
        WHERE video = json_extract(pair.value, '$[0]') AND voter = json_extract(pair.value, '$[1]')
        ORDER BY cast_at_ms DESC, position DESC LIMIT 1)
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
OTHERS_WROTE = "PRAGMA data_version"
"""Changes when another connection has written."""

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


class _Said(NamedTuple):
    """A voter's last word on a video."""

    cast_at_ms: int
    categories: int
    channel: int


class Appender:
    """Appends through one connection; knows the next position and remembers interned ids."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Takes a connection of `schema.open_for_append`; the caller keeps closing it."""
        self.connection = connection
        self._next = 0
        self._others = 0
        self._voters, self._videos = Interned(connection, VOTERS), Interned(connection, VIDEOS)
        self._channels, self._networks = Interned(connection, CHANNELS), Interned(connection, NETWORKS)
        self._ids = (self._voters, self._videos, self._channels, self._networks)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One commit: all that is appended inside, or on an exception nothing.

        Raises:
            sqlite3.OperationalError: Another process held the lock too long, or the disk is full; nothing was stored.
        """
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            self._begin()
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            self._forget()
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def cast(self, vote: Vote) -> Appended:
        """Appends one vote; see `cast_all`."""
        return self.cast_all([vote])[0]

    def cast_all(self, votes: Sequence[Vote]) -> list[Appended]:
        """Appends voters' new words as their last ones, in this order; call it inside `transaction`.

        A word that repeats the last one, and a retraction of nothing, append nothing.
        When the log already holds a later time of this pair (a clock went back), the vote is placed just after it.
        """
        self._voters.find([vote.voter_id for vote in votes])
        self._videos.find([vote.video_id for vote in votes])
        self._channels.find([vote.channel_id for vote in votes])
        self._networks.find([vote.network for vote in votes])
        said = self._last_words(votes)
        appended, rows = [], []
        for vote in votes:
            pair = self._videos.known(vote.video_id), self._voters.known(vote.voter_id)
            cast_at_ms, last = vote.cast_at_ms, said.get(pair)
            if last is None:
                changes = vote.categories != RETRACTION
            else:
                claimed = self._channels.known(vote.channel_id)  # 0 for a new one too
                moves = bool(vote.channel_id) and (not claimed or claimed != last.channel)
                changes = moves or last.categories != vote.categories
                cast_at_ms = max(cast_at_ms, last.cast_at_ms + 1)
            if not changes:
                appended.append(Appended(*pair, None))
                continue
            video, voter = self._videos.key(vote.video_id), self._voters.key(vote.voter_id)
            channel, network = self._channels.key(vote.channel_id), self._networks.key(vote.network)
            position = self.take_position()
            said[video, voter] = _Said(cast_at_ms, vote.categories, channel)
            rows.append((position, cast_at_ms, voter, video, vote.categories, channel, network, vote.voter_since_ms))
            appended.append(Appended(video, voter, position))
        for ids in self._ids:
            ids.store()
        self.connection.executemany(ADD_VOTE, rows)
        return appended

    def retract_all(self, voter_id: str, *, cast_at_ms: int, network: str) -> int:
        """Appends a retraction of every standing vote of a voter; call it inside `transaction`.

        Returns:
            How many there were.
        """
        self._voters.find([voter_id])
        videos = self.connection.execute(VIDEOS_OF_VOTER, (self._voters.known(voter_id),)).fetchall()
        retractions = [Vote(cast_at_ms, voter_id, video_id, RETRACTION, network=network) for (video_id,) in videos]
        return sum(done.position is not None for done in self.cast_all(retractions))

    def decide(self, decision: Decision) -> int:
        """Appends a decision and returns its position; call it inside `transaction`."""
        position = self.take_position()
        self.connection.execute(ADD_DECISION, (
            position, decision.decided_at_ms, decision.kind,
            _key(self._videos, decision.video_id), _key(self._voters, decision.voter_id),
            decision.label, decision.score, decision.actor, decision.reason,
        ))  # fmt: skip
        return position

    def take_position(self) -> int:
        """The next free place in the log."""
        return self.take_positions(1)[0]

    def take_positions(self, count: int) -> range:
        """The next free places in the log."""
        self._next += count
        return range(self._next - count, self._next)

    def _begin(self) -> None:
        self._next = last_position(self.connection) + 1
        others = self.connection.execute(OTHERS_WROTE).fetchone()[0]
        if others != self._others:
            self._forget()
        self._others = others
        for ids in self._ids:
            ids.begin()

    def _forget(self) -> None:
        for ids in self._ids:
            ids.forget()

    def _last_words(self, votes: Sequence[Vote]) -> dict[tuple[int, int], _Said]:
        """By (video, voter): what the log holds of these votes' pairs."""
        pairs = {(self._videos.known(vote.video_id), self._voters.known(vote.voter_id)) for vote in votes}
        known = [pair for pair in pairs if all(pair)]
        if not known:
            return {}
        found = self.connection.execute(LAST_WORDS, (json.dumps(known),))
        return {(video, voter): _Said(*word) for video, voter, *word in found}


def _key(ids: Interned, text: str) -> int:
    ids.find([text])
    key = ids.key(text)
    ids.store()
    return key
