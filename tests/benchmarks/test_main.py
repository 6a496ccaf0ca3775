"""`make bench` as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson

PROJECT = Path(__file__).resolve().parents[2]


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One run, with a given directory of real judgements or none."""
    others = {name: text for name, text in os.environ.items() if name != "REALTUBE_CROWD_DIR"}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=PROJECT,
        env=others | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_says_what_was_not_run() -> None:
    """Without a directory of real judgements the row says how to give one, and nothing fails."""
    done = bench("--only", "crowd")
    assert done.returncode == 0, done.stderr
    assert "not run: set REALTUBE_CROWD_DIR" in done.stdout


def test_a_part_that_fails_fails_the_run(tmp_path: Path) -> None:
    """The reason is printed, the other rows too, and the exit code is 1."""
    done = bench("--only", "crowd", "--json", REALTUBE_CROWD_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "rte in" in done.stderr
    assert orjson.loads(done.stdout)["note"] == "failed, see above"


def test_knows_its_parts() -> None:
    """An unknown part is a usage error that names the known ones."""
    done = bench("--only", "weather")
    assert done.returncode == 2
    assert "publishing" in done.stderr
