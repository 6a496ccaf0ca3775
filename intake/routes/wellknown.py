"""`/.well-known/security.txt` (RFC 9116): where to report a security fault."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, request

from data.formats.tree import rfc3339
from intake.answers import FRESH, Answer, found, refused
from intake.errors import NOWHERE

DAY_MS = 86_400_000
VALID_DAYS = 180
"""What the file says is believed so long; RFC 9116 wants less than a year."""


def blueprint(contact: str, now_ms: Callable[[], int]) -> Blueprint:
    """The route of security.txt; without a contact there is nothing."""
    routes = Blueprint("wellknown", __name__)

    @routes.get("/.well-known/security.txt")
    def security() -> Answer:
        if not contact:
            return refused(NOWHERE)
        expires_ms = (now_ms() // DAY_MS + VALID_DAYS) * DAY_MS
        said = f"Contact: {contact}\nExpires: {rfc3339(expires_ms)}\nPreferred-Languages: en\n"
        return found(request, said.encode(), FRESH, kind="text/plain; charset=utf-8")

    return routes
