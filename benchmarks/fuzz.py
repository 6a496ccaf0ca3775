"""Fuzzes the Python client: `python -m benchmarks.fuzz SEED SYNCS` runs one seed again.

Random histories, clients at random ticks, origins that lose, cut, confuse and damage what they send, or are behind.
Whatever happens, a client holds a tick as it was published; a sync that fails leaves every byte of what was held; a
sync from a sound origin arrives at the newest tick.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.histories import Tick, known_key
from benchmarks.report import Row
from benchmarks.tales import Tale, tell
from clients.errors import ClientError, Missing, Refused, TooLarge, Unreachable
from clients.held import STATE_FILE, read_held
from clients.reference import SyncReport, sync
from data.formats import signed
from data.formats.tree import HEAD, canonical, sha256

TICKS, CLIENTS = 60, 10
SYNCS_A_SEED = 500
SYNCS, FULL_SYNCS = 10_000, 1_000_000
MOST_REQUESTS = 5
"""Of a sync from a sound origin, roots and kill lists left out (formats, section 9)."""
FAULTS = ("lost", "missing", "cut", "flipped", "swapped", "longer", "another server's", "behind")
MEMORY = Path("/dev/shm")
"""A system's folder in memory; a folder of our own is made in it."""


class Wrong(AssertionError):
    """A client held what it must not hold; the message has the seed."""


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


@dataclass
class Origin:
    """A tree in memory, behind whatever goes wrong."""

    tale: Tale
    place: int
    """Which tick is its newest."""
    chance: Random
    rate: float = 0.0
    """How often an answer is not the right one."""
    head: bytes | None = None
    """Instead of the tick's."""
    where: str = "memory"
    requests: int = 0
    received_bytes: int = 0

    def keys(self) -> Iterator[str] | None:
        """None: it does not list."""
        return None

    def get(self, key: str, *, limit_bytes: int, prefix_bytes: int | None = None, fresh: bool = False) -> bytes:
        """Read one file, or its beginning; see `clients.source.Source.get`."""
        self.requests += 1
        body = self._body(key, fresh=fresh)
        if prefix_bytes is not None:
            body = body[:prefix_bytes]
        elif len(body) > limit_bytes:
            raise TooLarge(key, "too large")
        self.received_bytes += len(body)
        return body

    def _body(self, key: str, *, fresh: bool) -> bytes:
        objects, chance = self.tale.history.objects, self.chance
        body = (self.head or self.tale.ticks[self.place].text) if key == HEAD else objects.get(key)
        fault = chance.choice(FAULTS) if chance.random() < self.rate else ""
        if body is None or fault == "missing":
            raise Missing(key, "not there")
        if fault == "lost":
            raise Unreachable(key, "lost")
        if key == HEAD and fault == "swapped":
            fault = "another server's"  # among the commits are ones of later ticks
        if fault == "behind" and not fresh:
            return self.tale.ticks[chance.randint(0, self.place)].text if key == HEAD else b""
        return _spoilt(fault, body, objects, chance)


