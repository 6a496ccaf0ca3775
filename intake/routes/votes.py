"""Casting votes, and taking them back."""

from __future__ import annotations

from flask import Blueprint, Request, request

from data.records import Rejection
from intake.answers import Answer, refused
from intake.casting import Casting
from intake.deferred import Deferred

BODY = "realtube.body"
"""Where a server that has read the body already puts it into the WSGI environment."""
BROKEN_OFF = Rejection("INVALID_BODY", "the body ended before its Content-Length")


def blueprint(casting: Casting) -> Blueprint:
    """The routes under `/api/votes`."""
    routes = Blueprint("votes", __name__)

    @routes.post("/api/votes")
    def cast() -> Answer | Deferred:
        body, answer = _body(request), Deferred()
        if isinstance(body, Rejection):
            return refused(body)
        casting.cast(body, *_sender(request), answer.settle)
        return answer

    @routes.delete("/api/votes")
    def retract() -> Answer | Deferred:
        body, answer = _body(request), Deferred()
        if isinstance(body, Rejection):
            return refused(body)
        casting.retract(body, request.args, *_sender(request), answer.settle)
        return answer

    return routes


def _body(asked: Request) -> bytes | Rejection:
    body = asked.environ.get(BODY)
    if body is None:
        body = asked.get_data(cache=False)
    return BROKEN_OFF if len(body) < (asked.content_length or 0) else body


def _sender(asked: Request) -> tuple[str, str]:
    """The address that the connection came from, and what proxies say whom they forward."""
    return asked.environ.get("REMOTE_ADDR", ""), asked.environ.get("HTTP_X_FORWARDED_FOR", "")
