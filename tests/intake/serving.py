"""A real `realtube serve`, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.factories import Site
from tests.homes import PROJECT

COMMAND = (sys.executable, str(PROJECT / "cli.py"), "serve")
StartServer = Callable[..., "Server"]


@dataclass
class Server:
    """A running `realtube serve`."""

    process: subprocess.Popen[str]
    port: int

    def get(self, path: str) -> bytes:
        """The body of a GET."""
        with urllib.request.urlopen(f"http://localhost:{self.port}{path}", timeout=10) as answer:
            return bytes(answer.read())

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Ends it with a signal; gives exit code and what it said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


def environment(site: Site, **settings: object) -> dict[str, str]:
    """Ours, with this home, these settings and none of the caller's."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("REALTUBE_")}
    chosen = {f"REALTUBE_{name.upper()}": str(value) for name, value in settings.items()}
    unlimited = {"REALTUBE_RATE_LIMITS": "off", "REALTUBE_LOG_REQUESTS": "off"}
    return ours | unlimited | chosen | {"REALTUBE_HOME": str(site.home.directory), "PYTHONPATH": str(PROJECT)}


@contextmanager
def servers(site: Site) -> Iterator[StartServer]:
    """Starts servers on a home, on free ports; they end with the block."""
    with ExitStack() as stack:

        def start(*more: str, **settings: object) -> Server:
            process = stack.enter_context(
                subprocess.Popen(
                    [*COMMAND, "--port", "0", *more],
                    env=environment(site, **settings),
                    stderr=subprocess.PIPE,
                    text=True,
                    cwd=site.home.directory,
                )
            )
            stack.callback(process.kill)
            assert process.stderr is not None
            line = process.stderr.readline()
            assert "http://localhost:" in line, line
            return Server(process, int(re.findall(r"http://localhost:(\d+)", line)[-1]))

        yield start
