"""How much the server has seen, counted in memory: each vote is counted once in a life of the process."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable

from data.records import CATEGORIES, RETRACTION, names_of
from intake import shapes

DAY_MS = 86_400_000
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
    """Counts votes as they come, whoever appended them; only the first question reads all of the log."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Takes the clock, Unix milliseconds."""
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._position = 0
        self._by_mask: Counter[int] = Counter()
        self._last_seen: dict[int, int] = {}
        """By voter key: time of the newest vote, of those of the last 24 hours."""

    def stats(self, connection: sqlite3.Connection) -> shapes.Stats:
        """The counts of now."""
        with self._lock:
            self._catch_up(connection)
            by_mask, active = self._by_mask.copy(), len(self._last_seen)
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
        for mask, votes in connection.execute(NEW_VOTES, (self._position, last)):
            self._by_mask[mask] += votes
        for voter, at_ms in connection.execute(NEW_VOTERS, (self._position, last, since_ms)):
            self._last_seen[voter] = max(at_ms, self._last_seen.get(voter, 0))
        self._last_seen = {voter: at_ms for voter, at_ms in self._last_seen.items() if at_ms > since_ms}
        self._position = last
