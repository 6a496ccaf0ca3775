"""Processes that run beside a story and end with it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.site import end, start, undisturbed

READY_S = 30.0
"""How long a server may take to answer for the first time."""
TRIED_PORTS = 100
LAST_LINES = 15


class ProcessFailed(Exception):
    """A process ended by itself or never answered; the message holds the end of its log."""


@dataclass(slots=True)
class Processes:
    """Running processes by name; leaving the `with` block ends them, the newest first."""

    logs: Path
    """Directory for what they print, one file each."""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts a process that is ended with the block."""
        with self._log(name).open("wb") as log, undisturbed():
            self.running[name] = start(command, environment, log, log)

    def wait_for(self, name: str, url: str) -> None:
        """Waits until a server answers 200.

        Raises:
            ProcessFailed: It ended, or did not answer in time.
        """
        until = time.monotonic() + READY_S
        while not answers(url):
            self.check()
            if time.monotonic() > until:
                raise ProcessFailed(f"{name} did not answer at {url} within {READY_S:.0f} s:\n{self._last_lines(name)}")
            time.sleep(0.1)

    def check(self) -> None:
        """Looks whether all are still there.

        Raises:
            ProcessFailed: One has ended.
        """
        for name, process in self.running.items():
            if process.poll() is not None:
                raise ProcessFailed(f"{name} ended by itself with {process.returncode}:\n{self._last_lines(name)}")

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self.running.values():
            if process.poll() is None:
                process.terminate()  # all at once: they drain beside each other
        for process in reversed(self.running.values()):
            end(process)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _last_lines(self, name: str) -> str:
        return "\n".join(self._log(name).read_text("utf-8", "replace").splitlines()[-LAST_LINES:])


def answers(url: str) -> bool:
    """Whether a GET gets 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port(wanted: int) -> int:
    """The first port from `wanted` on that nobody listens on.

    Raises:
        ProcessFailed: None of many is free.
    """
    for port in range(wanted, min(wanted + TRIED_PORTS, 65_536)):
        if all(_is_free(family, address, port) for family, address in _LOCALHOST):
            return port
    raise ProcessFailed(f"no free port from {wanted} to {wanted + TRIED_PORTS - 1}: give another one with --port")


_LOCALHOST = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def _is_free(family: socket.AddressFamily, address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((address, port)) != 0
    return True  # a machine without IPv6
