"""Casting votes, and taking them back."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Request, request

from data.records import Rejection
from intake import wire
from intake.answers import Response, refused, stored
from intake.network import Networks, client_address
from intake.writer import Writer

BROKEN_OFF = Rejection("INVALID_BODY", "the body ended before its Content-Length")
NOTHING_STANDS = Rejection("NOT_FOUND", "this voter has no standing vote on this video")


def blueprint(writer: Writer, networks: Networks, *, trusted_hops: int, now_ms: Callable[[], int]) -> Blueprint:
    """The routes under `/api/votes`."""
    routes = Blueprint("votes", __name__)

    @routes.post("/api/votes")
    def cast() -> Response:
        body, moment = _body(request), now_ms()
        if isinstance(body, Rejection):
            return refused(body)
        vote = wire.vote(body, network=networks.token(_address(request, trusted_hops), moment), now_ms=moment)
        outcome = vote if isinstance(vote, Rejection) else writer.cast(vote)
        if isinstance(outcome, Rejection):
            return refused(outcome)
        return stored(wire.accepted(outcome.score, outcome.trust))

    @routes.delete("/api/votes")
    def retract() -> Response:
        body, moment = _body(request), now_ms()
        if isinstance(body, Rejection):
            return refused(body)
        network = networks.token(_address(request, trusted_hops), moment)
        vote = wire.retraction(body, request.args, network=network, now_ms=moment)
        outcome = vote if isinstance(vote, Rejection) else writer.cast(vote)
        if isinstance(outcome, Rejection):
            return refused(outcome)
        return stored(wire.RETRACTED) if outcome.changed else refused(NOTHING_STANDS)

    return routes


def _body(asked: Request) -> bytes | Rejection:
    body = asked.get_data(cache=False)
    return BROKEN_OFF if len(body) < (asked.content_length or 0) else body


def _address(asked: Request, trusted_hops: int) -> str:
    return client_address(
        asked.environ.get("REMOTE_ADDR", ""), asked.environ.get("HTTP_X_FORWARDED_FOR", ""), trusted_hops
    )
