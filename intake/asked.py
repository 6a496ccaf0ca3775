"""What a route reads of a request besides its fields."""

from __future__ import annotations

from flask import Request

from data.records import Rejection

BODY = "realtube.body"
"""Where a server that has read the body already puts it into the WSGI environment."""
BROKEN_OFF = Rejection("INVALID_BODY", "the body ended before its Content-Length")


def body(asked: Request) -> bytes | Rejection:
    """The whole body, or the refusal of one that broke off."""
    read = asked.environ.get(BODY)
    if read is None:
        read = asked.get_data(cache=False)
    return BROKEN_OFF if len(read) < (asked.content_length or 0) else read


def sender(asked: Request) -> tuple[str, str]:
    """The address that the connection came from, and what proxies say whom they forward."""
    return asked.environ.get("REMOTE_ADDR", ""), asked.environ.get("HTTP_X_FORWARDED_FOR", "")


def idempotency_key(asked: Request) -> str:
    """What the client calls this request, to send it again safely; empty when it does not."""
    return str(asked.environ.get("HTTP_IDEMPOTENCY_KEY", "")).strip()
