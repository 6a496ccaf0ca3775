"""HTTP answers: CORS on each of them, ETag and 304 on what was found, one shape for errors."""

from __future__ import annotations

import gzip
import hashlib
from typing import NamedTuple

from flask import Request
from flask import Response as FlaskResponse

from data.records import Rejection
from intake import wire
from intake.limits.rule import Allowance

STATUS = {
    "INVALID_BODY": 400,
    "INVALID_FIELD": 400,
    "MISSING_FIELDS": 400,
    "INVALID_CATEGORY": 400,
    "INVALID_PREFIX": 400,
    "MISSING_PARAM": 400,
    "INVALID_PARAM": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONFLICT": 409,
    "TOO_LARGE": 413,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "UNAVAILABLE": 503,
}
"""HTTP status of each code of a rejection."""
RETRY_AFTER_S = 2
"""When to come back after a 503: a burst is over by then, and clients that waited longer lose nothing."""

TOO_OFTEN = Rejection("RATE_LIMITED", "too many requests: wait as long as Retry-After says")

Header = tuple[str, str]
CORS: tuple[Header, ...] = (
    ("Access-Control-Allow-Origin", "*"),  # no answer depends on cookies, so any page may read it
    (
        "Access-Control-Expose-Headers",
        "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, ETag",
    ),
)
EVERYWHERE: tuple[Header, ...] = (
    *CORS,
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
"""On each answer."""
JSON = (*EVERYWHERE, ("Content-Type", "application/json"))
FRESH = ("Cache-Control", "no-cache")
"""May be kept, but must be asked for again: with the ETag that costs next to nothing."""
UNKEPT = ("Cache-Control", "no-store")
OWN = ("Cache-Control", "private, no-cache")
"""What one voter is told of themselves is no business of shared caches."""
VARY = ("Vary", "Accept-Encoding")
LEAST_PACKED_BYTES = 1_400
"""A smaller body fits into one packet as it is."""
QUICK = 1
"""Level of gzip for bodies that are made for one request."""
STORED = (*JSON, UNKEPT)
CHALLENGE: tuple[Header, ...] = (("WWW-Authenticate", 'Bearer realm="realtube"'),)
PREFLIGHT = (
    *EVERYWHERE,
    ("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization, Idempotency-Key, X-User-ID"),
    ("Access-Control-Max-Age", "86400"),
)


class Answer(NamedTuple):
    """A response in the three parts that a Flask view may return."""

    body: bytes
    status: int
    headers: tuple[Header, ...]


class Response(FlaskResponse):
    """What Flask makes of an answer: only the headers that it was given, without a body no type of a body."""

    default_mimetype = None


def stored(body: bytes) -> Answer:
    """The answer to a vote."""
    return Answer(body, 200, STORED)


def found(request: Request, body: bytes, *headers: Header, tag: str = "", kind: str = "application/json") -> Answer:
    """What was asked for, or 304 when the client has it already; compressed when it is worth it.

    Args:
        request: Whose `If-None-Match` and `Accept-Encoding` count.
        body: The whole body.
        headers: Further headers.
        tag: Changes whenever the body does; without one it is the body's hash.
        kind: The body's type.
    """
    tag = tag or tag_of(body)
    if len(body) >= LEAST_PACKED_BYTES and not any(name == "Content-Encoding" for name, _ in headers):
        headers = (*headers, VARY)
        if takes_gzip(request):
            packed = gzip.compress(body, QUICK, mtime=0)
            body, headers = packed, (*headers, ("Content-Encoding", "gzip"))
    known = unchanged(request, tag, *(header for header in headers if header[0] != "Content-Encoding"))
    return known or whole(body, tag, *headers, kind=kind)


def whole(body: bytes, tag: str, *headers: Header, kind: str = "application/json") -> Answer:
    """What was asked for, as it is; see `found`."""
    return Answer(body, 200, (*EVERYWHERE, ("Content-Type", kind), etag(tag), *headers))


def tag_of(body: bytes) -> str:
    """What stands for a body in its ETag."""
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def takes_gzip(request: Request) -> bool:
    """Whether the client can inflate."""
    return request.accept_encodings.quality("gzip") > 0


def unchanged(request: Request, tag: str, *headers: Header) -> Answer | None:
    """304 when the client has what the tag stands for, else None."""
    return known_to(request.environ.get("HTTP_IF_NONE_MATCH", ""), tag, *headers)


def known_to(if_none_match: str, tag: str, *headers: Header) -> Answer | None:
    """See `unchanged`; takes the header's value, or empty."""
    tags = {part.strip().removeprefix("W/") for part in if_none_match.split(",")} if if_none_match else ()
    if "*" in tags or f'"{tag}"' in tags:
        return Answer(b"", 304, (*EVERYWHERE, etag(tag), *headers))
    return None


def refused(rejection: Rejection, *headers: Header) -> Answer:
    """A refusal, with the status of its code; nobody keeps it unless `headers` say so."""
    status = STATUS[rejection.code]
    kept = any(name == "Cache-Control" for name, _ in headers)
    retry = (("Retry-After", str(RETRY_AFTER_S)),) if status == 503 else ()
    ask = CHALLENGE if status == 401 else ()
    return Answer(wire.error(rejection), status, (*JSON, *retry, *ask, *(headers if kept else (UNKEPT, *headers))))


def allowance_headers(allowance: Allowance) -> tuple[Header, ...]:
    """What is left of a limit; the reset in seconds from now."""
    return (
        ("X-RateLimit-Limit", str(allowance.limit)),
        ("X-RateLimit-Remaining", str(allowance.remaining)),
        ("X-RateLimit-Reset", str(allowance.reset_s)),
    )


def limited(allowance: Allowance) -> Answer:
    """The refusal of what comes too often; nothing of it was carried out."""
    wait = ("Retry-After", str(allowance.retry_after_s))
    body = wire.error(TOO_OFTEN, allowance.retry_after_s)
    return Answer(body, STATUS[TOO_OFTEN.code], (*JSON, UNKEPT, wait, *allowance_headers(allowance)))


def preflight() -> Answer:
    """What a browser asks before a request that is not simple."""
    return Answer(b"", 204, PREFLIGHT)


def moved(location: str, *headers: Header) -> Answer:
    """The body stands elsewhere for now."""
    return Answer(b"", 302, (*EVERYWHERE, ("Location", location), *headers))


def etag(tag: str) -> Header:
    """The header of a tag."""
    return "ETag", f'W/"{tag}"'  # weak: it stands for the compressed body too
