"""Puts load on a server with wrk, and reads what it found."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ProcessFailed

CONNECTIONS = 32
LATENCY = re.compile(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
UNIT_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk found in one round."""

    per_second: float
    p50_ms: float
    p99_ms: float


def load(url: str, seconds: int, script: Path | None = None) -> Load:
    """Asks as fast as it is answered.

    Args:
        url: Asked for, unless the script asks for something else.
        seconds: How long.
        script: Lua that makes the requests.

    Raises:
        ProcessFailed: wrk is missing, or a request was not answered with 200.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise ProcessFailed("wrk is not there: install it (Debian: apt-get install wrk)")
    command = [wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s", "--latency"]
    command += ["--script", str(script)] if script else []
    said = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 60, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise ProcessFailed(f"not every request was answered with 200:\n{said}")
    return parsed(said)


def parsed(said: str) -> Load:
    """Reads what wrk printed.

    Raises:
        ProcessFailed: It lacks a figure.
    """
    rate = re.search(r"^Requests/sec:\s+([\d.]+)$", said, re.MULTILINE)
    latency = {share: (float(figure), unit) for share, figure, unit in LATENCY.findall(said)}
    if rate is None or not {"50", "99"} <= set(latency):
        raise ProcessFailed(f"wrk printed something else than expected:\n{said}")
    p50_ms, p99_ms = (latency[share][0] * UNIT_MS[latency[share][1]] for share in ("50", "99"))
    return Load(float(rate[1]), p50_ms, p99_ms)
