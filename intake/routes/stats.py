"""How much the server has seen."""

from __future__ import annotations

from flask import Blueprint, request

from intake import asked, wire
from intake.answers import FRESH, Answer, allowance_headers, found, limited
from intake.limits.limits import Limits
from intake.readers import Readers
from intake.tally import Tally


def blueprint(readers: Readers, tally: Tally, limits: Limits) -> Blueprint:
    """The routes under `/api/stats`."""
    routes = Blueprint("stats", __name__)

    @routes.get("/api/stats")
    def stats() -> Answer:
        allowance = limits.ask(limits.of.stats, asked.sender(request))
        if not allowance.allowed:
            return limited(allowance)
        with readers.connection() as connection:
            counts = tally.stats(connection)
        return found(request, wire.encode(counts), FRESH, *allowance_headers(allowance))

    return routes
