"""Answers to requests with an Idempotency-Key, kept beside the votes in the transaction that stored them."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass

KEPT_MS = 24 * 3_600_000
HASH_BYTES = 16
FIND = "SELECT changed, score, trust FROM replies WHERE request = ? AND answered_ms > ?"
FORGET = "DELETE FROM replies WHERE answered_ms <= ?"
KEEP = "INSERT INTO replies (request, answered_ms, changed, score, trust) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request was answered."""

    changed: bool
    score: int
    trust: float


def name(*parts: str) -> bytes:
    """The name of a request that is carried out once: a hash of who asks, the key that they chose, and what for."""
    text = "\n".join(f"{len(part)} {part}" for part in parts)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=HASH_BYTES).digest()


def find(connection: sqlite3.Connection, request: bytes, now_ms: int) -> Reply | None:
    """What a request was answered within the last day, None when it was not."""
    row = connection.execute(FIND, (request, now_ms - KEPT_MS)).fetchone()
    return Reply(bool(row[0]), row[1], row[2]) if row else None


def keep(connection: sqlite3.Connection, request: bytes, reply: Reply, now_ms: int) -> None:
    """Keeps an answer for a day, and forgets those that are older; call it in the transaction of what it is about."""
    connection.execute(FORGET, (now_ms - KEPT_MS,))
    connection.execute(KEEP, (request, now_ms, reply.changed, reply.score, reply.trust))
