"""Serves with granian, in one process with one event loop."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Callable

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from intake.bridge import Bridge

STOP = (signal.SIGTERM, signal.SIGINT)
BACKLOG = 2_048
"""Connections that may wait to be accepted."""
CONNECTIONS = 16_384
"""Connections that are open at once."""
HEAD_TIMEOUT_MS = 10_000
"""A connection on which no whole head arrives for so long is closed, an idle one too."""
HEAD_LIMIT_BYTES = 65_536
"""A larger head is refused; so much memory a connection takes at most before its request is understood."""
TO_OUR_LINES = {
    "handlers": {},
    "loggers": {name: {"handlers": [], "propagate": True} for name in ("_granian", "granian.access")},
}
"""What granian logs goes where everything does."""
LISTEN_TRY_S = 0.01
"""Between two tries whether granian listens yet."""
SPARE_FILES = 256
"""Files that are open besides connections."""
DRAIN_S = 20.0
"""After this time, what was asked before a stop and is still not answered is given up."""


class ServeError(Exception):
    """The address cannot be listened on; nothing was started."""


def free_address(host: str, port: int) -> tuple[str, int]:
    """Finds the address to listen on, and that nobody does yet: granian itself would share the port silently.

    Args:
        host: Name or address; of a name, its first IPv4 address counts, or its first address.
        port: TCP port, 0 for any free one.

    Returns:
        Address and port.

    Raises:
        ServeError: Somebody listens there already, or the host is no address of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else connections just closed would block it
            probe.bind(address)
            bound = probe.getsockname()
    except socket.gaierror as error:
        raise ServeError(f"{host} cannot be resolved ({error.strerror}): choose another --host") from error
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise ServeError(f"cannot listen on {host} port {port} ({reason}): choose another --port or --host") from error
    return bound[0], bound[1]


async def serve(bridge: Bridge, address: str, port: int, listening: Callable[[], None]) -> None:
    """Serves until SIGTERM or SIGINT; then takes no new connections and answers what was asked.

    A second signal ends the process at once, as SIGKILL would: what was answered is stored.

    Args:
        bridge: Answers requests.
        address: Where to listen.
        port: Where to listen.
        listening: Called once connections are taken.
    """
    server = Server(
        bridge,
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        log_level=LogLevels.error,
        log_dictconfig=TO_OUR_LINES,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_TIMEOUT_MS, max_buffer_size=HEAD_LIMIT_BYTES),
    )
    _allow_connections()
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()

    def stop_once() -> None:
        for number in STOP:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        stopping.set()

    for number in STOP:
        loop.add_signal_handler(number, stop_once)
    serving = asyncio.create_task(server.serve())
    stop = asyncio.create_task(stopping.wait())
    while not await _takes_connections(address, port):
        await asyncio.wait([serving, stop], timeout=LISTEN_TRY_S, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() or stop.done():
            break
    else:
        listening()
    await asyncio.wait([serving, stop], return_when=asyncio.FIRST_COMPLETED)
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait([serving], timeout=DRAIN_S)
    if serving.done():
        serving.result()


async def _takes_connections(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    return True


def _allow_connections() -> None:
    """Raises the soft limit of open files, as far as it may be, so that connections do not run into it first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + SPARE_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
