"""Looking channels up, as the last tick has them."""

from __future__ import annotations

from flask import Blueprint, request

from data.records import Rejection
from intake import shapes, wire
from intake.answers import Answer, found, refused
from intake.fields import CHANNEL_ID
from intake.published import Published

NO_CHANNEL = Rejection("NOT_FOUND", "there is no published score of this channel")


def blueprint(published: Published, lookup_max_age_s: int) -> Blueprint:
    """The routes under `/api/channels`."""
    routes = Blueprint("channels", __name__)
    kept = ("Cache-Control", f"public, max-age={lookup_max_age_s}")

    @routes.get("/api/channels/<channel_id>")
    def one(channel_id: str) -> Answer:
        wanted, tick = wire.given(CHANNEL_ID, channel_id), published.newest()
        if isinstance(wanted, Rejection):
            return refused(wanted)
        entry = tick.entries.channels.get(wanted)
        if entry is None or not entry.said:
            return refused(NO_CHANNEL, kept)
        channel = shapes.channel(entry.said, tick.top_categories(wanted))
        return found(request, wire.encode(channel), kept)

    return routes
