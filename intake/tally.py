"""How much the server has seen, counted in memory: each vote is counted once in a life of the process."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable

from data.records import CATEGORIES, RETRACTION, names_of
from intake import shapes

DAY_MS = 86_400_000
CHUNK = 500_000
"""Positions that are counted at a time."""
PATIENCE_S = 0.5
"""So long a question waits for another one's counting; then it is told what was counted so far."""
LAST_VOTE = "SELECT coalesce(max(position), 0) FROM votes"
NEW_VOTES = "SELECT categories, count(*) FROM votes WHERE position > ? AND position <= ? GROUP BY categories"
NEW_VOTERS = """
    SELECT voter, max(cast_at_ms) FROM votes WHERE position > ? AND position <= ? AND cast_at_ms > ? GROUP BY voter
"""
LAST_KEYS = """
    SELECT (SELECT coalesce(max(video), 0) FROM videos), (SELECT coalesce(max(channel), 0) FROM channels),
           (SELECT coalesce(max(voter), 0) FROM voters)
"""  # keys are dense and handed out in order, so the last one counts them


class Tally:
    """Counts votes as they come, whoever appended them; only the first question reads all of the log.

    While it does, others are told what it has counted so far.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Takes the clock, Unix milliseconds."""
        self._now_ms = now_ms
        self._counting = threading.Lock()
        self._position = 0
        self._last_seen: dict[int, int] = {}
        """By voter key: time of the newest vote, of those of the last 24 hours."""
        self._counted: tuple[Counter[int], int] = Counter(), 0
        """By mask: votes; and how many voters are active. Replaced as one, never changed."""

    def stats(self, connection: sqlite3.Connection) -> shapes.Stats:
        """The counts of now."""
        if self._counting.acquire(timeout=PATIENCE_S):
            try:
                self._catch_up(connection)
            finally:
                self._counting.release()
        by_mask, active = self._counted
        videos, channels, voters = connection.execute(LAST_KEYS).fetchone()
        named: Counter[str] = Counter(dict.fromkeys(CATEGORIES, 0))
        for mask, votes in by_mask.items():
            named.update(dict.fromkeys(set(names_of(mask)) & set(CATEGORIES), votes))
        return shapes.Stats(
            total_videos=videos,
            total_channels=channels,
            total_votes=sum(votes for mask, votes in by_mask.items() if mask != RETRACTION),
            total_users=voters,
            active_users_24h=active,
            top_categories=dict(named.most_common()),
        )

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        (last,) = connection.execute(LAST_VOTE).fetchone()
        since_ms = self._now_ms() - DAY_MS
        for first in range(self._position, last, CHUNK):
            through = min(first + CHUNK, last)
            self._count(connection, first, through, since_ms)
        self._last_seen = {voter: at_ms for voter, at_ms in self._last_seen.items() if at_ms > since_ms}
        self._counted = self._counted[0], len(self._last_seen)

    def _count(self, connection: sqlite3.Connection, after: int, through: int, since_ms: int) -> None:
        by_mask = self._counted[0].copy()
        for mask, votes in connection.execute(NEW_VOTES, (after, through)):
            by_mask[mask] += votes
        for voter, at_ms in connection.execute(NEW_VOTERS, (after, through, since_ms)):
            self._last_seen[voter] = max(at_ms, self._last_seen.get(voter, 0))
        self._counted, self._position = (by_mask, len(self._last_seen)), through
