"""The application: everything it needs is passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, request

from intake import errors
from intake.answers import Answer, Response, preflight
from intake.casting import Casting
from intake.live import Newest
from intake.lookups import Lookups
from intake.published import Published
from intake.readers import Readers
from intake.readiness import Checks
from intake.routes import health, sync, videos, votes
from intake.settings import IntakeSettings

BODY_LIMIT_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Parts:
    """What an application works with."""

    settings: IntakeSettings
    casting: Casting
    readers: Readers
    newest: Newest
    lookups: Lookups
    published: Published
    checks: Checks
    now_ms: Callable[[], int]
    """The clock, Unix milliseconds."""


def create_app(parts: Parts) -> Flask:
    """Builds the application; the writer of `parts.casting` must have been started."""
    app = Flask("intake", static_folder=None, template_folder=None)
    app.response_class = Response
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT_BYTES
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # a path means one thing; no redirect is ever needed
    app.url_map.strict_slashes = True
    app.before_request(_answer_preflight)
    errors.register(app)
    app.register_blueprint(votes.blueprint(parts.casting))
    app.register_blueprint(videos.blueprint(parts.readers, parts.newest, parts.lookups))
    app.register_blueprint(sync.blueprint(parts.published, cdn_url=parts.settings.cdn_url, now_ms=parts.now_ms))
    app.register_blueprint(health.blueprint(parts.checks))
    return app


def runs_inline(method: str, path: str) -> bool:
    """Whether a request touches neither the disk nor the log on the thread that runs it."""
    return path in {"/api/votes", "/health/live"} or method == "OPTIONS"


def _answer_preflight() -> Answer | None:
    return preflight() if request.method == "OPTIONS" else None
