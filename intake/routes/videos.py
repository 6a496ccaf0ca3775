"""Looking videos up: one by its id, or all whose hash starts with a prefix."""

from __future__ import annotations

from flask import Blueprint, request

from data.log import lookup
from data.records import Rejection
from intake import wire
from intake.answers import FRESH, Answer, found, refused
from intake.live import Newest, verdicts
from intake.readers import Readers

NO_VIDEO = Rejection("NOT_FOUND", "nobody's vote stands on this video")
NO_VIDEOS = Rejection("NOT_FOUND", "there is no such video under this hash prefix")


def blueprint(readers: Readers, newest: Newest, lookup_max_age_s: int) -> Blueprint:
    """The routes under `/api/videos`."""
    routes = Blueprint("videos", __name__)
    kept = ("Cache-Control", f"public, max-age={lookup_max_age_s}")

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
        digits, wanted = wire.hash_prefix(prefix), wire.wanted(request.args)
        if isinstance(digits, Rejection):
            return refused(digits)
        if isinstance(wanted, Rejection):
            return refused(wanted)
        with readers.connection() as connection:
            known = lookup.videos_by_hash(connection, digits)
            judged = verdicts(connection, newest, known) if known else []
        taken = [verdict for verdict in judged if wanted.takes(verdict)]
        if not taken:
            return refused(NO_VIDEOS, kept)
        return found(request, wire.results(taken, not_ai=wanted.not_ai), kept)

    return routes
