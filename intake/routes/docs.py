"""What the HTTP interface is, for programs and for people."""

from __future__ import annotations

from flask import Blueprint, request

from intake import wire
from intake.answers import FRESH, Answer, found
from intake.openapi.document import document
from intake.openapi.page import page

POLICY = (
    "Content-Security-Policy",
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
"""The page asks nobody for anything, and runs nothing."""


def blueprint(version: str) -> Blueprint:
    """The routes of the documentation."""
    routes = Blueprint("docs", __name__)
    described = document(version)
    program, person = wire.encode(described), page(described).encode()

    @routes.get("/openapi.json")
    def openapi() -> Answer:
        return found(request, program, FRESH)

    @routes.get("/docs")
    def docs() -> Answer:
        return found(request, person, FRESH, POLICY, kind="text/html; charset=utf-8")

    return routes
