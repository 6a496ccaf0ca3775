"""Runs `realtube` commands on one home, as a person would, and measures them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

PROJECT = Path(__file__).resolve().parent.parent
REALTUBE = (sys.executable, "-m", "cli")
STOPPING = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 10.0
"""How long a process may take to end after SIGTERM."""


class CommandFailed(Exception):
    """A command ended with another exit code than 0; the message holds the command and what it said."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ended well."""

    output: str
    """What it printed on stdout."""
    seconds: float
    """Wall-clock time, the start of Python included."""
    peak_bytes: int
    """Largest resident memory."""

    def facts(self) -> dict[str, Any]:
        """The last line of the output, which is JSON."""
        facts: dict[str, Any] = orjson.loads(self.output.splitlines()[-1])
        return facts


@dataclass(frozen=True, slots=True)
class Site:
    """One home, and the environment in which its commands run."""

    home: Path

    def environment(self) -> dict[str, str]:
        """The caller's environment with this home, and none of the caller's own RealTube settings."""
        ours = {name: text for name, text in os.environ.items() if not name.startswith("REALTUBE_")}
        return ours | {"REALTUBE_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}

    def realtube(self, *arguments: str | Path) -> Finished:
        """Runs one command and waits for it.

        Raises:
            CommandFailed: It did not end with 0.
        """
        return measured([*REALTUBE, *map(str, arguments)], self.environment())


def measured(command: Sequence[str], environment: Mapping[str, str]) -> Finished:
    """Runs a program to its end.

    The peak is the child's own: Linux counts the parent's memory at the start as the child's, so keep the parent small.

    Raises:
        CommandFailed: It did not end with 0.
    """
    running = None
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        try:
            with undisturbed():
                running = start(command, environment, output, errors)
            _, status, usage = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if running is not None and running.returncode is None:
                end(running)
        seconds = time.perf_counter() - begun
        text = _text(output)
        if running.returncode:
            said = "\n".join(filter(None, [_text(errors).strip(), text.strip()]))
            raise CommandFailed(f"{_shown(command)} ended with {running.returncode}:\n{said}")
    return Finished(text, seconds, usage.ru_maxrss * 1024)


def start(
    command: Sequence[str], environment: Mapping[str, str], output: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Starts a program in a session of its own: Ctrl-C reaches us only, and we decide what to end, and how."""
    return subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
        start_new_session=True,
    )  # fmt: skip


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Puts signals off to the end of the block, so that no process is started and then forgotten."""
    late: list[int] = []
    before = {number: signal.signal(number, lambda came, _: late.append(came)) for number in STOPPING}
    try:
        yield
    finally:
        for number, reaction in before.items():
            signal.signal(number, reaction)
    for came in late[:1]:
        signal.raise_signal(came)


def end(running: subprocess.Popen[bytes]) -> None:
    """Ends a process that was started in a session of its own, and whatever it started."""
    if running.poll() is None:
        running.terminate()
        try:
            running.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)  # what a killed leader left behind; normally nothing


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _shown(command: Sequence[str]) -> str:
    if tuple(command[: len(REALTUBE)]) == REALTUBE:
        command = ["realtube", *command[len(REALTUBE) :]]
    return " ".join(command)
