"""Bearer tokens: who may moderate over HTTP. A token is shown once; the log's file keeps only a hash of its secret."""

from __future__ import annotations

import hashlib
import hmac
import re
import sqlite3
from dataclasses import dataclass
from typing import Literal

Role = Literal["moderator", "maintainer"]
ROLES: tuple[Role, ...] = ("moderator", "maintainer")
"""By rank: each may do what the ones before it may."""
SECRET_BYTES = 32
SHAPE = re.compile(r"rt_([1-9][0-9]{0,15})_([0-9a-f]{64})", re.ASCII)
NOBODY = bytes(32)
"""Compared with when there is no such token, so that an answer takes the same time."""

ADD = "INSERT INTO tokens (hash, role, name, created_ms, expires_ms) VALUES (?, ?, ?, ?, ?) RETURNING token_id"
FIND = "SELECT hash, token_id, role, name, created_ms, expires_ms, revoked_ms FROM tokens WHERE token_id = ?"
LIST = "SELECT token_id, role, name, created_ms, expires_ms, revoked_ms FROM tokens ORDER BY token_id"
REVOKE = "UPDATE tokens SET revoked_ms = ? WHERE token_id = ? AND revoked_ms = 0"


class UnknownToken(Exception):
    """There is no token with this number; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token. Nothing here lets anybody in."""

    token_id: int
    role: Role
    name: str
    """The actor of what its bearer decides."""
    created_ms: int
    expires_ms: int
    revoked_ms: int
    """0 when it was not revoked."""

    def state(self, now_ms: int) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_ms:
            return "revoked"
        return "valid" if now_ms < self.expires_ms else "expired"

    def may(self, needed: Role) -> bool:
        """Whether its bearer may do what this role may."""
        return ROLES.index(self.role) >= ROLES.index(needed)


def create(
    connection: sqlite3.Connection, role: Role, name: str, *, secret: bytes, created_ms: int, expires_ms: int
) -> tuple[Token, str]:
    """Makes a token.

    Args:
        connection: Of `schema.open_for_append`, outside a transaction.
        role: What its bearer may do.
        name: See `Token`; 1-64 characters.
        secret: `SECRET_BYTES` random bytes.
        created_ms: Now, Unix milliseconds.
        expires_ms: From then on it lets nobody in.

    Returns:
        The token, and its text, which cannot be told again.
    """
    stored = (hashlib.sha256(secret).digest(), role, name, created_ms, expires_ms)
    token_id = int(connection.execute(ADD, stored).fetchone()[0])
    return Token(token_id, role, name, created_ms, expires_ms, 0), f"rt_{token_id}_{secret.hex()}"


def check(connection: sqlite3.Connection, text: str, now_ms: int) -> Token | None:
    """The token that this text is, None when it lets nobody in (any more). Comparing takes the same time for all."""
    match = SHAPE.fullmatch(text)
    row = connection.execute(FIND, (int(match[1]) if match else 0,)).fetchone()
    secret = bytes.fromhex(match[2]) if match else NOBODY
    known = hmac.compare_digest(row[0] if row else NOBODY, hashlib.sha256(secret).digest())
    if not (match and row and known):
        return None
    token = Token(*row[1:])
    return token if token.state(now_ms) == "valid" else None


def every(connection: sqlite3.Connection) -> list[Token]:
    """All tokens that were ever made, the oldest first."""
    return [Token(*row) for row in connection.execute(LIST)]


def revoke(connection: sqlite3.Connection, token_id: int, now_ms: int) -> bool:
    """Lets a token in no more, from now on; call it outside a transaction.

    Returns:
        False when it was revoked already.

    Raises:
        UnknownToken: There is none with this number.
    """
    if connection.execute(REVOKE, (now_ms, token_id)).rowcount:
        return True
    if connection.execute(FIND, (token_id,)).fetchone() is None:
        raise UnknownToken(f"there is no token {token_id}: see `realtube token list`")
    return False
