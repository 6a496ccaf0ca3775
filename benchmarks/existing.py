"""What clients of the HTTP interface wait for: `/api/sync/full` and `/api/sync/delta` of a large published set.

The intake's own application answers from published files, without sockets: what is timed is the server's work.
"""

from __future__ import annotations

import gzip
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from flask.testing import FlaskClient

from benchmarks.report import Row
from benchmarks.site import Site
from benchmarks.tick import START_MS, TICK_MS, Crowd, crowd_of
from data.formats.tree import HEAD, epoch_of, is_shard
from data.home import home_of
from intake.settings import IntakeSettings
from intake.wsgi import compose
from publisher.scoring.channel_scores import no_channels
from publisher.scoring.verdicts import VerdictTable
from publisher.stores.memory import MemoryStore
from publisher.sync import compat
from publisher.sync import epoch as epochs
from publisher.sync.published import load

ROWS, CHANGED = 200_000, 1_000
RUNS = 30
PART = "extension"
EVER = "1970-01-01T00:00:00.000Z"
RESULT = re.compile(rb'"videoId":"([^"]+)","score":(\d+),"categories":\{"')
"""A video with at least one category, as the server writes it."""
Known = Mapping[str, int]
"""Video id -> score."""


@dataclass(frozen=True, slots=True)
class Found:
    """Milliseconds of answers, and what they lacked."""

    full_ms: float
    """A full synchronisation, as most clients get it."""
    full_first_ms: float
    """The same for the first one to ask after a tick: the body is made."""
    delta_ms: float
    delta_first_ms: float
    same_ms: float
    """One who has it already: 304."""
    full_bytes: int
    delta_bytes: int
    wrong: int
    """Rows that are missing, too many, or have another score, in both full answers and after the deltas."""


class _Clock:
    """An answer, and how long it took."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def ask(self, path: str, tag: str = "") -> tuple[Any, float]:
        """One GET; milliseconds."""
        headers = {"Accept-Encoding": "gzip"} | ({"If-None-Match": tag} if tag else {})
        begun = time.perf_counter()
        answer = self._client.get(path, headers=headers)
        return answer, 1000 * (time.perf_counter() - begun)

    def middle(self, path: str, tag: str = "") -> float:
        """The middle one of some."""
        return statistics.median(self.ask(path, tag)[1] for _ in range(RUNS))


def measure(rows: int, changed: int, on_step: Callable[[str], None] = lambda _: None) -> Found:
    """Publishes two ticks, and asks for them in each way.

    Args:
        rows: How many rows are published.
        changed: How many of them the second tick changes.
        on_step: Called with what begins.

    Raises:
        CommandFailed: A home could not be made.
    """
    with tempfile.TemporaryDirectory(prefix="realtube-existing-") as directory:
        site, public = Site(Path(directory) / "home"), Path(directory) / "tree"
        site.realtube("init")
        on_step(f"publishing {rows:,} rows")
        store = MemoryStore()
        crowd = crowd_of(rows, store)
        first = _first(crowd, rows)
        _write(store, public)
        settings = IntakeSettings(min_free_mb=0, store=str(public), rate_limits="off")
        with closing(compose(home_of({"REALTUBE_HOME": str(site.home)}), settings)) as intake:
            clock = _Clock(intake.app.test_client())
            on_step("asking for everything")
            before, _ = clock.ask("/api/sync/full")
            second = _second(crowd, changed)
            _write(store, public)
            since = _body(before).rpartition(b'"generatedAt":"')[2].removesuffix(b'"}').decode()
            on_step("asking for changes")
            delta, delta_first = clock.ask(path := f"/api/sync/delta?since={since}")
            after, full_first = clock.ask("/api/sync/full")
            ever, _ = clock.ask(f"/api/sync/delta?since={EVER}")
            held = _applied(_held(before), delta)
            wrong = _differences(_held(before), first) + _differences(_held(after), second)
            wrong += _differences(held, second) + _differences(_held(ever), second)
            return Found(
                full_ms=clock.middle("/api/sync/full"),
                full_first_ms=full_first,
                delta_ms=clock.middle(path),
                delta_first_ms=delta_first,
                same_ms=clock.middle("/api/sync/full", after.headers["ETag"]),
                full_bytes=len(after.data),
                delta_bytes=len(delta.data),
                wrong=wrong,
            )


def rows(*, full: bool, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measures, and sets the figures beside their goals.

    Args:
        full: Ask for ten times as many rows; nothing is promised for those.
        on_step: Called with what begins.
    """
    report = []
    for count in (ROWS, 10 * ROWS) if full else (ROWS,):
        found = measure(count, CHANGED, on_step)
        what, bound = f"{count:,} rows", 50.0 if count == ROWS else None
        most = bound and 2 * bound

        def took(name: str, ms: float, size: int = 0) -> Row:
            note = f"{size / 1000:,.0f} kB of gzip" if size else ""
            return Row(PART, f"{what}: {name}", ms, "ms", bound, most, "<=", note)  # noqa: B023

        report += [
            took("full", found.full_ms, found.full_bytes),
            took(f"delta of {CHANGED:,} changes", found.delta_ms, found.delta_bytes),
            Row(PART, f"{what}: the tick's first delta", found.delta_first_ms, "ms", bound, bound and 5 * bound, "<="),
            took("nothing new (304)", found.same_ms),
            Row(PART, f"{what}: the tick's first full", found.full_first_ms, "ms", note="its body is made then"),
            Row(PART, f"{what}: wrong or missing in any answer", found.wrong, "", 0, 0, "<="),
        ]
    return report


