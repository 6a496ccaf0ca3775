"""Who may moderate: reads `Authorization`, and lets in whoever bears a token that is known and still valid."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from data.log import tokens
from data.log.tokens import Role, Token
from data.records import Rejection
from intake.readers import Readers

BEARER = re.compile(r"bearer +(\S+) *", re.ASCII | re.IGNORECASE)
NO_TOKEN = Rejection("UNAUTHORIZED", "a token must be given: Authorization: Bearer TOKEN")
NO_ENTRY = Rejection("UNAUTHORIZED", "this token is unknown, expired or revoked")


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets moderators in."""

    readers: Readers
    now_ms: Callable[[], int]
    """The clock, Unix milliseconds."""

    def admit(self, authorization: str, needed: Role) -> Token | Rejection:
        """The token that a request bears.

        Args:
            authorization: The header, or empty.
            needed: The least role that may do what is asked for.

        Raises:
            LogError, sqlite3.OperationalError: The tokens cannot be read; nobody was let in.
        """
        match = BEARER.fullmatch(authorization)
        if match is None:
            return NO_TOKEN
        with self.readers.connection() as connection:
            token = tokens.check(connection, match[1], self.now_ms())
        if token is None:
            return NO_ENTRY
        return token if token.may(needed) else Rejection("FORBIDDEN", f"this takes a token of the role {needed}")
