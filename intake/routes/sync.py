"""Synchronisation of existing clients, from published files only."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Request, request

from data.records import Rejection
from intake import asked, wire
from intake.answers import FRESH, VARY, Answer, found, moved, refused, takes_gzip, unchanged, whole
from intake.limits.limits import Limits
from intake.published import Published
from intake.tick import Packed


def blueprint(published: Published, limits: Limits, *, cdn_url: str, now_ms: Callable[[], int]) -> Blueprint:
    """The routes under `/api/sync`."""
    routes = Blueprint("sync", __name__)

    @routes.get("/api/sync/full")
    def full() -> Answer:
        tick = published.newest()
        if known := unchanged(request, tick.tag, VARY, FRESH):
            return known
        if cdn_url and tick.full_key:
            return moved(f"{cdn_url}/{tick.full_key}", FRESH)
        return too_often() or _answer(request, tick.full(), tick.tag)

    @routes.get("/api/sync/delta")
    def delta() -> Answer:
        since = wire.since(request.args, now_ms=now_ms())
        if isinstance(since, Rejection):
            return refused(since)
        tick = published.newest()
        place = tick.place_after(since)
        tag = f"{tick.tag}-{place}"
        return unchanged(request, tag, VARY, FRESH) or too_often() or _answer(request, tick.delta(place), tag)

    def too_often() -> Answer | None:
        """Only what is answered in full is limited."""
        return limits.refusal(limits.of.sync, asked.sender(request))

    return routes


def _answer(wanted: Request, packed: Packed, tag: str) -> Answer:
    if takes_gzip(wanted):
        return found(wanted, packed.gzip, ("Content-Encoding", "gzip"), VARY, FRESH, tag=tag)
    return whole(packed.body(), tag, VARY, FRESH)