def _first(crowd: Crowd, rows: int) -> Known:
    table = crowd.verdicts(rows)
    epoch = epochs.first(epoch_of(START_MS), table, no_channels(), crowd.names, START_MS)
    crowd.publish(epoch, table, np.arange(1, rows + 1, dtype=np.int32), crowd.facts(1, START_MS))
    return _known(crowd, table)


def _second(crowd: Crowd, changed: int) -> Known:
    now_ms = START_MS + TICK_MS
    previous = load(crowd.store, crowd.store.read(HEAD) or b"", crowd.names)
    table, some = crowd.changed(previous.table, changed, now_ms)
    crowd.publish(epochs.current(previous), table, some, crowd.facts(2, now_ms, previous))
    return _known(crowd, table)


def _known(crowd: Crowd, table: VerdictTable) -> Known:
    keys, _ = table.rows(crowd.names.ids)
    keys = keys[compat.shown(table, keys)]
    return dict(zip(map(bytes.decode, crowd.names.ids[keys].tolist()), table.score[keys].tolist(), strict=True))


def _write(store: MemoryStore, public: Path) -> None:
    """Puts a tree into a directory, the head last; its shards, which nobody asks for here, are left out."""
    for key, body in sorted(store.objects.items(), key=lambda entry: entry[0] == HEAD):
        path = public / key
        if not is_shard(key) and (key == HEAD or not path.exists()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name("new").write_bytes(body)
            path.with_name("new").rename(path)


def _body(answer: Any) -> bytes:
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["ETag"]
    return gzip.decompress(answer.data)


def _held(answer: Any) -> dict[str, int]:
    """What a client has after a full answer, or the first delta ever: it takes nothing without categories."""
    return {found[1].decode(): int(found[2]) for found in RESULT.finditer(_body(answer))}


def _applied(held: dict[str, int], answer: Any) -> dict[str, int]:
    for change in orjson.loads(_body(answer))["videos"]:
        if change["action"] == "remove":
            held.pop(change["videoId"], None)
        elif change["categories"]:
            held[change["videoId"]] = change["score"]
    return held


def _differences(held: Known, expected: Known) -> int:
    return 0 if held == expected else len(set(held.items()) ^ set(expected.items()))
