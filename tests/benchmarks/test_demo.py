"""`make demo`, small: it works to the end, and it leaves nothing behind however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
PORT = 18_080


@contextmanager
def demo(directory: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A small demo as a process of its own, ended with the block."""
    command = [sys.executable, "-m", "benchmarks.demo", "--directory", str(directory), "--port", str(PORT)]
    running = subprocess.Popen(
        [*command, "--scale", "0.05", "--seconds", "1", "--parts", "2", "--ticks", "1", *more],
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
        assert orjson.loads(get(files).splitlines()[0])["seq"] == 4
        assert b"RealTube" in get(f"{datasette}/")
        assert len(left_behind(tmp_path)) >= 3
        running.send_signal(signal.SIGINT)
        code, rest = ended(running)
    assert (code, left_behind(tmp_path)) == (0, {})
    assert "Everything is stopped." in rest


def test_stopped_then_started_over(tmp_path: Path) -> None:
    """SIGTERM in the middle ends everything with 0; the next run starts from nothing and comes to its end."""
    with demo(tmp_path) as running:
        read_until(running, "audited labels")
        running.terminate()
        code, rest = ended(running)
    assert (code, left_behind(tmp_path)) == (0, {}), rest
    with demo(tmp_path, "--once") as running:
        code, shown = ended(running)
    assert code == 0, shown
    assert "✓ verifying every promise of the published tree" in shown
    assert re.search(r"precision \d\.\d\d, recall \d\.\d\d", shown)
    assert left_behind(tmp_path) == {}


def test_a_process_that_dies_is_a_failure(tmp_path: Path) -> None:
    """When the intake is killed while votes come in, the demo says so, stops the rest and ends with 1."""
    with demo(tmp_path, "--seconds", "60") as running:
        read_until(running, "starting the intake")
        for process, command in left_behind(tmp_path).items():
            if " serve " in command:
                os.kill(process, signal.SIGKILL)
        code, rest = ended(running)
    assert (code, left_behind(tmp_path)) == (1, {})
    assert re.search(r"intake ended by itself|was answered 0", rest)


def test_refuses_a_directory_that_is_not_its_own(tmp_path: Path) -> None:
    """Files that no demo made are left alone; two demos do not share a directory."""
    (tmp_path / "diary.txt").write_text("mine")
    with demo(tmp_path) as running:
        code, shown = ended(running)
    assert (code, [path.name for path in tmp_path.iterdir()]) == (1, ["diary.txt"])
    assert "holds files that no demo made" in shown
    with demo(tmp_path / "other") as first:
        read_until(first, "drawing a crowd")
        with demo(tmp_path / "other") as second:
            code, shown = ended(second)
    assert code == 1
    assert "another demo runs" in shown
