"""Processes that run beside a story: started, watched, ended without a trace."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import Processes, ProcessFailed, free_port
from benchmarks.site import CommandFailed, measured, undisturbed

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])",
]


def gone(pid: int) -> bool:
    """Whether no process of a group is left."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_leaving_the_block_ends_all(tmp_path: Path) -> None:
    """Processes, and those that they started, end with the block, also when it fails."""
    pids: list[int] = []
    with contextlib.suppress(ValueError), Processes(tmp_path) as processes:
        processes.start("one", SLEEP, {})
        processes.start("two", PARENT, {})
        time.sleep(0.3)
        pids += [process.pid for process in processes.running.values()]
        raise ValueError("broken")
    assert len(pids) == 2
    until = time.monotonic() + 5
    while not all(map(gone, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert all(map(gone, pids))


def test_a_process_that_ends_is_missed(tmp_path: Path) -> None:
    """The failure names the process and shows the end of its log."""
    with Processes(tmp_path) as processes:
        processes.start("short", [sys.executable, "-c", "print('no disk left'); raise SystemExit(3)"], {})
        with pytest.raises(ProcessFailed, match=r"short ended by itself with 3:\nno disk left"):
            processes.wait_for("short", "http://127.0.0.1:9/")


def test_waits_for_an_answer(tmp_path: Path) -> None:
    """A server counts as started when it answers 200."""
    port = free_port(18_000)
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), str(port)]
    with Processes(tmp_path / "logs") as processes:
        processes.start("web", command, {})
        processes.wait_for("web", f"http://127.0.0.1:{port}/")
        assert free_port(port) > port


def test_a_port_that_is_taken_is_passed_over() -> None:
    """The next free port is taken instead."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        if port < 65_000:
            assert port < free_port(port) < port + 100


def test_a_command_is_measured() -> None:
    """Output, time and the command's own peak of memory."""
    done = measured([sys.executable, "-c", "x = bytearray(300 << 20); x[::4096] = b'1' * len(x[::4096]); print(7)"], {})
    assert done.output == "7\n"
    assert done.seconds > 0
    assert 300 << 20 < done.peak_bytes < 700 << 20


def test_a_command_that_fails_says_what_it_said() -> None:
    """The failure holds the exit code and the command's own words."""
    with pytest.raises(CommandFailed, match=r"(?s)ended with 5:.*so it is"):
        measured([sys.executable, "-c", "import sys; print('so it is', file=sys.stderr); sys.exit(5)"], {})


def test_an_interruption_waits_for_the_start_to_end() -> None:
    """A signal inside the block arrives right after it."""
    steps = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the order inside is what is tested
        with undisturbed():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            steps.append("inside")
        steps.append("after")
    assert steps == ["inside"]
