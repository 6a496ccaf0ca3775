"""Answers to look-ups by hash prefix, kept until something under their prefix changes.

Working an answer out reads all votes about its videos. Most look-ups ask again for what was asked before, and of a
hash's 65 536 first four digits a vote changes one.
"""

from __future__ import annotations

import threading
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from intake.answers import tag_of

MOST_BYTES = 64_000_000
"""Kept answers take no more memory than that; every prefix of a million videos finds its place."""
ENTRY_BYTES = 500
"""What an answer takes besides its body."""
LONGEST_S = 60.0
"""So long an answer is kept at most: holds lapse by time alone."""
BUCKETS = 1 << 16
"""One for each first four digits of a hash."""
LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Moment:
    """What an answer rests on; taken before the votes are read."""

    version: int
    """Of the bucket: counts changes."""
    generation: int
    """Of what answers rest on besides votes."""
    until_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """An answer that was worked out."""

    packed: bytes
    """Its body, compressed; empty when nothing was found."""
    tag: str
    moment: Moment

    def body(self) -> bytes:
        """The body as it was."""
        return zlib.decompress(self.packed)


class Kept:
    """Kept answers; safe to use from any thread."""

    def __init__(self, clock_s: Callable[[], float], most_bytes: int = MOST_BYTES) -> None:
        """Takes a clock that never goes back, in seconds, and how much memory the answers may take."""
        self._clock_s, self._most_bytes = clock_s, most_bytes
        self._lock = threading.Lock()
        self._versions = array("Q", bytes(8 * BUCKETS))
        self._seen = 0
        """Position up to which changes are counted in the versions."""
        self._holds: object = None
        self._generation = 0
        self._found: OrderedDict[str, Found] = OrderedDict()
        self._bytes = 0
        self.hits = 0
        """Answers that were known."""
        self.misses = 0
        """Answers that were worked out."""

    def behind(self, position: int) -> int | None:
        """After which position changes are to be told, None when they are known up to this one."""
        with self._lock:
            return None if position <= self._seen else self._seen

    def changed(self, buckets: Iterable[int], position: int) -> None:
        """Something about these videos has changed.

        Args:
            buckets: First 16 bits of the videos' hashes.
            position: Up to here all changes are told now.
        """
        with self._lock:
            for bucket in buckets:
                self._versions[bucket] += 1
            self._seen = max(self._seen, position)  # another thread may have told of more meanwhile

    def forget(self, position: int) -> None:
        """Too much has changed to tell it apart; all is told up to this position now."""
        with self._lock:
            self._found.clear()
            self._bytes, self._seen = 0, max(self._seen, position)
            for bucket in range(BUCKETS):
                self._versions[bucket] += 1  # an answer that is being worked out must not be kept either

    def moment(self, bucket: int, holds: object) -> Moment:
        """What an answer will rest on that is worked out from now on.

        Args:
            bucket: First 16 bits of the hashes.
            holds: What it rests on besides votes, the reliabilities: with another object it no longer holds.
        """
        with self._lock:
            self._rest_on(holds)
            return Moment(self._versions[bucket], self._generation, self._clock_s() + LONGEST_S)

    def known(self, key: str, bucket: int, holds: object) -> Found | None:
        """The answer to a look-up, None when there is none that still holds; see `moment`."""
        with self._lock:
            self._rest_on(holds)
            found = self._found.get(key)
            if found is None:
                return None
            moment = found.moment
            rests_on = self._versions[bucket], self._generation
            if (moment.version, moment.generation) == rests_on and self._clock_s() < moment.until_s:
                self._found.move_to_end(key)
                self.hits += 1
                return found
            self._drop(key)
            return None

    def keep(self, key: str, body: bytes, moment: Moment) -> Found:
        """Keeps an answer and gives it; the ones that were asked for least lately make room.

        Args:
            key: The look-up.
            body: The answer's, empty when nothing was found.
            moment: Was taken before the votes were read.
        """
        found = Found(zlib.compress(body, 1) if body else b"", tag_of(body), moment)
        with self._lock:
            self.misses += 1
            if len(key) > LONGEST_KEY:
                return found
            if key in self._found:
                self._drop(key)
            self._found[key] = found
            self._bytes += ENTRY_BYTES + len(found.packed)
            while self._bytes > self._most_bytes:
                self._drop(next(iter(self._found)))
        return found

    def _rest_on(self, holds: object) -> None:
        if holds is not self._holds:  # only the newest is remembered: each may hold arrays of all voters
            self._holds, self._generation = holds, self._generation + 1

    def _drop(self, key: str) -> None:
        self._bytes -= ENTRY_BYTES + len(self._found.pop(key).packed)
