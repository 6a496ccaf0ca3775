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
from importlib import metadata
from pathlib import Path

from flask import Flask

from data import settings
from data.home import Home, home_of
from data.log import schema
from data.log.place import Place
from intake import server
from intake.app import Parts, create_app, runs_inline
from intake.bridge import Bridge
from intake.casting import Casting
from intake.kept import Kept
from intake.live import Newest
from intake.lookups import Lookups
from intake.network import Networks
from intake.published import Published
from intake.readers import Readers
from intake.readiness import Checks
from intake.settings import IntakeSettings
from intake.tally import Tally
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

    def close(self) -> None:
        """Stores the votes that wait, answers them, and closes the log."""
        self.lookups.close()
        self.readers.close()
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


def compose(home: Home, chosen: IntakeSettings, deliver: Deliver = lambda answer: answer()) -> Intake:
    """Opens a home and builds its application.

    Args:
        home: Must have a votes log.
        chosen: The settings.
        deliver: See `Writer`.

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
    writer.start()
    casting = Casting(writer, networks, chosen.trusted_hops, now_ms)
    lookups = Lookups(
        home.votes_log,
        readers,
        newest,
        Kept(time.monotonic),
        max_age_s=chosen.lookup_max_age_s,
    )
    tally = Tally(now_ms)
    app = create_app(Parts(chosen, casting, readers, newest, lookups, published, checks, tally, version(), now_ms))
    return Intake(app, chosen, casting, lookups, writer, readers)


def serve(home: Home, chosen: IntakeSettings, announce: Callable[[str], None]) -> None:
    """Serves a home until SIGTERM or SIGINT, then answers what was asked and stores the votes that wait.

    Args:
        home: Must have a votes log.
        chosen: The settings.
        announce: Told the address, once it takes connections.

    Raises:
        ServeError, LogError: It cannot be served; nothing was started.
    """
    address, port = server.free_address(chosen.host, chosen.port)
    with asyncio.Runner() as runner, closing(_compose_on(runner, home, chosen)) as intake:
        gc.collect()
        gc.freeze()  # what stands now stands to the end: no collection need look at it again
        gc.set_threshold(COLLECT_AFTER)
        url = f"http://{chosen.host}:{port}"
        bridge = Bridge(intake.app, runs_inline, cast=intake.casting.cast, look_up=intake.lookups.quick)
        runner.run(server.serve(bridge, address, port, lambda: announce(url)))


def _compose_on(runner: asyncio.Runner, home: Home, chosen: IntakeSettings) -> Intake:
    return compose(home, chosen, runner.get_loop().call_soon_threadsafe)


def create(environment: Mapping[str, str] = os.environ) -> Flask:
    """Builds the application from the environment; its votes are drained when the process ends."""
    home = home_of(environment)
    intake = compose(home, settings.load(IntakeSettings, environment, home.settings))
    atexit.register(intake.close)
    return intake.app
