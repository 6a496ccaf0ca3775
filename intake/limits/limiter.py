"""Counts who asks how often: in memory, so that a request waits for no disk, and ten times a second into the file."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable

from intake.limits.quotas import LONGEST_S, Quota
from intake.limits.rule import Allowance, Rate, allowed, refused
from intake.limits.sheet import KEY_BYTES, Sheet
from intake.network import address_unit

logger = logging.getLogger(__name__)

FLUSH_S = 0.1
"""Between two writes; so much of what was spent a killed process forgets."""
SWEEP_S = 60.0
"""Between two removals of rows that limit nobody any more."""
DAY_S = 86_400
NAME_BYTES = 16
MOST_KNOWN = 100_000
"""Names in memory at most; then the half that has spent least is forgotten."""
LEAST_PRUNED = 1_000

Spender = tuple[str, Rate, bytes]
"""Voter, address or network; their rate; their name."""


class Limiter:
    """Decides, from any thread, and never waits for the disk but on the first request of a day."""

    def __init__(self, sheet: Sheet, draw: Callable[[int], bytes], clock_s: Callable[[], float]) -> None:
        """Takes over the file; call `start`, or `flush` now and then.

        Args:
            sheet: The file.
            draw: Gives that many random bytes, should the file not keep a key.
            clock_s: Unix seconds: other processes and the next start must agree on it.
        """
        self._sheet, self._draw, self._clock_s = sheet, draw, clock_s
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._full_at: dict[bytes, float] = {}
        self._unwritten: dict[bytes, float] = {}
        """By name: seconds that were spent and are not in the file yet."""
        self._keys = -1, b"", b""
        """A day since 1970, its key, and the key of the day before."""
        self._prune_at = LEAST_PRUNED
        self._swept_s = 0.0
        self._failing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="limits", daemon=True)
        self.refused: Counter[tuple[str, str]] = Counter()
        """Refused requests, by the quota's name and who had spent it."""
        self.flush()

    def start(self) -> None:
        """Starts the thread that writes."""
        self._thread.start()

    def close(self) -> None:
        """Writes what was spent, and closes the file."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.flush()
        self._sheet.close()

    def known(self) -> int:
        """How many names are in memory."""
        return len(self._full_at)

    def ask(self, quota: Quota, address: str, voter_id: str = "") -> Allowance:
        """Spends one request, or says when to come back; a refused request spends nothing.

        Args:
            quota: What is asked for.
            address: Who asks; what is no address shares one quota.
            voter_id: Whose vote it is, empty when there is none.
        """
        now_s = self._clock_s()
        day, into_day_s = divmod(now_s, DAY_S)
        key, key_before = self._keys_of(int(day))
        spenders = _spenders(quota, address, voter_id, key)
        before = _spenders(quota, address, voter_id, key_before) if into_day_s < LONGEST_S else ()
        aheads: list[float] = []
        with self._lock:
            known = self._full_at.get
            for _, rate, name in spenders:
                aheads.append(rate.ahead_s(known(name, 0.0), now_s))
            for place, (_, rate, name) in enumerate(before):
                aheads[place] = max(aheads[place], rate.ahead_s(known(name, 0.0), now_s))
            for (per, rate, _), ahead_s in zip(spenders, aheads, strict=True):
                if ahead_s > rate.furthest_s:
                    self.refused[quota.name, per] += 1
                    return refused(rate, ahead_s)
            for (_, rate, name), ahead_s in zip(spenders, aheads, strict=True):
                self._full_at[name] = now_s + ahead_s + rate.step_s
                self._unwritten[name] = self._unwritten.get(name, 0.0) + rate.step_s
            if len(self._full_at) >= self._prune_at:
                self._prune(now_s)
        rate = spenders[0][1]
        return allowed(rate, aheads[0] + rate.step_s)

    def flush(self) -> None:
        """Writes what was spent, and takes over what other processes have."""
        with self._writing:
            now_s = self._clock_s()
            with self._lock:
                taken, self._unwritten = self._unwritten, {}
                more = {name: (self._full_at[name] - added, added) for name, added in taken.items()}
            try:
                changed = self._sheet.spend(more)
                if now_s >= self._swept_s + SWEEP_S:
                    self._swept_s = now_s
                    self._sheet.sweep(now_s)
                self._failing = False
            except sqlite3.Error as error:
                self._put_back(taken)
                if not self._failing:
                    logger.warning("what was spent of the limits cannot be written, going on in memory: %s", error)
                self._failing = True
                return
            with self._lock:
                for name, full_at in changed.items():
                    known = self._full_at.get(name, 0.0)
                    self._full_at[name] = max(known, full_at + self._unwritten.get(name, 0.0))
                if len(self._full_at) >= self._prune_at:
                    self._prune(now_s)

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_S):
            self.flush()

    def _keys_of(self, day: int) -> tuple[bytes, bytes]:
        """The keys of a day and of the one before."""
        known = self._keys
        if known[0] == day:
            return known[1], known[2]
        with self._writing:
            try:
                before, key = self._sheet.key(day - 1), self._sheet.key(day)
            except sqlite3.Error as error:
                logger.warning("the key of the limits cannot be kept, a restart begins anew: %s", error)
                before, key = self._draw(KEY_BYTES), self._draw(KEY_BYTES)
            self._keys = day, key, before
        return key, before

    def _put_back(self, taken: dict[bytes, float]) -> None:
        with self._lock:
            for name, added_s in taken.items():
                if name in self._full_at:
                    self._unwritten[name] = self._unwritten.get(name, 0.0) + added_s

    def _prune(self, now_s: float) -> None:
        """Forgets whom nothing limits any more, and of too many those who have spent least."""
        left = {name: full_at for name, full_at in self._full_at.items() if full_at > now_s}
        if len(left) > MOST_KNOWN // 2:
            most = sorted(left, key=left.__getitem__, reverse=True)[: MOST_KNOWN // 2]
            left = {name: left[name] for name in most}
        self._full_at = left
        self._unwritten = {name: added_s for name, added_s in self._unwritten.items() if name in left}
        self._prune_at = max(LEAST_PRUNED, 2 * len(left))


def _spenders(quota: Quota, address: str, voter_id: str, key: bytes) -> list[Spender]:
    unit, block = address_unit(address)
    found = [
        ("address", quota.address, _name(key, b"%s address %s" % (quota.place, unit))),
        ("network", quota.network, _name(key, b"%s network %s" % (quota.place, block))),
    ]
    if quota.voter and voter_id:
        return [("voter", quota.voter, _name(key, f"{quota.name} voter {voter_id}".encode())), *found]
    return found


def _name(key: bytes, text: bytes) -> bytes:
    return hashlib.blake2b(text, key=key, digest_size=NAME_BYTES).digest()
