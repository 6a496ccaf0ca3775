"""Moderators for tests: tokens of a home, and requests that bear them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from data.log import schema, tokens
from data.log.tokens import Role
from tests.factories import START_MS, Site

FAR_MS = START_MS * 2


def token_of(site: Site, role: Role, name: str = "ada", *, expires_ms: int = FAR_MS) -> str:
    """Makes a token and gives its text."""
    with closing(schema.open_for_append(site.home.votes_log)) as log:
        secret = (role + name).encode().ljust(tokens.SECRET_BYTES, b".")
        return tokens.create(log, role, name, secret=secret, created_ms=START_MS, expires_ms=expires_ms)[1]


@dataclass(frozen=True, slots=True)
class Moderator:
    """Somebody with a token, before an application."""

    client: FlaskClient
    token: str

    def post(self, path: str, **said: Any) -> TestResponse:
        """Asks for something to be done under `/api/moderation/`."""
        return self.client.post(f"/api/moderation/{path}", json=said, headers=self.headers())

    def get(self, path: str) -> TestResponse:
        """Asks for a list under `/api/moderation/`."""
        return self.client.get(f"/api/moderation/{path}", headers=self.headers())

    def done(self, path: str, **said: Any) -> bool:
        """Decides something, which must be taken; whether it changed anything."""
        answer = self.post(path, **said)
        assert answer.status_code == 200, answer.text
        return bool((answer.json or {})["changed"])

    def listed(self, path: str) -> Any:
        """The object of a list."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json

    def headers(self) -> dict[str, str]:
        """What a request bears."""
        return {"Authorization": f"Bearer {self.token}"}
