"""The JavaScript client in a browser's worker: how fast, and in how much memory, a base becomes rows."""

from __future__ import annotations

import base64
import hashlib
import json
import statistics
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Error, Page, sync_playwright

from benchmarks.report import Row
from benchmarks.tree_server import serve_tree

PROJECT = Path(__file__).parents[1]
ROWS, FULL_ROWS = 1_000_000, 4_000_000
RUNS = 5
KNOWN, UNKNOWN = 15, 15
"""Ids of one lookup: about a page of videos."""
RICE_K = 12
"""About what suits a million ids: 2^32 ÷ 10^6 is a little more than 2^12."""
START = """async ([source, message]) => {
    const url = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
    window.worker = new Worker(url, {type: 'module'});
    return await new Promise((resolve, reject) => {
        window.worker.onmessage = ({data}) => resolve(data);
        window.worker.onerror = (event) => reject(new Error(event.message));
        window.worker.postMessage(message);
    });
}"""
TIMEOUT_MS = 60_000


def random_base(n: int, directory: Path) -> dict[str, Any]:
    """Write a base of random rows as `p1` and `p2`, in the form of docs/formats.md, section 6.

    Args:
        n: how many rows, all with integer ids.
        directory: where to put the files.

    Returns:
        What a head would say of it (`epoch`, `seq`, `n`, `state`), and `known`: some of its ids.
    """
    rng = np.random.default_rng(1)
    values = np.unique(rng.integers(0, 2**64, size=n, dtype=np.uint64))
    scores = rng.integers(20, 101, size=len(values), dtype=np.uint8)
    flags = (1 << rng.integers(0, 5, size=len(values))).astype(np.uint8)
    rows = np.rec.fromarrays([values.astype(">u8"), scores, flags])
    counts = len(values).to_bytes(8, "big"), bytes(8)
    state = hashlib.sha256(b"realtube/state/1\n" + counts[0] + rows.tobytes() + counts[1]).hexdigest()
    sections = [_ascending(values >> np.uint64(32)), _column(scores), _column(flags), b""]
    head = {"epoch": "2024-10-04", "seq": 1, "n": len(values), "state": state}
    line = head | {"v": 1, "others": 0, "sections": [len(section) for section in sections]}
    text = json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
    (directory / "p1").write_bytes(b"".join([text, b"\n", *sections]))
    (directory / "p2").write_bytes((values & np.uint64(2**32 - 1)).astype("<u4").tobytes())
    known = [base64.urlsafe_b64encode(int(value).to_bytes(8, "big")).decode()[:11] for value in values[:: n // KNOWN]]
    return head | {"known": known[:KNOWN]}


def _ascending(numbers: NDArray[np.uint64]) -> bytes:
    gaps = np.diff(numbers, prepend=np.uint64(0))
    ends = np.cumsum((gaps >> np.uint64(RICE_K)) + np.uint64(1)) - np.uint64(1)
    unary = np.zeros(int(ends[-1]) + 1, dtype=np.uint8)
    unary[ends] = 1
    shifts = np.arange(RICE_K - 1, -1, -1, dtype=np.uint64)
    low = ((gaps[:, None] >> shifts) & np.uint64(1)).astype(np.uint8)
    high = np.packbits(unary).tobytes()
    return bytes([RICE_K]) + _varint(len(high)) + high + np.packbits(low.ravel()).tobytes()


def _varint(number: int) -> bytes:
    return bytes([number & 127 | 128]) + _varint(number >> 7) if number > 127 else bytes([number])


def _column(values: NDArray[np.uint8]) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return deflater.compress(values.tobytes()) + deflater.flush()


@contextmanager
def open_page(url: str) -> Iterator[Page]:
    """A page of Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(url)
        yield page
        browser.close()


def measure(n: int, runs: int = RUNS, *, on_step: Callable[[str], None] = lambda _: None) -> dict[str, float]:
    """Load a base of random rows, each time in a fresh worker.

    Args:
        n: how many rows.
        runs: how often.
        on_step: called with what begins.

    Returns:
        Medians: milliseconds of `decode` (from the two parts in memory to rows), `check` (their hash), `lookup` (of 30
        ids), `write` and `read` (IndexedDB); bytes `resident` (the typed arrays that stay).
    """
    with TemporaryDirectory() as directory:
        on_step(f"making {n:,} rows")
        expected = random_base(n, Path(directory))
        ids = [*expected.pop("known"), *(f"{number:010d}A" for number in range(UNKNOWN))]
        with (
            serve_tree(directory) as files,
            serve_tree(PROJECT / "clients/js") as modules,
            open_page(f"{modules.url}/package.json") as page,
        ):
            source = (PROJECT / "benchmarks/browser_worker.js").read_text()
            message = {"modules": modules.url, "files": files.url, "expected": expected, "ids": ids}
            found: list[dict[str, float]] = []
            for run in range(runs):
                on_step(f"loading {n:,} rows, {run + 1} of {runs}")
                told = page.evaluate(START, [source, message])
                if told["found"] != KNOWN:
                    raise Error(f"found {told['found']} of {KNOWN} ids")
                found.append(told["took"] | {"resident": told["resident"]})
                page.evaluate("() => window.worker.terminate()")
    return {name: statistics.median(run[name] for run in found) for name in found[0]}


def rows(*, on_step: Callable[[str], None], full: bool = False) -> list[Row]:
    """The figures as rows of the report."""
    report: list[Row] = []
    for n in (ROWS, FULL_ROWS) if full else (ROWS,):
        took = measure(n, on_step=on_step)
        bound, part, what = n / ROWS, "browser", f"{n / 1e6:g} M rows in a worker"
        load = took["decode"] + took["check"]
        report += [
            Row(part, f"{what}: decoded", took["decode"], "ms", sense="<="),
            Row(part, f"{what}: decoded and verified", load, "ms", 150 * bound, 600 * bound, "<="),
            Row(part, f"{what}: resident arrays", took["resident"] / 1e6, "MB", 12 * bound, 12 * bound, "<="),
            Row(part, f"{what}: lookup of 30 ids", took["lookup"], "ms", 0.1, 1, "<="),
            Row(part, f"{what}: written to IndexedDB", took["write"], "ms", sense="<="),
            Row(part, f"{what}: read from IndexedDB", took["read"], "ms", sense="<="),
        ]
    return report
