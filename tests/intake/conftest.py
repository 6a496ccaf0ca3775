"""An intake on a home of its own, asked without sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from intake.settings import IntakeSettings
from intake.wsgi import Intake, compose
from tests.factories import Site, new_site, voter_id
from tests.intake.serving import StartServer, servers


@dataclass
class Desk:
    """Where votes are handed in, and what stands behind it."""

    site: Site
    intake: Intake
    client: FlaskClient

    def vote(self, voter: int, video_id: str, *categories: str, **more: object) -> Any:
        """Casts a vote, which must be taken, and gives the answer's object."""
        named = {"category": categories[0]} if len(categories) == 1 else {"categories": list(categories)}
        answer = self.client.post("/api/votes", json={"videoId": video_id, "userId": voter_id(voter), **named, **more})
        assert answer.status_code == 200, answer.text
        return answer.json

    def retract(self, voter: int, video_id: str) -> TestResponse:
        """Takes a vote back."""
        return self.client.delete("/api/votes", json={"videoId": video_id, "userId": voter_id(voter)})

    def look_up(self, video_id: str) -> Any:
        """A video's result, or None when the answer is 404."""
        answer = self.client.get("/api/videos", query_string={"videoId": video_id})
        assert answer.status_code in {200, 404}, answer.text
        return answer.json if answer.status_code == 200 else None


OpenDesk = Callable[..., Desk]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A home without votes."""
    return new_site(tmp_path)


@pytest.fixture
def open_desk(site: Site) -> Iterator[OpenDesk]:
    """Opens an intake on the home, with some settings."""
    with ExitStack() as stack:

        def opened(**settings: Any) -> Desk:
            chosen = replace(IntakeSettings(min_free_mb=0, rate_limits="off"), **settings)
            intake = stack.enter_context(closing(compose(site.home, chosen)))
            return Desk(site, intake, intake.app.test_client())

        yield opened


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """An intake with the default settings."""
    return open_desk()


@pytest.fixture
def start(site: Site) -> Iterator[StartServer]:
    """Starts real servers on the home."""
    with servers(site) as started:
        yield started
