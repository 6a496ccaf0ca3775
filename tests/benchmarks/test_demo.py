"""`make demo`, small: it works to the end, and it leaves nothing behind however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
PORT = 18_080


@contextmanager
def demo(directory: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A small demo as a process of its own, ended with the block."""
    command = [sys.executable, "-m", "benchmarks.demo", "--directory", str(directory), "--port", str(PORT)]
    running = subprocess.Popen(
        [*command, "--scale", "0.05", "--seconds", "1", *more],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with running:
        try:
            yield running
        finally:
            running.terminate()
            running.wait(PATIENCE_S)


def read_until(running: subprocess.Popen[str], text: str) -> str:
    """What a demo prints, up to a line with some text."""
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"expected {text!r} in:\n" + "".join(lines))


def ended(running: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code of a demo, and the rest of what it prints."""
    output, _ = running.communicate(timeout=PATIENCE_S)
    return running.returncode, output


def left_behind(directory: Path) -> dict[int, str]:
    """Processes whose home is in a directory: number -> command line."""
    found = {}
    for process in Path("/proc").iterdir():
        try:
            if f"REALTUBE_HOME={directory}".encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except (OSError, ValueError):
            continue
    return found


def get(url: str) -> bytes:
    """The body of a GET."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
    return body


def test_everything_answers_until_interrupted(tmp_path: Path) -> None:
    """The three addresses and the printed look-up answer while it waits; Ctrl-C ends all of it with 0."""
    with demo(tmp_path) as running:
        shown = read_until(running, "Ctrl-C")
        intake, files, datasette = re.findall(r"http://[\w.]+:\d+(?:/v1/head)?", shown)[:3]
        look_up = re.search(r"curl '(.*)'", shown)
        assert look_up
        assert get(f"{intake}/health/live") == b'{"status":"ok"}'
        assert orjson.loads(get(look_up[1]))["videoId"] in look_up[1]
        assert orjson.loads(get(files).splitlines()[0])["seq"] == 10
        assert b"RealTube" in get(f"{datasette}/")
        assert len(left_behind(tmp_path)) >= 3
        running.send_signal(signal.SIGINT)
        code, rest = ended(running)
    assert (code, left_behind(tmp_path)) == (0, {})
    assert "Everything is stopped." in rest


def test_once_ends_by_itself_and_starts_over_cleanly(tmp_path: Path) -> None:
    """A second run in the same directory starts from nothing; both end with 0 and say what they found."""
    for _ in range(2):
        with demo(tmp_path, "--once") as running:
            code, shown = ended(running)
        assert code == 0, shown
        assert "✓ verifying every promise of the published tree" in shown
        assert re.search(r"precision 0\.\d\d, recall \d\.\d\d", shown)
        assert left_behind(tmp_path) == {}


@pytest.mark.parametrize("after", ["making a home", "past weeks", "starting the intake", "the last tick"])
def test_can_be_stopped_at_any_step(tmp_path: Path, after: str) -> None:
    """SIGTERM in the middle ends everything with 0."""
    with demo(tmp_path) as running:
        read_until(running, after)
        time.sleep(0.3)
        running.send_signal(signal.SIGTERM)
        code, rest = ended(running)
    assert (code, left_behind(tmp_path)) == (0, {}), rest


def test_a_process_that_dies_is_a_failure(tmp_path: Path) -> None:
    """When the intake is killed, the demo says so, stops the rest and ends with 1."""
    with demo(tmp_path) as running:
        read_until(running, "Ctrl-C")
        for process, command in left_behind(tmp_path).items():
            if " serve " in command:
                os.kill(process, signal.SIGKILL)
        code, rest = ended(running)
    assert (code, left_behind(tmp_path)) == (1, {})
    assert "intake ended by itself" in rest


def test_refuses_a_directory_of_somebody_else(tmp_path: Path) -> None:
    """A directory with files that no demo made is left as it is."""
    (tmp_path / "diary.txt").write_text("mine")
    with demo(tmp_path) as running:
        code, shown = ended(running)
    assert code == 1
    assert "holds files that no demo made" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_refuses_to_run_beside_another(tmp_path: Path) -> None:
    """Two demos do not share a directory."""
    with demo(tmp_path) as first:
        read_until(first, "making a home")
        with demo(tmp_path) as second:
            code, shown = ended(second)
    assert code == 1
    assert "another demo runs" in shown
