"""Every metric of a server, put together from the parts that know the numbers."""

from __future__ import annotations

from collections.abc import Callable

from intake.kept import Kept
from intake.limits.limits import Limits
from intake.published import Published
from intake.readers import Readers
from intake.watch.lines import Lines
from intake.watch.metrics import Histogram, Labels, Reading
from intake.watch.watch import Watch
from intake.writer import Writer

Metrics = tuple[Histogram | Reading, ...]


def metrics(
    watch: Watch,
    writer: Writer,
    readers: Readers,
    kept: Kept,
    limits: Limits,
    published: Published,
    *,
    lines: Lines | None,
    now_ms: Callable[[], int],
) -> Metrics:
    """All metrics, in the order in which they are told."""

    def publish_age() -> dict[Labels, float]:
        head = published.newest().head
        return {(): max(0.0, (now_ms() - head.ts) / 1000)} if head else {}

    def limited() -> dict[Labels, float]:
        refused = limits.limiter.refused.copy() if limits.limiter else {}
        return {labels: float(count) for labels, count in refused.items()}

    return (
        watch.durations,
        _gauge("realtube_requests_in_flight", "Requests that are not answered yet.", lambda: watch.in_flight),
        _gauge(
            "realtube_db_connection_pool_active", "Connections that read the votes log now.", lambda: readers.active
        ),
        Reading(
            "realtube_votes_total",
            "Votes that were stored and changed something, in this life of the process.",
            "counter",
            writer.commits.votes,
            ("category",),
        ),
        _counter("realtube_cache_hits_total", "Look-ups that were answered from memory.", lambda: kept.hits),
        _counter("realtube_cache_misses_total", "Look-ups that were worked out.", lambda: kept.misses),
        _gauge("realtube_writer_queue_depth", "Votes that wait for their commit or are in it.", lambda: writer.waiting),
        writer.commits.sizes,
        writer.commits.seconds,
        Reading("realtube_last_publish_age_seconds", "Age of the newest tick; none: no tick.", "gauge", publish_age),
        Reading(
            "realtube_limited_requests_total",
            "Requests that were refused because they came too often, by the limit and who had spent it.",
            "counter",
            limited,
            ("limit", "per"),
        ),
        _counter(
            "realtube_log_lines_dropped_total",
            "Lines that were not written because nobody read them.",
            lambda: lines.dropped if lines else 0,
        ),
    )


def _gauge(name: str, about: str, read: Callable[[], float]) -> Reading:
    return Reading(name, about, "gauge", lambda: {(): read()})


def _counter(name: str, about: str, read: Callable[[], float]) -> Reading:
    return Reading(name, about, "counter", lambda: {(): read()})
