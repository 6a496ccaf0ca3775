"""What an operator's monitoring reads."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, request

from intake.answers import UNKEPT, Answer, found
from intake.watch.metrics import CONTENT_TYPE, Histogram, Reading, text


def blueprint(metrics: Sequence[Histogram | Reading]) -> Blueprint:
    """The route of the metrics."""
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    def tell() -> Answer:
        return found(request, text(metrics), UNKEPT, kind=CONTENT_TYPE)

    return routes
