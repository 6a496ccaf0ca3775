"""The newest research export: the Parquet snapshot of the running day."""

from __future__ import annotations

from flask import Blueprint, request

from data.records import Rejection
from intake import asked
from intake.answers import EVERYWHERE, FRESH, Answer, etag, moved, refused, unchanged
from intake.limits.limits import Limits
from intake.published import Published
from intake.sending import SentFile

NO_EXPORT = Rejection("NOT_FOUND", "nothing was published yet")
PARQUET = ("Content-Type", "application/vnd.apache.parquet")


def blueprint(published: Published, limits: Limits, cdn_url: str) -> Blueprint:
    """The routes under `/api/database`."""
    routes = Blueprint("export", __name__)

    @routes.get("/api/database/export")
    def newest() -> Answer | SentFile:
        key = published.newest().export_key
        path = published.directory / key
        if not key or not (cdn_url or path.is_file()):
            return refused(NO_EXPORT)
        name = key.rsplit("/", 1)[1]
        if known := unchanged(request, name, FRESH):
            return known
        if cdn_url:
            return moved(f"{cdn_url}/{key}", FRESH)
        if request.method == "GET" and (refusal := limits.refusal(limits.of.exports, asked.sender(request))):
            return refusal
        attached = ("Content-Disposition", f'attachment; filename="realtube-{name}"')
        return SentFile(path, (*EVERYWHERE, PARQUET, attached, etag(name), FRESH))

    return routes
