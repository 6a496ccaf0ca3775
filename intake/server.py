"""Serves a WSGI application with granian, in one process.

Granian's own layout is a parent and a forked worker. Killing that parent leaves the worker serving, and a forked writer
thread would not exist. So its worker runs as a thread of this process, as granian does on Pythons without a GIL.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.common import AbstractServer
from granian.server.mt import MTServer

BACKLOG = 2_048
"""Connections that may wait to be accepted."""
SPARE_THREADS = 32
"""Threads beyond one for each waiting vote: look-ups go on, and refusals are quick, while the queue is full."""


class ServeError(Exception):
    """The address cannot be listened on; nothing was started."""


class OneProcess(MTServer):
    """Granian with its one worker in a thread, on a socket that we opened."""

    def __init__(self, listening: socket.socket, *, threads: int) -> None:
        """Takes a bound socket.

        Args:
            listening: `run` takes it over and closes it.
            threads: How many requests are answered at once; threads start when they are needed.
        """
        address, port = listening.getsockname()[:2]
        super().__init__(
            target="intake",
            address=address,
            port=port,
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            loop=Loops.asyncio,
            websockets=False,
            blocking_threads=threads,
            backlog=BACKLOG,
            log_level=LogLevels.warning,
        )
        self._listening = listening

    def run(self, app: Callable[..., Any]) -> None:
        """Serves until SIGTERM or SIGINT; requests that were read are answered first."""
        AbstractServer.serve(self, target_loader=lambda: app, wrap_loader=False)

    def _init_shared_socket(self) -> None:
        # Granian would share the port (SO_REUSEPORT): a second server would then silently take half of the requests.
        descriptor = self._listening.detach()  # from here on it is the worker's to close
        holder = SocketHolder(descriptor, False, BACKLOG)  # type: ignore[call-arg]
        self._shd = holder  # type: ignore[assignment]

    def _check_gil(self) -> None:
        """One worker thread needs no free-threaded Python."""


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Opens the socket to serve on.

    Args:
        host: Name or address; of a name, its first IPv4 address counts, or its first address.
        port: TCP port, 0 for any free one.

    Raises:
        ServeError: Somebody listens there already, or the host is not ours.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServeError(f"{host} is no address of this machine ({error}): choose another --host") from error
    with opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            opened.bind(address)
            opened.listen(BACKLOG)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise ServeError(f"cannot listen on {host} port {port} ({reason}): choose another --port") from error
        yield opened
