"""Look-ups by hash prefix, from kept answers where they still hold; whoever carries the request."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from data.log import lookup, schema
from data.log.schema import LogError
from data.records import Rejection
from intake import wire
from intake.answers import Answer, Header, known_to, refused, whole
from intake.kept import Found, Kept
from intake.live import Newest, verdicts
from intake.readers import Readers

NO_VIDEOS = Rejection("NOT_FOUND", "there is no such video under this hash prefix")
MOST_FOLLOWED = 10_000
"""More positions at once than that, an import's, are not told apart: all kept answers are worked out anew."""
QUICKLY_FOLLOWED = 100
"""Up to so many positions are followed on the event loop."""


class Lookups:
    """Answers look-ups by hash prefix."""

    def __init__(
        self,
        votes_log: Path,
        readers: Readers,
        newest: Newest,
        kept: Kept,
        *,
        max_age_s: int,
    ) -> None:
        """Takes the votes log, what reads and judges, and how long clients may keep an answer.

        Raises:
            LogError: The log cannot be opened.
        """
        self._readers, self._newest, self._kept = readers, newest, kept
        self._max_age: Header = ("Cache-Control", f"public, max-age={max_age_s}")
        self._loops = schema.open_for_reading(votes_log)
        self._loops.execute("PRAGMA busy_timeout = 0")

    def close(self) -> None:
        """Closes the connection of the event loop."""
        self._loops.close()

    def quick(self, prefix: str, query: str, if_none_match: str) -> Answer | None:
        """A kept answer that still holds, None without one. For one thread only, the event loop's: it never waits.

        Args:
            prefix: As it came.
            query: The query string as it came.
            if_none_match: The header, or empty.
        """
        digits = wire.hash_prefix(prefix)
        if isinstance(digits, Rejection):
            return None
        try:
            if not self._follow(self._loops, QUICKLY_FOLLOWED):
                return None
            holds = self._newest.at_once(self._loops)
            found = self._kept.known(_key(digits, query), _bucket(digits), holds) if holds else None
        except (sqlite3.Error, LogError):
            return None  # whoever may wait finds out what is wrong
        return None if found is None else self._answer(found, if_none_match)

    def by_hash(self, prefix: str, query: str, said: Mapping[str, str], if_none_match: str) -> Answer:
        """Every video whose hash starts with a prefix.

        Args:
            prefix: As it came.
            query: The query string as it came.
            said: What it says.
            if_none_match: The header, or empty.

        Raises:
            LogError, sqlite3.OperationalError: The log cannot be read.
        """
        digits, wanted = wire.hash_prefix(prefix), wire.wanted(said)
        if isinstance(digits, Rejection):
            return refused(digits)
        if isinstance(wanted, Rejection):
            return refused(wanted)
        key, bucket = _key(digits, query), _bucket(digits)
        with self._readers.connection() as connection:
            self._follow(connection, MOST_FOLLOWED)
            holds = self._newest.of(connection)
            found = self._kept.known(key, bucket, holds)
            if found is None:
                moment = self._kept.moment(bucket, holds)
                known = lookup.videos_by_hash(connection, digits)
                judged = verdicts(connection, self._newest, known) if known else []
                taken = [verdict for verdict in judged if wanted.takes(verdict)]
                body = wire.results(taken, not_ai=wanted.not_ai) if taken else b""
                found = self._kept.keep(key, body, moment)
        return self._answer(found, if_none_match)

    def _follow(self, connection: sqlite3.Connection, most: int) -> bool:
        """Tells the kept answers what has changed in the log; false when that is more than the loop may follow."""
        position = lookup.last_position(connection)
        after = self._kept.behind(position)
        if after is None:
            return True
        if position - after <= most:
            self._kept.changed((prefix >> 16 for prefix in lookup.hashes_after(connection, after)), position)
            return True
        if most == MOST_FOLLOWED:
            self._kept.forget(position)
        return False

    def _answer(self, found: Found, if_none_match: str) -> Answer:
        if not found.packed:
            return refused(NO_VIDEOS, self._max_age)
        known = known_to(if_none_match, found.tag, self._max_age)
        return known or whole(found.body(), found.tag, self._max_age)


def _key(digits: str, query: str) -> str:
    return f"{digits}?{query}"


def _bucket(digits: str) -> int:
    return int(digits[:4], 16)
