"""Group commit: one thread appends the votes of many requests, and answers each once its commit is durable."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from data.log.append import Appender
from data.records import RETRACTION, Rejection, Vote
from intake.live import Newest, scores

logger = logging.getLogger(__name__)

LOCK_TRY_MS = 250
"""How long one try to get the write lock waits; between two tries, votes whose time is up leave the queue."""
CHECKPOINT_PAGES = 8_000
"""Write-ahead log pages (4 KiB) between two checkpoints: each one costs two more flushes of the disk."""
CACHE_KIB = 65_536
"""Page cache of the writing connection."""

FAILURES_OF_THE_LOG = (sqlite3.OperationalError,)
"""Disk full, locked, input or output failed: the next transaction may succeed."""

FULL = Rejection("UNAVAILABLE", "too many votes are waiting to be stored; try again in a moment")
CLOSING = Rejection("UNAVAILABLE", "the server is stopping; try again in a moment")
LATE = Rejection("UNAVAILABLE", "the votes log was busy for too long and the vote was not stored; try again")
UNSTORED = Rejection("UNAVAILABLE", "the vote could not be stored; try again in a moment")
BROKEN = Rejection("INTERNAL_ERROR", "the vote could not be stored because of a fault in this server")


@dataclass(frozen=True, slots=True)
class Cast:
    """A durable vote."""

    changed: bool
    """False when the voter's last word already said this, and when a retraction found nothing to take back."""
    score: int
    """0-100, the video's provisional score after it; 0 after a retraction."""
    trust: float
    """0-1, how far the voter is trusted; 0 after a retraction."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why votes could not be stored."""

    reason: str
    """Empty when they could."""
    at_ms: int
    """When the newest of them was cast."""


NO_FAILURE = Failure("", 0)


@dataclass(eq=False, slots=True)
class Ticket:
    """A vote on its way. Whoever takes `claim` decides its fate: the writer stores it, or its request gives it up."""

    vote: Vote
    claim: threading.Lock = field(default_factory=threading.Lock)
    done: threading.Lock = field(default_factory=threading.Lock)
    """Held until `outcome` is final."""
    outcome: Cast | Rejection = UNSTORED


class Writer:
    """The only writer of the votes log in this process.

    A vote is answered exactly once: as stored after its commit, or as not stored and then it never will be.
    """

    def __init__(
        self, connection: sqlite3.Connection, newest: Newest, *, queue_size: int, batch_size: int, vote_timeout_s: float
    ) -> None:
        """Takes over a connection of `schema.open_for_append`; call `start` next.

        Args:
            connection: Used by the writing thread only from now on; `close` closes it.
            newest: The reliabilities for provisional scores.
            queue_size: Votes that may be without an answer at once.
            batch_size: Votes in one commit at most.
            vote_timeout_s: How long a vote may wait until a transaction takes it.
        """
        self._connection = connection
        connection.execute(f"PRAGMA busy_timeout = {LOCK_TRY_MS}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._appender = Appender(connection)
        self._newest = newest
        self._batch_size = batch_size
        self._vote_timeout_s = vote_timeout_s
        self._queue_size = queue_size
        self._queue: SimpleQueue[Ticket | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._waiting = 0
        self._accepting = True
        self._thread = threading.Thread(target=self._run, name="votes-log-writer", daemon=True)
        self.failure = NO_FAILURE
        """What went wrong with the newest transaction."""

    def start(self) -> None:
        """Starts the writing thread."""
        self._thread.start()

    def cast(self, vote: Vote) -> Cast | Rejection:
        """Stores a vote and waits until it is durable.

        Returns:
            What became of it; a rejection means that the log does not hold the vote and never will.
        """
        ticket = Ticket(vote)
        ticket.done.acquire()
        with self._gate:
            if not self._accepting:
                return CLOSING
            if self._waiting >= self._queue_size:
                return FULL
            self._waiting += 1
            self._queue.put(ticket)
        try:
            if not ticket.done.acquire(timeout=self._vote_timeout_s):
                if ticket.claim.acquire(blocking=False):
                    return LATE
                ticket.done.acquire()  # a transaction holds it: its end is the answer
            return ticket.outcome
        finally:
            with self._gate:
                self._waiting -= 1

    def running(self) -> bool:
        """Whether votes can be stored at all."""
        return self._thread.is_alive() and self._accepting

    def close(self) -> None:
        """Takes no more votes, stores those that wait, then closes the connection; a second call does nothing."""
        with self._gate:
            if not self._accepting:
                return
            self._accepting = False
            self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (ticket := self._queue.get()) is not None:
            batch: list[Ticket] = []
            try:
                self._commit(ticket, batch)
            finally:
                for taken in batch:
                    taken.done.release()

    def _commit(self, first: Ticket, batch: list[Ticket]) -> None:
        """Stores the first ticket and those behind it; afterwards `batch` has all that it decided, with outcomes."""
        while not first.claim.locked():
            try:
                with self._appender.transaction():
                    batch.extend(self._take(first))
                    outcomes = self._append(batch)
            except FAILURES_OF_THE_LOG as error:
                if not batch and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    continue  # waiting votes leave by themselves when their time is up
                batch.extend([] if batch else self._take(first))
                self._failed(error, batch)
                return
            except Exception:
                logger.exception("a batch of %d votes failed; each is tried alone", len(batch))
                self._commit_each(batch)
                return
            self.failure = NO_FAILURE
            for ticket, outcome in zip(batch, outcomes, strict=True):
                ticket.outcome = outcome

    def _commit_each(self, batch: list[Ticket]) -> None:
        for ticket in batch:
            try:
                with self._appender.transaction():
                    outcomes = self._append([ticket])
                ticket.outcome = outcomes[0]
            except FAILURES_OF_THE_LOG as error:
                self._failed(error, [ticket])
            except Exception:
                logger.exception("a vote failed")
                ticket.outcome = BROKEN

    def _take(self, first: Ticket) -> list[Ticket]:
        """Claims the first ticket and those behind it, up to a batch; given up ones are left out."""
        taken = [first] if first.claim.acquire(blocking=False) else []
        with contextlib.suppress(Empty):
            while len(taken) < self._batch_size:
                ticket = self._queue.get_nowait()
                if ticket is None:
                    self._queue.put(None)  # the end, for `_run` to find
                    break
                if ticket.claim.acquire(blocking=False):
                    taken.append(ticket)
        return taken

    def _append(self, batch: list[Ticket]) -> list[Cast]:
        appended = [self._appender.cast(ticket.vote) for ticket in batch]
        counted = [done for done, ticket in zip(appended, batch, strict=True) if ticket.vote.categories != RETRACTION]
        if not counted:
            return [Cast(done.position is not None, 0, 0.0) for done in appended]
        found = scores(self._connection, self._newest, {c.video for c in counted}, {c.voter for c in counted})
        return [
            Cast(done.position is not None, found.of_video.get(done.video, 0), found.of_voter.get(done.voter, 0.0))
            for done in appended
        ]

    def _failed(self, error: sqlite3.Error, batch: list[Ticket]) -> None:
        reason = f"{type(error).__name__}: {error}"
        if reason != self.failure.reason:
            logger.error("votes cannot be stored: %s", reason)
        self.failure = Failure(reason, max((ticket.vote.cast_at_ms for ticket in batch), default=self.failure.at_ms))
