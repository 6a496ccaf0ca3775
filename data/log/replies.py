"""Answers to requests with an Idempotency-Key, kept beside the votes in the transaction that stored them."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass

KEPT_MS = 24 * 3_600_000
HASH_BYTES = 16
FIND = "SELECT request, changed, score, trust FROM replies WHERE key = ? AND answered_ms > ?"
FORGET = "DELETE FROM replies WHERE answered_ms <= ?"
KEEP = """
    INSERT INTO replies (key, request, answered_ms, changed, score, trust) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Once:
    """A request that must be carried out once, however often it comes within a day."""

    key: bytes
    """Hash of who asks and of the key that they chose."""
    request: bytes
    """Hash of what they ask for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What such a request was answered."""

    request: bytes
    changed: bool
    score: int
    trust: float


def once(voter_id: str, key: str, request: str) -> Once:
    """Names a request.

    Args:
        voter_id: Who asks: nobody else meets their keys.
        key: What they chose.
        request: Everything that they ask for.
    """
    return Once(_hash(f"{voter_id} {key}"), _hash(request))


def find(connection: sqlite3.Connection, key: bytes, now_ms: int) -> Reply | None:
    """What the request with this key was answered within the last day, None when there was none."""
    row = connection.execute(FIND, (key, now_ms - KEPT_MS)).fetchone()
    return Reply(row[0], bool(row[1]), row[2], row[3]) if row else None


def keep(connection: sqlite3.Connection, key: bytes, reply: Reply, now_ms: int) -> None:
    """Keeps an answer for a day, and forgets those that are older; call it in the transaction of what it is about."""
    connection.execute(FORGET, (now_ms - KEPT_MS,))
    connection.execute(KEEP, (key, reply.request, now_ms, reply.changed, reply.score, reply.trust))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=HASH_BYTES).digest()
