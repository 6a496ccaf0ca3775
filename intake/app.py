"""The application: everything it needs is passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Blueprint, Flask, request

from intake import errors
from intake.answers import Answer, Response, preflight, refused
from intake.casting import Casting
from intake.live import Newest
from intake.lookups import Lookups
from intake.published import Published
from intake.readers import Readers
from intake.readiness import Checks
from intake.routes import channels, docs, export, health, stats, sync, users, videos, votes
from intake.settings import IntakeSettings
from intake.tally import Tally

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
    tally: Tally
    version: str
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
    app.before_request(_answer_first)
    errors.register(app)
    for blueprint in _blueprints(parts):
        app.register_blueprint(blueprint)
    return app


def runs_inline(method: str, path: str) -> bool:
    """Whether a request touches neither the disk nor the log on the thread that runs it."""
    votes_only = path in {"/api/votes", "/api/votes/batch"} and method in {"POST", "DELETE"}
    return votes_only or path == "/health/live" or method == "OPTIONS"


def _blueprints(parts: Parts) -> Iterator[Blueprint]:
    chosen, published = parts.settings, parts.published
    yield votes.blueprint(parts.casting, parts.readers)
    yield videos.blueprint(parts.readers, parts.newest, parts.lookups, published)
    yield channels.blueprint(published, chosen.lookup_max_age_s)
    yield users.blueprint(parts.casting, parts.readers, parts.newest, published)
    yield stats.blueprint(parts.readers, parts.tally)
    yield sync.blueprint(published, cdn_url=chosen.cdn_url, now_ms=parts.now_ms)
    yield export.blueprint(published, chosen.cdn_url)
    yield health.blueprint(parts.checks)
    yield docs.blueprint(parts.version)


def _answer_first() -> Answer | None:
    """Answers preflights, and paths of which the router would take off slashes."""
    if request.method == "OPTIONS":
        return preflight()
    return refused(errors.NOWHERE) if request.environ["PATH_INFO"].startswith("//") else None
