"""Appeals of creators: opened by anybody, looked at by whoever knows their id."""

from __future__ import annotations

from flask import Blueprint, request

from data.records import Rejection
from intake import asked, wire
from intake.answers import UNKEPT, Answer, found, limited, refused, stored
from intake.appeals.opening import SPENT, Opening
from intake.moderation import bodies, told
from intake.moderation.bench import NO_APPEAL


def blueprint(opening: Opening) -> Blueprint:
    """The routes under `/api/appeals`."""
    routes = Blueprint("appeals", __name__)

    @routes.post("/api/appeals")
    def open_appeal() -> Answer:
        body = asked.body(request)
        said = body if isinstance(body, Rejection) else bodies.objection(body)
        if isinstance(said, Rejection):
            return refused(said)
        opened = opening.open_appeal(said, *asked.sender(request))
        if isinstance(opened, Rejection):
            return limited(SPENT) if opened.code == "RATE_LIMITED" else refused(opened)
        return stored(told.appeal(opened))

    @routes.get("/api/appeals/<appeal_id>")
    def state(appeal_id: str) -> Answer:
        known = wire.given(bodies.APPEAL, appeal_id)
        if isinstance(known, Rejection):
            return refused(known)
        appeal = opening.find(known)
        return found(request, told.appeal(appeal), UNKEPT) if appeal else refused(NO_APPEAL)

    return routes
