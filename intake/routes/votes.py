"""Casting votes, taking them back, and looking at one's own."""

from __future__ import annotations

from flask import Blueprint, request

from data.records import Rejection
from intake import asked, people, wire
from intake.answers import OWN, Answer, found, refused
from intake.casting import Casting
from intake.deferred import Deferred
from intake.readers import Readers

FILE = ("Content-Disposition", 'attachment; filename="votes.ndjson"')


def blueprint(casting: Casting, readers: Readers) -> Blueprint:
    """The routes under `/api/votes`."""
    routes = Blueprint("votes", __name__)

    @routes.post("/api/votes")
    def cast() -> Answer | Deferred:
        body, answer = asked.body(request), Deferred()
        if isinstance(body, Rejection):
            return refused(body)
        casting.cast(body, *asked.sender(request), answer.settle, asked.idempotency_key(request))
        return answer

    @routes.delete("/api/votes")
    def retract() -> Answer | Deferred:
        body, answer = asked.body(request), Deferred()
        if isinstance(body, Rejection):
            return refused(body)
        key = asked.idempotency_key(request)
        casting.retract(body, request.args, *asked.sender(request), answer.settle, key)
        return answer

    @routes.post("/api/votes/batch")
    def cast_all() -> Answer | Deferred:
        body, answer = asked.body(request), Deferred()
        if isinstance(body, Rejection):
            return refused(body)
        casting.cast_all(body, *asked.sender(request), answer.settle, asked.idempotency_key(request))
        return answer

    @routes.get("/api/votes")
    def own() -> Answer:
        voter_id, as_file = wire.voter_id(request.args), wire.importable(request.args)
        if isinstance(voter_id, Rejection):
            return refused(voter_id)
        if isinstance(as_file, Rejection):
            return refused(as_file)
        with readers.connection() as connection:
            votes = people.own_votes(connection, voter_id)
        if as_file:
            return found(request, people.importable(votes), OWN, FILE, kind="application/x-ndjson")
        return found(request, wire.encode(votes), OWN)

    return routes
