"""HTTP answers: CORS on each of them, ETag and 304 on what was found, one shape for errors."""

from __future__ import annotations

import hashlib
from flask import Request
from flask import Response as FlaskResponse

from data.records import Rejection
from intake import wire

STATUS = {
    "INVALID_BODY": 400,
    "INVALID_FIELD": 400,
    "MISSING_FIELDS": 400,
    "INVALID_CATEGORY": 400,
    "INVALID_PREFIX": 400,
    "MISSING_PARAM": 400,
    "INVALID_PARAM": 400,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "TOO_LARGE": 413,
    "INTERNAL_ERROR": 500,
    "UNAVAILABLE": 503,
}
"""HTTP status of each code of a rejection."""
RETRY_AFTER_S = 2
"""When to come back after a 503: a burst is over by then, and clients that waited longer lose nothing."""

CORS = (
    ("Access-Control-Allow-Origin", "*"),  # no answer depends on cookies, so any page may read it
    (
        "Access-Control-Expose-Headers",
        "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, ETag",
    ),
)
JSON = (*CORS, ("Content-Type", "application/json"))
FRESH = ("Cache-Control", "no-cache")
"""May be kept, but must be asked for again: with the ETag that costs next to nothing."""
UNKEPT = ("Cache-Control", "no-store")
PREFLIGHT = (
    *CORS,
    ("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization, Idempotency-Key, X-User-ID"),
    ("Access-Control-Max-Age", "86400"),
)


class Response(FlaskResponse):
    """An answer that says only what it is told to: without a body, no type of a body."""

    default_mimetype = None


def stored(body: bytes) -> Response:
    """The answer to a vote."""
    return Response(body, 200, (*JSON, UNKEPT))


def found(request: Request, body: bytes, *headers: tuple[str, str], tag: str = "") -> Response:
    """What was asked for, or 304 when the client has it already.

    Args:
        request: Whose `If-None-Match` counts.
        body: JSON.
        headers: Further headers.
        tag: Changes whenever the body does; without one it is the body's hash.
    """
    tag = tag or hashlib.blake2b(body, digest_size=12).hexdigest()
    return unchanged(request, tag, *headers) or Response(body, 200, (*JSON, _etag(tag), *headers))


def unchanged(request: Request, tag: str, *headers: tuple[str, str]) -> Response | None:
    """304 when the client has what the tag stands for, else None."""
    asked = request.environ.get("HTTP_IF_NONE_MATCH", "")
    tags = {part.strip().removeprefix("W/") for part in asked.split(",")} if asked else ()
    if "*" in tags or f'"{tag}"' in tags:
        return Response(b"", 304, (*CORS, _etag(tag), *headers))
    return None


def refused(rejection: Rejection, *headers: tuple[str, str]) -> Response:
    """A refusal, with the status of its code."""
    status = STATUS[rejection.code]
    more = (("Retry-After", str(RETRY_AFTER_S)),) if status == 503 else ()
    cached = headers if any(name == "Cache-Control" for name, _ in headers) else (UNKEPT, *headers)
    return Response(wire.error(rejection), status, (*JSON, *more, *cached))


def preflight() -> Response:
    """What a browser asks before a request that is not simple."""
    return Response(b"", 204, PREFLIGHT)


def moved(location: str, *headers: tuple[str, str]) -> Response:
    """The body stands elsewhere for now."""
    return Response(b"", 302, (*CORS, ("Location", location), *headers))


def _etag(tag: str) -> tuple[str, str]:
    return "ETag", f'W/"{tag}"'  # weak: it stands for the compressed body too
