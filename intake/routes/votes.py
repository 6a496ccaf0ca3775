"""Casting votes, and taking them back."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Request, request

from data.records import Rejection, Vote
from intake import wire
from intake.answers import Answer, refused, stored
from intake.deferred import Deferred
from intake.network import Networks, client_address
from intake.writer import Cast, Outcome, Writer

BODY = "realtube.body"
"""Where a server that has read the body already puts it into the WSGI environment."""
BROKEN_OFF = Rejection("INVALID_BODY", "the body ended before its Content-Length")
NOTHING_STANDS = Rejection("NOT_FOUND", "this voter has no standing vote on this video")


def blueprint(writer: Writer, networks: Networks, *, trusted_hops: int, now_ms: Callable[[], int]) -> Blueprint:
    """The routes under `/api/votes`."""
    routes = Blueprint("votes", __name__)

    @routes.post("/api/votes")
    def cast() -> Answer | Deferred:
        body, moment = _body(request), now_ms()
        if isinstance(body, Rejection):
            return refused(body)
        vote = wire.vote(body, network=networks.token(_address(request, trusted_hops), moment), now_ms=moment)
        return refused(vote) if isinstance(vote, Rejection) else _submit(writer, vote, _cast)

    @routes.delete("/api/votes")
    def retract() -> Answer | Deferred:
        body, moment = _body(request), now_ms()
        if isinstance(body, Rejection):
            return refused(body)
        network = networks.token(_address(request, trusted_hops), moment)
        vote = wire.retraction(body, request.args, network=network, now_ms=moment)
        return refused(vote) if isinstance(vote, Rejection) else _submit(writer, vote, _retracted)

    return routes


def _submit(writer: Writer, vote: Vote, answer: Callable[[Cast], Answer]) -> Deferred:
    deferred = Deferred()

    def settle(outcome: Outcome) -> None:
        deferred.settle(refused(outcome) if isinstance(outcome, Rejection) else answer(outcome))

    writer.submit(vote, settle)
    return deferred


def _cast(done: Cast) -> Answer:
    return stored(wire.accepted(done.score, done.trust))


def _retracted(done: Cast) -> Answer:
    return stored(wire.RETRACTED) if done.changed else refused(NOTHING_STANDS)


def _body(asked: Request) -> bytes | Rejection:
    body = asked.environ.get(BODY)
    if body is None:
        body = asked.get_data(cache=False)
    return BROKEN_OFF if len(body) < (asked.content_length or 0) else body


def _address(asked: Request, trusted_hops: int) -> str:
    return client_address(
        asked.environ.get("REMOTE_ADDR", ""), asked.environ.get("HTTP_X_FORWARDED_FOR", ""), trusted_hops
    )
