"""Whether this server lives, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, request

from intake import wire
from intake.answers import JSON, UNKEPT, Answer, found
from intake.readiness import Readiness


def blueprint(readiness: Callable[[], Readiness]) -> Blueprint:
    """The routes under `/health`."""
    routes = Blueprint("health", __name__)

    @routes.get("/health/live")
    def live() -> Answer:
        return found(request, wire.ALIVE, UNKEPT, tag="live")

    @routes.get("/health/ready")
    def ready() -> Answer:
        state = readiness()
        if state.up:
            return found(request, wire.readiness(state), UNKEPT)
        return Answer(wire.readiness(state), 503, (*JSON, UNKEPT))

    return routes
