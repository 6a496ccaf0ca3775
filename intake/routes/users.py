"""One voter, by knowledge of their id: what is known of them, and taking everything back."""

from __future__ import annotations

from flask import Blueprint, request

from data.records import Rejection
from intake import asked, people, wire
from intake.answers import OWN, Answer, found, refused
from intake.casting import Casting
from intake.deferred import Deferred
from intake.fields import VOTER_ID
from intake.live import Newest
from intake.published import Published
from intake.readers import Readers


def blueprint(casting: Casting, readers: Readers, newest: Newest, published: Published) -> Blueprint:
    """The routes under `/api/users`."""
    routes = Blueprint("users", __name__)

    @routes.get("/api/users/<user_id>")
    def one(user_id: str) -> Answer:
        voter_id = wire.given(VOTER_ID, user_id)
        if isinstance(voter_id, Rejection):
            return refused(voter_id)
        with readers.connection() as connection:
            user = people.profile(connection, newest, published.newest().score, voter_id)
        return found(request, wire.encode(user), OWN)

    @routes.delete("/api/users/<user_id>")
    def erase(user_id: str) -> Answer | Deferred:
        voter_id, answer = wire.given(VOTER_ID, user_id), Deferred()
        if isinstance(voter_id, Rejection):
            return refused(voter_id)
        casting.erase(voter_id, *asked.sender(request), answer.settle)
        return answer

    return routes
