"""Datasette in a child process, over the database of the newest tick."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from data.datasette import DIRECTORY
from data.formats.tree import FormatError
from publisher.research import site
from publisher.research.site import Progress, Source
from publisher.store import Store, StoreError

SETTINGS = {
    "suggest_facets": "off",  # the slowest thing that Datasette does at a million rows
    "facet_time_limit_ms": "1000",
    "sql_time_limit_ms": "3000",
    "default_cache_ttl": "30",
    "max_csv_mb": "0",  # no limit: all rows of a million videos are meant to be taken
}
FOLLOW_S = 2.0
"""How often the head is looked at."""
READY_STEPS, READY_STEP_S = 600, 0.1
"""How long Datasette may take to answer for the first time."""
STOP_S = 5.0
"""How long open requests may take when Datasette is stopped."""

Wait = Callable[[float], bool]
"""Waits so many seconds; true when it was told to stop meanwhile."""


class BrowseError(Exception):
    """Datasette cannot be run; nothing runs any more, and the database file stays."""


class Stopped(Exception):
    """Told to stop in the middle of a build; the database is the one from before."""

    def __str__(self) -> str:
        return "stopped before the database was built"


@dataclass(frozen=True, slots=True)
class Place:
    """What is shown, and where."""

    store: Store
    tree: Path | None
    """Directory of the published tree, when it is a local one: its files are offered for download."""
    database: Path
    """The SQLite file; what else is needed is kept beside it."""
    host: str
    port: int

    @property
    def url(self) -> str:
        """The address of the front page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


def newest(store: Store) -> Source:
    """The newest tick.

    Raises:
        BrowseError: There is none yet.
    """
    source = site.newest(store)
    if source is None:
        raise BrowseError("nothing is published yet: run `realtube publish`, then `realtube browse`")
    return source


def free_port(host: str, port: int) -> int:
    """The port, or for 0 one that nobody has.

    Raises:
        BrowseError: Another program has it, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BrowseError(f"{host} port {port} cannot be used ({error.strerror}): choose another --port") from error
        return int(probe.getsockname()[1])


def follow(
    place: Place,
    source: Source,
    *,
    wait: Wait,
    progress: Callable[[], AbstractContextManager[Progress]],
    opened: Callable[[Source], None],
    failed: Callable[[str], None],
) -> None:
    """Shows a tick until told to stop; when the head moves, builds the new one, then starts Datasette on it.

    While a new tick is built the old one is shown, and when it cannot be built the old one stays. Between the two
    nobody answers for about a second.

    Args:
        place: What and where.
        source: The tick to begin with, whose database is built.
        wait: How time passes.
        progress: Opens a display of how far a build is.
        opened: Called when a tick can be seen.
        failed: Called with what is wrong with a new tick, once as long as it stays the same.

    Raises:
        BrowseError: Datasette ended by itself.
    """
    shown: Source | None = source
    while shown is not None:
        with _datasette(place, shown) as child:
            if not _until_ready(place, child, wait):
                return
            opened(shown)
            shown = _next(place, shown, child, wait=wait, progress=progress, failed=failed)


def _next(
    place: Place,
    shown: Source,
    child: subprocess.Popen[bytes],
    *,
    wait: Wait,
    progress: Callable[[], AbstractContextManager[Progress]],
    failed: Callable[[str], None],
) -> Source | None:
    """Waits for a newer tick and builds it; None when told to stop."""
    trouble = ""
    while not wait(FOLLOW_S):
        _must_run(place, child)
        try:
            found = newest(place.store)
            if found != shown:
                with progress() as told:
                    site.build(place.store, found, place.database, progress=until_stopped(told, wait))
                return found
        except Stopped:
            break
        except (BrowseError, FormatError, StoreError) as error:
            if str(error) != trouble:
                failed(str(error))
            trouble = str(error)
    return None


def until_stopped(progress: Progress, wait: Wait) -> Progress:
    """The same display, which ends a build when told to stop.

    Raises:
        Stopped: From within the build.
    """

    def told(what: str, done: int, total: int) -> None:
        progress(what, done, total)
        if wait(0):
            raise Stopped

    return told


@contextmanager
def _datasette(place: Place, source: Source) -> Iterator[subprocess.Popen[bytes]]:
    """Datasette while it is needed; at the end it may finish what it answers, then it is stopped."""
    inspection = place.database.with_suffix(".inspect.json")
    inspection.write_text(json.dumps(site.inspection(place.database, source)), encoding="utf-8")
    with _log(place).open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and paths
            _command(place, inspection), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _command(place: Place, inspection: Path) -> list[str]:
    mounts = {"static": DIRECTORY / "static"} | ({"files": place.tree} if place.tree else {})
    # -P: the working directory is no place for modules; -W: other people's warnings are not ours to end on
    return [
        sys.executable, "-P", "-W", "ignore", "-m", "datasette", "serve", "--immutable", str(place.database),
        "--inspect-file", str(inspection), "--metadata", str(DIRECTORY / "metadata.yml"),
        "--template-dir", str(DIRECTORY / "templates"), "--plugins-dir", str(DIRECTORY / "plugins"),
        "--host", place.host, "--port", str(place.port), "--cors",
        *chain.from_iterable(("--static", f"{name}:{directory}") for name, directory in mounts.items()),
        *chain.from_iterable(("--setting", name, value) for name, value in SETTINGS.items()),
    ]  # fmt: skip


def _until_ready(place: Place, child: subprocess.Popen[bytes], wait: Wait) -> bool:
    """Waits until Datasette answers; false when told to stop before."""
    for _ in range(READY_STEPS):
        if wait(READY_STEP_S):
            return False
        _must_run(place, child)
        if _answers(place):
            return True
    raise BrowseError(f"Datasette does not answer at {place.url}: see {_log(place)}")


def _answers(place: Place) -> bool:
    connection = http.client.HTTPConnection(place.host, place.port, timeout=STOP_S)
    try:
        connection.request("GET", "/-/versions.json")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _must_run(place: Place, child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        last = _log(place).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise BrowseError(f"Datasette ended with code {child.returncode} ({' '.join(last)}): see {_log(place)}")


def _log(place: Place) -> Path:
    return place.database.with_suffix(".log")
