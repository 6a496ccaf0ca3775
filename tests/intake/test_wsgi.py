"""The composition root: from an environment to an application, for our server and for others."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.log.schema import LogError
from data.settings import SettingsError
from intake.wsgi import create
from tests.factories import Site, voter_id


def test_other_servers_get_an_application(site: Site) -> None:
    """The WSGI factory reads the environment; a server that knows nothing of us waits for a vote by iterating."""
    app = create({"REALTUBE_HOME": str(site.home.directory), "REALTUBE_MIN_FREE_MB": "0"})
    body = b'{"videoId":"a","userId":"%s","category":"fully_ai"}' % voter_id(1).encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/votes", "SERVER_NAME": "x", "SERVER_PORT": "80",
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http",
    }  # fmt: skip
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _error: object = None, /) -> Callable[[bytes], object]:
        started.extend((status, dict(headers)))
        return lambda _: None

    answer = b"".join(app(environ, start))

    assert started[0] == "200 OK"
    assert started[1]["Content-Length"] == str(len(answer))
    assert b'"newScore":18' in answer


def test_a_home_without_a_log_is_refused(tmp_path: Path) -> None:
    """What is missing is named, and what to do about it."""
    with pytest.raises(LogError, match="run `realtube init`"):
        create({"REALTUBE_HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "http"), ("PORT", "65536"), ("QUEUE_SIZE", "0"), ("BATCH_SIZE", "-1"), ("VOTE_TIMEOUT_S", "nan"),
        ("LOOKUP_MAX_AGE_S", "-1"), ("TRUSTED_HOPS", "99"), ("CDN_URL", "cdn.example"), ("CDN_URL", "https://cdn.example/"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(site: Site, name: str, text: str) -> None:
    """A setting out of its range is named, with the range, before anything starts."""
    with pytest.raises(SettingsError, match=f"REALTUBE_{name}"):
        create({"REALTUBE_HOME": str(site.home.directory), f"REALTUBE_{name}": text})
