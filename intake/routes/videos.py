"""Looking videos up: one by its id, or all whose hash starts with a prefix."""

from __future__ import annotations

from flask import Blueprint, request

from data.log import lookup
from data.records import Rejection
from intake import wire
from intake.answers import FRESH, Answer, found, refused
from intake.live import Newest, verdicts
from intake.lookups import Lookups
from intake.published import Published
from intake.readers import Readers

NO_VIDEO = Rejection("NOT_FOUND", "nobody's vote stands on this video")


def blueprint(readers: Readers, newest: Newest, lookups: Lookups, published: Published) -> Blueprint:
    """The routes under `/api/videos`."""
    routes = Blueprint("videos", __name__)

    @routes.get("/api/videos")
    def one() -> Answer:
        video_id, wanted = wire.video_id(request.args), wire.wanted(request.args)
        if isinstance(video_id, Rejection):
            return refused(video_id)
        if isinstance(wanted, Rejection):
            return refused(wanted)
        with readers.connection() as connection:
            known = lookup.video_by_id(connection, video_id)
            judged = verdicts(connection, newest, known) if known else []
        if not judged:
            return refused(NO_VIDEO)
        return found(request, wire.result(judged[0], not_ai=wanted.not_ai), FRESH)

    @routes.get("/api/videos/<prefix>")
    def by_hash(prefix: str) -> Answer:
        environ = request.environ
        query, if_none_match = environ.get("QUERY_STRING", ""), environ.get("HTTP_IF_NONE_MATCH", "")
        return lookups.by_hash(prefix, query, request.args, if_none_match)

    return routes
