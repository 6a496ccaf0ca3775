"""Follows each request from its first byte to its answer: a name, a line, a place in the metrics."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from intake.watch.endpoints import OTHER, Endpoints, method_of
from intake.watch.lines import REQUEST_ID, Lines
from intake.watch.metrics import SECONDS, Histogram

ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
ID_BYTES = 8
ID_HEADER = "X-Request-Id"
GONE = 499
"""Stands for the status of a request whose client went before its answer."""
StartResponse = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A request under way."""

    id: str
    method: str
    path: str
    began_s: float


class Watch:
    """Sees every request once, whoever carries it."""

    def __init__(
        self,
        endpoints: Endpoints,
        draw: Callable[[int], bytes],
        *,
        lines: Lines | None = None,
        trusted_proxy: bool = False,
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Takes the routes, and randomness for names of requests.

        Args:
            endpoints: The routes.
            draw: Gives that many random bytes.
            lines: Where each request gets a line; None: it gets none.
            trusted_proxy: Whether a request may bring its name along.
            clock_s: Never goes back; seconds.
        """
        self.endpoints = endpoints
        """Replaced when the routes are known."""
        self._draw, self._lines = draw, lines
        self._trusted_proxy, self._clock_s = trusted_proxy, clock_s
        self._lock = threading.Lock()
        self.in_flight = 0
        self.durations = Histogram(
            "realtube_api_request_duration_seconds",
            "Seconds from a request's head to its answer.",
            SECONDS,
            ("endpoint", "method", "status"),
        )

    def begin(self, method: str, path: str, request_id: str) -> Seen:
        """A request has come.

        Args:
            method: As it came.
            path: As it came.
            request_id: What it calls itself, or empty.
        """
        brought = self._trusted_proxy and ID.fullmatch(request_id)
        name = request_id if brought else self._draw(ID_BYTES).hex()
        REQUEST_ID.set(name)
        with self._lock:
            self.in_flight += 1
        return Seen(name, method, path, self._clock_s())

    def end(self, seen: Seen, status: int) -> None:
        """Its answer is known."""
        with self._lock:
            self.in_flight -= 1
        took_s = self._clock_s() - seen.began_s
        endpoint, method = self.endpoints.of(seen.path), method_of(seen.method)
        self.durations.observe(took_s, endpoint, method, str(status))
        if self._lines:
            level = "error" if status >= 500 else "info"
            ms = round(took_s * 1000, 2)
            self._lines.put(level, "request", id=seen.id, method=method, path=endpoint, status=status, ms=ms)


def unwatched() -> Watch:
    """For an application whose requests nobody follows."""
    return Watch(Endpoints(()), bytes)


class Watched:
    """A WSGI application whose requests are seen; for servers that know nothing of us."""

    def __init__(self, app: Callable[..., Iterable[bytes]], watch: Watch) -> None:
        """Takes the application."""
        self._app, self._watch = app, watch

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request."""
        seen = self._watch.begin(
            environ.get("REQUEST_METHOD", OTHER), environ.get("PATH_INFO", ""), environ.get("HTTP_X_REQUEST_ID", "")
        )

        def start(status: str, headers: list[tuple[str, str]], *error: object) -> object:
            self._watch.end(seen, int(status[:3]))
            return start_response(status, [*headers, (ID_HEADER, seen.id)], *error)

        return self._app(environ, start)
