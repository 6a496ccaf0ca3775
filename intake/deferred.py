"""Answers that are not known yet when a route returns: a vote's, until its commit is durable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any

from intake.answers import Answer, Response

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Deferred(Response):
    """Stands for an answer that comes later. Called once as a WSGI application it gives its `Waiting`."""

    def __init__(self) -> None:  # nothing of an ordinary response is needed, and setting one up takes as long as a vote
        self._lock = threading.Lock()
        self._final: Answer | None = None
        self._tell: Callable[[Answer], None] | None = None

    def settle(self, final: Answer) -> None:
        """Gives the answer, exactly once, from any thread."""
        with self._lock:
            assert self._final is None
            self._final, tell = final, self._tell
        if tell:
            tell(final)

    def then(self, tell: Callable[[Answer], None]) -> None:
        """Asks to be told the answer: at once when it is known, else by whoever settles it."""
        with self._lock:
            final = self._final
            self._tell = tell
        if final:
            tell(final)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Waiting:
        """See `Waiting`."""
        return Waiting(self, start_response)


class Waiting(Iterable[bytes]):
    """The body of a deferred answer.

    A server that knows it asks `deferred.then` and needs no thread meanwhile; any other WSGI server iterates and waits.
    """

    def __init__(self, deferred: Deferred, start_response: StartResponse) -> None:
        self.deferred = deferred
        self._start_response = start_response

    def __iter__(self) -> Iterator[bytes]:
        finals: SimpleQueue[Answer] = SimpleQueue()
        self.deferred.then(finals.put)
        final = finals.get()
        length = ("Content-Length", str(len(final.body)))
        self._start_response(f"{final.status} {HTTPStatus(final.status).phrase}", [*final.headers, length])
        yield final.body
