"""The application: everything it needs is passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Flask, request

from intake import asked, errors
from intake.answers import Answer, Response, preflight, refused
from intake.appeals.opening import Opening
from intake.bearer import Gate
from intake.casting import Casting
from intake.limits.limits import Limits
from intake.live import Newest
from intake.lookups import Lookups
from intake.moderation.bench import Bench
from intake.published import Published
from intake.readers import Readers
from intake.readiness import Checks
from intake.routes import (
    appeals,
    channels,
    docs,
    export,
    health,
    metrics,
    moderation,
    stats,
    sync,
    users,
    videos,
    votes,
    wellknown,
)
from intake.settings import IntakeSettings
from intake.tally import Tally
from intake.watch.readings import Metrics

BODY_LIMIT_BYTES = 1_048_576
LOOKUPS = frozenset({"videos", "channels", "users", "votes", "docs"})
"""Blueprints whose GETs share one limit; the others ask by themselves, or are free."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an application works with."""

    settings: IntakeSettings
    casting: Casting
    readers: Readers
    newest: Newest
    lookups: Lookups
    limits: Limits
    published: Published
    checks: Checks
    tally: Tally
    metrics: Metrics
    gate: Gate
    bench: Bench
    opening: Opening
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
    app.before_request(partial(_refuse_too_often, parts.limits))
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
    yield stats.blueprint(parts.readers, parts.tally, parts.limits)
    yield sync.blueprint(published, parts.limits, cdn_url=chosen.cdn_url, now_ms=parts.now_ms)
    yield export.blueprint(published, parts.limits, chosen.cdn_url)
    yield moderation.blueprint(parts.gate, parts.bench)
    yield appeals.blueprint(parts.opening)
    yield health.blueprint(parts.checks)
    yield docs.blueprint(parts.version)
    yield metrics.blueprint(parts.metrics)
    yield wellknown.blueprint(chosen.security_contact, parts.now_ms)


def _answer_first() -> Answer | None:
    """Answers preflights, and paths of which the router would take off slashes."""
    if request.method == "OPTIONS":
        return preflight()
    return refused(errors.NOWHERE) if request.environ["PATH_INFO"].startswith("//") else None


def _refuse_too_often(limits: Limits) -> Answer | None:
    """Answers look-ups that come too often, before anything is looked up."""
    if request.method not in {"GET", "HEAD"} or request.blueprint not in LOOKUPS:
        return None
    return limits.refusal(limits.of.lookups, asked.sender(request))
