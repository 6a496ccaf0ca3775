"""Carries requests from granian to the WSGI application, without a thread for each request that waits.

Granian's RSGI interface runs one event loop. Votes run on it: they touch no disk until the writer has them, and their
answers come back from it. All other requests may read files or the log, and run on a few threads.
Casting a vote, and a look-up whose answer is kept, go past the WSGI application altogether: what that does for a
request (an environment, contexts, a response) takes longer than all the rest.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from intake.answers import Answer, refused
from intake.app import BODY_LIMIT_BYTES
from intake.asked import BODY, BROKEN_OFF
from intake.deferred import Environ, Waiting
from intake.errors import FAULT, TOO_LARGE, TOO_SLOW
from intake.sending import FileAnswer, FileBody
from intake.watch.watch import GONE, ID_HEADER, Watch, unwatched

logger = logging.getLogger(__name__)

BODY_TIMEOUT_S = 10.0
"""A body must have arrived after this time: clients send a few hundred bytes."""
LENGTH = re.compile(r"[0-9]{1,9}", re.ASCII)
POOL_THREADS = 8
BASE = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "granian",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Tell = Callable[[Answer], None]
LookUp = Callable[[str, str, str], Answer | None]
"""`Lookups.quick`: prefix, query and If-None-Match."""
VOTES, VIDEOS = "/api/votes", "/api/videos/"
Limit = Callable[[tuple[str, str]], Answer | None]
"""Gives what a look-up is answered that comes too often: its peer, and X-Forwarded-For."""
CastVote = Callable[[bytes, str, str, Tell], None]
"""`Casting.cast`: body, peer, X-Forwarded-For, and whom to tell the answer."""


class Scope(Protocol):
    """What granian says of a request."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: Any


class Bridge:
    """The application as granian calls it."""

    def __init__(
        self,
        app: App,
        inline: Callable[[str, str], bool],
        *,
        cast: CastVote | None = None,
        look_up: LookUp | None = None,
        limit: Limit | None = None,
        watch: Watch | None = None,
    ) -> None:
        """Takes the application.

        Args:
            app: WSGI.
            inline: Says of a method and a path whether the request runs on the event loop.
            cast: Casts a vote as the application does; None lets the application do it.
            look_up: Gives what the application would answer to a look-up, when that is known already.
            limit: Refuses such a look-up when it comes too often; the application asks by itself.
            watch: Sees every request.
        """
        self._app = app
        self._inline = inline
        self._cast, self._look_up, self._limit = cast, look_up, limit
        self._watch = watch or unwatched()
        self._pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="requests")

    async def __rsgi__(self, scope: Scope, proto: Any) -> None:
        """Answers one request."""
        seen = self._watch.begin(scope.method, scope.path, scope.headers.get("x-request-id", ""))
        try:
            answer = await self._answer(scope, proto)
        except asyncio.CancelledError:
            self._watch.end(seen, GONE)
            return  # the client has gone; what it asked for happens all the same
        except Exception:
            logger.exception("a request failed outside the application")
            answer = refused(FAULT)
        self._watch.end(seen, answer.status)
        headers = [*answer.headers, (ID_HEADER, seen.id)]
        if isinstance(answer, FileAnswer):
            proto.response_file(answer.status, headers, str(answer.path))
        else:
            proto.response_bytes(answer.status, headers, answer.body)

    async def _answer(self, scope: Scope, proto: Any) -> Answer | FileAnswer:
        sent = await _body(scope, proto)
        if isinstance(sent, Answer):
            return sent
        if self._cast and _plain_vote(scope):
            return await _told(partial(self._cast, sent, _peer(scope), _forwarded_for(scope)))
        if self._look_up and scope.method == "GET" and scope.path.startswith(VIDEOS):
            asked = scope.path[len(VIDEOS) :], scope.query_string, scope.headers.get("if-none-match", "")
            if known := self._look_up(*asked):
                return (self._limit and self._limit((_peer(scope), _forwarded_for(scope)))) or known
        environ = _environ(scope, sent)
        if self._inline(scope.method, scope.path):
            answer = _call(self._app, environ)
        else:
            answer = await asyncio.get_running_loop().run_in_executor(
                self._pool, copy_context().run, _call, self._app, environ
            )
        return await _told(answer.deferred.then) if isinstance(answer, Waiting) else answer


def _plain_vote(scope: Scope) -> bool:
    """Whether a request casts a vote and asks for nothing that only the application knows."""
    return scope.method == "POST" and scope.path == "/api/votes" and not scope.headers.get("idempotency-key", "")


def _call(app: App, environ: Environ) -> Answer | FileAnswer | Waiting:
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
        started[:] = int(status[:3]), tuple(headers)
        return _refuse_write

    body = app(environ, start)
    if isinstance(body, Waiting):
        return body
    return FileAnswer(body.path, *started) if isinstance(body, FileBody) else Answer(b"".join(body), *started)


def _refuse_write(_: bytes) -> object:
    raise RuntimeError("bodies are taken only from the application's return value")


async def _told(ask: Callable[[Tell], None]) -> Answer:
    """Asks for an answer that comes later, and waits for it."""
    known: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    ask(lambda final: None if known.done() else known.set_result(final))  # done: its client has gone
    return await known


async def _body(scope: Scope, proto: Any) -> bytes | Answer:
    """The request's body; or the refusal of one that is too large or does not arrive."""
    if scope.method in {"GET", "HEAD", "OPTIONS"}:
        return b""
    length = scope.headers.get("content-length", "0")
    if not LENGTH.fullmatch(length) or int(length) > BODY_LIMIT_BYTES:
        return refused(TOO_LARGE)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            # What is announced is small enough here, and granian reads no more than that.
            body = await proto() if int(length) else await _unannounced(proto)
    except TimeoutError:
        return refused(TOO_SLOW)
    except ProtocolClosed:
        return refused(BROKEN_OFF)
    if len(body) > BODY_LIMIT_BYTES:
        return refused(TOO_LARGE)
    return refused(BROKEN_OFF) if len(body) < int(length) else bytes(body)


async def _unannounced(proto: Any) -> bytes:
    """A body of unknown length, read no further than what shows that it is too large."""
    chunks, size = [], 0
    async for chunk in proto:
        chunks.append(chunk)
        size += len(chunk)
        if size > BODY_LIMIT_BYTES:
            break
    return b"".join(chunks)


def _peer(scope: Scope) -> str:
    return scope.client.rpartition(":")[0].strip("[]")


def _forwarded_for(scope: Scope) -> str:
    return ",".join(value for name, value in scope.headers.items() if name == "x-forwarded-for")


def _environ(scope: Scope, body: bytes) -> Environ:
    server, _, port = scope.server.rpartition(":")
    environ: Environ = {
        **BASE,
        "REQUEST_METHOD": scope.method,
        "PATH_INFO": scope.path.encode().decode("latin-1"),  # as PEP 3333 wants it
        "QUERY_STRING": scope.query_string,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "REMOTE_ADDR": _peer(scope),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        BODY: body,
    }
    for name, value in scope.headers.items():
        if "_" not in name:  # else x_forwarded_for would read as X-Forwarded-For
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if (value := environ.pop(f"HTTP_{name}", None)) is not None:
            environ[name] = value
    return environ
