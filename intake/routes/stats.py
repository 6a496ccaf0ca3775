"""How much the server has seen."""

from __future__ import annotations

from flask import Blueprint, request

from intake import wire
from intake.answers import FRESH, Answer, found
from intake.readers import Readers
from intake.tally import Tally


def blueprint(readers: Readers, tally: Tally) -> Blueprint:
    """The routes under `/api/stats`."""
    routes = Blueprint("stats", __name__)

    @routes.get("/api/stats")
    def stats() -> Answer:
        with readers.connection() as connection:
            counts = tally.stats(connection)
        return found(request, wire.encode(counts), FRESH)

    return routes