def _spoilt(fault: str, body: bytes, objects: dict[str, bytes], chance: Random) -> bytes:
    if fault == "cut":
        return body[: chance.randrange(len(body) + 1)]
    if fault == "flipped" and body:
        flipped = bytearray(body)
        flipped[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
        return bytes(flipped)
    if fault == "swapped":
        return objects[chance.choice(list(objects))]
    if fault == "longer":
        return body + chance.randbytes(chance.randint(1, 200))
    return b"<html>\n<p>Log in\n" if fault == "another server's" else body


@dataclass
class Fuzz:
    """One seed: a history, and clients that follow it as it grows."""

    seed: int
    directory: Path
    tale: Tale = field(init=False)
    chance: Random = field(init=False)
    places: dict[bytes, int] = field(init=False)
    root: str = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    """How syncs ended."""

    def __post_init__(self) -> None:
        """Tells the history."""
        self.tale, self.chance = tell(self.seed, TICKS), Random(self.seed)
        self.places = {tick.stand.payload: place for place, tick in enumerate(self.tale.ticks)}
        self.root = sha256(self.tale.history.objects["v1/root/1.json"])

    def run(self, syncs: int) -> Counter[str]:
        """Syncs so often; the history grows to its end meanwhile.

        Raises:
            Wrong: A client held what it must not hold.
        """
        for step in range(syncs):
            try:
                self._step(1 + step * (TICKS - 1) // syncs)
            except Exception as error:
                told = f"seed {self.seed}, sync {step}: {type(error).__name__}: {error}"
                raise Wrong(f"{told}; again: python -m benchmarks.fuzz {self.seed} {syncs}") from error
        return self.counts

    def _step(self, now: int) -> None:
        dest = self.directory / str(self.chance.randrange(CLIENTS))
        if self.chance.random() < 0.03:
            shutil.rmtree(dest, ignore_errors=True)
        state = dest / STATE_FILE
        before = state.read_bytes() if state.exists() else None
        held = self._place_of(before) if before else None
        if before and self.chance.random() < 0.02:
            before = _damaged(before, self.chance)
            state.write_bytes(before)
        sound = self.chance.random() < 0.4
        origins = self._origins(now, held, sound=sound)
        now_ms = self.tale.ticks[now].stand.head.ts + self.chance.choice((-1, 1)) * self.chance.randrange(10**11)
        try:
            report = sync(origins[0], dest, self.root, mirrors=origins[1:], now_ms=now_ms)
        except ClientError as error:
            _require(not sound, f"a sound origin was not followed: {error}")
            _require((state.read_bytes() if state.exists() else None) == before, "a failure changed what is held")
            self.counts[error.code if isinstance(error, Refused) else type(error).__name__] += 1
            return
        place = self._check(dest, report, now_ms)
        _require(held is None or place >= held, f"went back from {held} to {place}")
        if sound:
            _require(place == now, f"arrived at {place}, the newest is {now}")
            if len(origins) == 1 and not self._misled(held, place):
                few = report.requests - self._extra(held, place) <= MOST_REQUESTS
                _require(few, f"too many GETs: {report}")
        for word in report.how.split("+"):
            self.counts[word] += 1

    def _origins(self, now: int, held: int | None, *, sound: bool) -> list[Origin]:
        """The origins of one sync: a sound one that is up to date, or ones that are neither."""
        chance = self.chance
        mirrors = [Origin(self.tale, chance.randint(0, now), chance) for _ in range(chance.choice((0, 0, 1, 2)))]
        if sound:
            return [Origin(self.tale, now, chance), *mirrors]
        first = Origin(self.tale, now if chance.random() < 0.7 else chance.randint(0, now), chance)
        for origin in (first, *mirrors):
            origin.rate = chance.choice((0.05, 0.3, 0.8))
        if held is not None and chance.random() < 0.1:
            first.head = _other_version(self.tale.ticks[held])
        return [first, *mirrors]

    def _place_of(self, state: bytes) -> int:
        head: str = json.loads(state.split(b"\n", 1)[0])["head"]
        return self.places[head.split("\n", maxsplit=1)[0].encode()]

    def _check(self, dest: Path, report: SyncReport, now_ms: int) -> int:
        """Compare what is held with what was published, and say which tick it is."""
        held = read_held(dest)
        if held is None or held.rows is None:
            raise Wrong("no rows are held")
        place = self.places[held.head.signed.payload]
        tick, rows = self.tale.ticks[place], held.rows.now.pick(held.rows.now.alive)
        found, wanted = np.argsort(rows.ids), np.argsort(tick.rows.ids)
        for name in ("ids", "scores", "flags"):
            same = np.array_equal(getattr(rows, name)[found], getattr(tick.rows, name)[wanted])
            _require(same, f"other {name} than tick {tick.seq} published")
        killed = frozenset(one.decode() for one in held.kill.ids.tolist()) if held.kill else frozenset()
        _require(killed == tick.killed, "another kill list")
        _require((report.seq, report.state) == (tick.seq, tick.stand.head.state), "the report is of another tick")
        _require(report.stale == (tick.stand.head.exp < now_ms), "wrong about being stale")
        return place

    def _misled(self, held: int | None, place: int) -> bool:
        """Whether ticks between were given up: who comes from there may ask for a commit in vain."""
        return held is not None and held <= max(self.tale.given_up) < place

    def _extra(self, held: int | None, place: int) -> int:
        """How many roots and kill lists are new."""
        then, now = self.tale.ticks[held].stand.head if held is not None else None, self.tale.ticks[place].stand.head
        return now.gen - (then.gen if then else 0) + (now.kill is not None and (then is None or then.kill != now.kill))


def _other_version(tick: Tick) -> bytes:
    """The same tick, signed once more with another payload."""
    payload = json.loads(tick.stand.payload) | {"note": "another version"}
    return signed.sign(canonical(payload), signed.HEAD_CONTEXT, [known_key(8 + tick.stand.head.gen)])


def _damaged(state: bytes, chance: Random) -> bytes:
    """One bit of the rows on disk; the lines before them stay."""
    header = len(b"\n".join(state.split(b"\n", 2)[:2])) + 1
    place = chance.randrange(header, len(state)) if len(state) > header else header - 1
    return state[:place] + bytes([state[place] ^ 1 << chance.randrange(8)]) + state[place + 1 :]


def run_seed(seed: int, syncs: int = SYNCS_A_SEED) -> Counter[str]:
    """Runs one seed in a folder of its own, in memory where the system has that.

    Raises:
        Wrong: A client held what it must not hold.
    """
    with tempfile.TemporaryDirectory(prefix="realtube-fuzz-", dir=MEMORY if MEMORY.is_dir() else None) as directory:
        return Fuzz(seed, Path(directory)).run(syncs)


def run(seeds: Sequence[int], *, on_step: Callable[[str], None] = lambda _: None) -> Counter[str]:
    """Runs seeds on all processors.

    Raises:
        Wrong: A client held what it must not hold.
    """
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        for done, found in enumerate(pool.map(run_seed, seeds), start=1):
            counts += found
            on_step(f"fuzzing, {done * SYNCS_A_SEED:,} of {len(seeds) * SYNCS_A_SEED:,} syncs")
    return counts


def rows(*, on_step: Callable[[str], None], full: bool = False) -> list[Row]:
    """The figure as a row of the report."""
    syncs = FULL_SYNCS if full else SYNCS
    try:
        run(range(syncs // SYNCS_A_SEED), on_step=on_step)
        wrong, note = 0, ""
    except Wrong as error:
        wrong, note = 1, str(error)
    return [Row("client", f"wrong or lost states in {syncs:,} fuzzed syncs", wrong, "", 0, 0, "<=", note)]


if __name__ == "__main__":
    for word, count in run_seed(int(sys.argv[1]), int(sys.argv[2])).most_common():
        print(f"{count:8} {word}")
