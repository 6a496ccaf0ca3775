"""The composition root: environment, clock and randomness enter here, and become an application.

`create` is a WSGI factory for other servers (`gunicorn 'intake.wsgi:create()'`): one process, several threads.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from flask import Flask

from data import settings
from data.home import Home, home_of
from data.log import schema
from data.log.place import Place
from intake import server
from intake.app import Parts, create_app, runs_inline
from intake.appeals.opening import Opening
from intake.bearer import Gate
from intake.bridge import Bridge
from intake.casting import Casting
from intake.kept import Kept
from intake.limits.limiter import Limiter
from intake.limits.limits import Limits
from intake.limits.quotas import quotas
from intake.limits.sheet import Sheet
from intake.live import Newest
from intake.lookups import Lookups
from intake.moderation.bench import Bench
from intake.network import Networks
from intake.published import Published
from intake.readers import Readers
from intake.readiness import Checks
from intake.settings import IntakeSettings
from intake.tally import Tally
from intake.watch.endpoints import Endpoints
from intake.watch.lines import Lines, as_json, as_text, take_over, to_stderr
from intake.watch.readings import metrics
from intake.watch.watch import Watch, Watched
from intake.writer import Writer

COLLECT_AFTER = 50_000
"""Objects between two collections of rubbish: requests leave next to no cycles behind."""
Deliver = Callable[[Callable[[], None]], object]


@dataclass(frozen=True, slots=True)
class Intake:
    """A running intake, without the server that talks HTTP."""

    app: Flask
    settings: IntakeSettings
    casting: Casting
    lookups: Lookups
    writer: Writer
    readers: Readers
    limits: Limits
    watch: Watch

    def close(self) -> None:
        """Stores the votes that wait, answers them, and closes the log."""
        self.lookups.close()
        self.readers.close()
        self.limits.close()
        self.writer.close()  # the last connection: it empties and removes the write-ahead log


def now_ms() -> int:
    """The clock, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def version() -> str:
    """The installed version, empty in a checkout that nobody installed."""
    try:
        return metadata.version("realtube")
    except metadata.PackageNotFoundError:
        return ""


def compose(
    home: Home, chosen: IntakeSettings, deliver: Deliver = lambda answer: answer(), lines: Lines | None = None
) -> Intake:
    """Opens a home and builds its application.

    Args:
        home: Must have a votes log.
        chosen: The settings.
        deliver: See `Writer`.
        lines: Where requests get their lines; None: they get none.

    Raises:
        LogError: The home has no votes log, or one that cannot be used; nothing was started.
    """
    connection = schema.open_for_append(home.votes_log)
    identity = schema.identity(connection)
    newest = Newest(home.standing, identity.log_id, now_ms, time.monotonic)
    place = Place(home.votes_log)
    writer = Writer(
        connection,
        newest,
        queue_size=chosen.queue_size,
        batch_size=chosen.batch_size,
        vote_timeout_s=chosen.vote_timeout_s,
        clock_s=time.monotonic,
        place=place,
        deliver=deliver,
    )
    readers = Readers(home.votes_log)
    published = Published(Path(chosen.store) if chosen.store else home.public, identity.created_ms, time.monotonic)
    checks = Checks(
        writer,
        readers,
        published,
        place=place,
        votes_log=home.votes_log,
        min_free_mb=chosen.min_free_mb,
        version=version(),
        now_ms=now_ms,
    )
    networks = Networks(home.directory / "network-key", secrets.token_bytes)
    networks.token("127.0.0.1", now_ms())  # a home that cannot keep its key must say so now, not at the first vote
    limits = _limits(home, chosen)
    writer.start()
    casting = Casting(writer, networks, limits, chosen.trusted_hops, now_ms)
    kept = Kept(time.monotonic)
    lookups = Lookups(home.votes_log, readers, newest, kept, max_age_s=chosen.lookup_max_age_s)
    watch = Watch(
        Endpoints(()),
        secrets.token_bytes,
        lines=lines if chosen.log_requests == "on" else None,
        trusted_proxy=chosen.trusted_hops > 0,
    )
    told = metrics(watch, writer, readers, kept, limits, published, lines=lines, now_ms=now_ms)
    tally = Tally(now_ms)
    parts = Parts(
        chosen, casting, readers, newest, lookups, limits, published, checks, tally, told,
        gate=Gate(readers, now_ms),
        bench=Bench(home.votes_log, home.review, readers, newest, now_ms),
        opening=Opening(home.votes_log, readers, networks, chosen.trusted_hops, now_ms, secrets.token_bytes),
        version=version(),
        now_ms=now_ms,
    )  # fmt: skip
    app = create_app(parts)
    watch.endpoints = Endpoints(rule.rule for rule in app.url_map.iter_rules())
    return Intake(app, chosen, casting, lookups, writer, readers, limits, watch)


def serve(home: Home, chosen: IntakeSettings, write: Callable[[bytes], object]) -> None:
    """Serves a home until SIGTERM or SIGINT, then answers what was asked and stores the votes that wait.

    Args:
        home: Must have a votes log.
        chosen: The settings.
        write: Takes lines: the address once connections are taken, requests, faults.

    Raises:
        ServeError, LogError: It cannot be served; nothing was started.
    """
    address, port = server.free_address(chosen.host, chosen.port)
    url = f"http://{chosen.host}:{port}"
    with closing(Lines(write, now_ms, as_text if chosen.log_format == "text" else as_json)) as lines:
        take_over(lines)
        with asyncio.Runner() as runner, closing(_compose_on(runner, home, chosen, lines)) as intake:
            gc.collect()
            gc.freeze()  # what stands now stands to the end: no collection need look at it again
            gc.set_threshold(COLLECT_AFTER)
            bridge = Bridge(
                intake.app,
                runs_inline,
                cast=intake.casting.cast,
                look_up=intake.lookups.quick,
                limit=partial(intake.limits.refusal, intake.limits.of.lookups),
                watch=intake.watch,
            )
            announce = partial(lines.put, "info", "serving", home=str(home.directory), url=url)
            runner.run(server.serve(bridge, address, port, announce))


def _limits(home: Home, chosen: IntakeSettings) -> Limits:
    """The limits of a home, counting; or none."""
    if chosen.rate_limits == "off":
        return Limits(None, quotas(chosen), chosen.trusted_hops)
    limiter = Limiter(Sheet(home.limits, secrets.token_bytes), secrets.token_bytes, time.time)
    limiter.start()
    return Limits(limiter, quotas(chosen), chosen.trusted_hops)


def _compose_on(runner: asyncio.Runner, home: Home, chosen: IntakeSettings, lines: Lines) -> Intake:
    return compose(home, chosen, runner.get_loop().call_soon_threadsafe, lines)


def create(environment: Mapping[str, str] = os.environ) -> Flask:
    """Builds the application from the environment; its votes are drained when the process ends."""
    home = home_of(environment)
    chosen = settings.load(IntakeSettings, environment, home.settings)
    lines = Lines(to_stderr, now_ms, as_text if chosen.log_format == "text" else as_json)
    intake = compose(home, chosen, lines=lines)
    atexit.register(lines.close)
    atexit.register(intake.close)
    intake.app.wsgi_app = Watched(intake.app.wsgi_app, intake.watch)  # type: ignore[method-assign]
    return intake.app
