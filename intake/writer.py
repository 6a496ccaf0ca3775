"""Group commit: one thread appends the votes of many requests, and answers each once its commit is durable."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.log.append import Appender
from data.log.place import LogMoved, Place, told
from data.log.replies import Reply
from data.records import RETRACTION, Rejection, Vote
from intake.live import Newest, scores
from intake.once import carry_out_once
from intake.watch.commits import Commits

logger = logging.getLogger(__name__)

LOCK_TRY_MS = 250
"""How long one try to get the write lock waits; between two tries, votes whose time is up are answered."""
GATHER_S = 0.005
"""In a rush, a vote waits at most this long for others to share its commit."""
CHECKPOINT_PAGES = 8_000
"""Write-ahead log pages (4 KiB) between two checkpoints: each one costs two more flushes of the disk."""
CACHE_KIB = 65_536
"""Page cache of the writing connection."""

FULL = Rejection("UNAVAILABLE", "too many votes are waiting to be stored; try again in a moment")
CLOSING = Rejection("UNAVAILABLE", "the server is stopping; try again in a moment")
LATE = Rejection("UNAVAILABLE", "the votes log was busy for too long and the vote was not stored; try again")
UNSTORED = Rejection("UNAVAILABLE", "the vote could not be stored; try again in a moment")
BROKEN = Rejection("INTERNAL_ERROR", "the vote could not be stored because of a fault in this server")


@dataclass(frozen=True, slots=True)
class Cast(Reply):
    """A durable vote, retraction or erasure.

    `changed` is false when the voter's last word already said this, and when there was nothing to take back. `score`
    is the video's provisional score after it, 0-100, and `trust` how far the voter is trusted, 0-1; both are 0 when
    something was taken back.
    """

    retracted: int = 0
    """Of an erasure: how many standing votes were taken back."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A voter takes back everything."""

    cast_at_ms: int
    voter_id: str
    network: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why votes could not be stored."""

    reason: str
    """Empty when they could."""
    at_ms: int
    """When the newest of them was cast."""


NO_FAILURE = Failure("", 0)
Outcome = Reply | Rejection


@dataclass(frozen=True, slots=True)
class Ticket:
    """A vote or an erasure on its way. Whoever takes it out of the queue answers it, exactly once."""

    vote: Vote | Erasure
    answer: Callable[[Outcome], None]
    deadline_s: float
    """When it is no use storing it any more, on the writer's clock."""
    name: bytes = b""
    """Of a request that must be carried out once, however often it comes; else empty."""

    @property
    def at_ms(self) -> int:
        """When it came."""
        return self.vote.cast_at_ms


class Writer:
    """The only writer of the votes log in this process.

    A vote is answered exactly once: as stored after its commit, or as not stored and then it never will be.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        newest: Newest,
        *,
        queue_size: int,
        batch_size: int,
        vote_timeout_s: float,
        clock_s: Callable[[], float],
        place: Place | None = None,
        deliver: Callable[[Callable[[], None]], object] = lambda answer: answer(),
    ) -> None:
        """Takes over a connection of `schema.open_for_append`; call `start` next.

        Args:
            connection: Used by the writing thread only from now on; `close` closes it.
            newest: The reliabilities for provisional scores.
            queue_size: Votes that may be without an answer at once.
            batch_size: Votes in one commit at most.
            vote_timeout_s: How long a vote may wait until a transaction takes it.
            clock_s: Never goes back; seconds.
            place: Where the log was opened; None: nobody can move it.
            deliver: Runs a function that gives the answers of a batch, where answers are to be given.
        """
        connection.execute(f"PRAGMA busy_timeout = {LOCK_TRY_MS}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._connection, self._appender = connection, Appender(connection)
        self._newest, self._clock_s, self._place, self._deliver = newest, clock_s, place, deliver
        self._queue_size, self._batch_size, self._vote_timeout_s = queue_size, batch_size, vote_timeout_s
        self._gate = threading.Condition(threading.Lock())
        self._queue: deque[Ticket] = deque()
        self._unanswered = 0
        self._company = 1
        """How many votes the writing thread waits for."""
        self._accepting = True
        self._thread = threading.Thread(target=self._run, name="votes-log-writer", daemon=True)
        self.commits = Commits()
        """What was stored."""
        self.failure = NO_FAILURE
        """What went wrong with the newest transaction."""

    def start(self) -> None:
        """Starts the writing thread."""
        self._thread.start()

    def submit(self, vote: Vote | Erasure, answer: Callable[[Outcome], None], name: bytes = b"") -> None:
        """Takes a vote, or an erasure, to be stored.

        Args:
            vote: What to store.
            answer: Called exactly once: at once when the vote cannot be taken, else through `deliver`. A rejection
                means that the log does not hold the vote and never will.
            name: Of a request that must be carried out once, however often it comes (`replies.name`); else empty.
        """
        now_s = self._clock_s()
        with self._gate:
            late = self._expired(now_s)  # here too: the writing thread may hang in a flush of the disk
            refusal = None if self._accepting else CLOSING
            if refusal is None and self._unanswered >= self._queue_size:
                refusal = FULL
            if refusal is None:
                self._unanswered += 1
                self._queue.append(Ticket(vote, answer, now_s + self._vote_timeout_s, name))
                if len(self._queue) >= self._company:
                    self._gate.notify()
        if late:
            self._settle(late, [LATE] * len(late))
        if refusal:
            answer(refusal)

    @property
    def waiting(self) -> int:
        """Votes that are not answered yet."""
        return self._unanswered

    def running(self) -> bool:
        """Whether votes can be stored at all."""
        return self._thread.is_alive() and self._accepting

    def close(self) -> None:
        """Takes no more votes, stores those that wait, then closes the connection; a second call does nothing."""
        with self._gate:
            if not self._accepting:
                return
            self._accepting = False
            self._gate.notify()
        if self._thread.ident is not None:
            self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while self._await_votes():
            self._commit()

    def _await_votes(self) -> bool:
        """Waits for votes; in a rush a little longer, for as many as came last time: they share one commit."""
        with self._gate:
            company, self._company = self._company, 1
            while not self._queue and self._accepting:
                self._gate.wait()
            self._company = company
            if len(self._queue) < company and self._accepting:
                self._gate.wait(GATHER_S)
            return bool(self._queue)

    def _commit(self) -> None:
        batch: list[Ticket] = []
        try:
            self._check_place()
            with self._appender.transaction():
                batch, began_s = self._take(), self._clock_s()
                outcomes: Sequence[Outcome] = self._append(batch)
            self._check_place()
            self.failure = NO_FAILURE
            self._count(batch, outcomes, began_s)
        except sqlite3.IntegrityError:
            logger.exception("a batch of %d votes holds one that the log refuses; each is tried alone", len(batch))
            outcomes = self._one_by_one(batch)
        except sqlite3.DatabaseError as error:  # locked, full, damaged: the next batch may be stored
            if not batch and error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                batch = self._take_expired()
                outcomes = [LATE] * len(batch)
                if batch:
                    self._failed(error, batch)
            else:
                batch = batch or self._take()
                outcomes = self._failed(error, batch)
        except LogMoved as error:
            batch = batch or self._take()
            outcomes = self._failed(error, batch)
        except Exception:
            logger.exception("a batch of %d votes failed; each is tried alone", len(batch))
            outcomes = self._one_by_one(batch)
        self._settle(batch, outcomes)

    def _one_by_one(self, batch: list[Ticket]) -> list[Outcome]:
        """After a vote that cannot be stored, or a fault of ours: the others must not suffer."""
        return [self._commit_alone(ticket) for ticket in batch]

    def _commit_alone(self, ticket: Ticket) -> Outcome:
        try:
            with self._appender.transaction():
                began_s = self._clock_s()
                outcomes = self._append([ticket])
            self._check_place()
            self._count([ticket], outcomes, began_s)
            return outcomes[0]
        except sqlite3.IntegrityError:
            logger.exception("a vote was refused by the log")
            return BROKEN
        except (sqlite3.DatabaseError, LogMoved) as error:
            return self._failed(error, [ticket])[0]
        except Exception:
            logger.exception("a vote failed")
            return BROKEN

    def _take(self) -> list[Ticket]:
        """Takes the votes of one commit; an erasure, which may append very many, has one of its own."""
        taken: list[Ticket] = []
        with self._gate:
            while self._queue and len(taken) < self._batch_size:
                alone = isinstance(self._queue[0].vote, Erasure)
                if alone and taken:
                    break
                taken.append(self._queue.popleft())
                if alone:
                    break
            self._company = max(1, len(taken))
        return taken

    def _take_expired(self) -> list[Ticket]:
        now_s = self._clock_s()
        with self._gate:
            return self._expired(now_s)

    def _expired(self, now_s: float) -> list[Ticket]:
        """Takes the votes whose time is up out of the queue; call it with the gate held."""
        late = []
        while self._queue and self._queue[0].deadline_s <= now_s:
            late.append(self._queue.popleft())
        return late

    def _append(self, batch: list[Ticket]) -> Sequence[Reply]:
        if any(ticket.name for ticket in batch):
            return carry_out_once(self._connection, batch, self._append_now)
        return self._append_now(batch)

    def _append_now(self, batch: Sequence[Ticket]) -> Sequence[Reply]:
        if batch and isinstance(batch[0].vote, Erasure):
            return [self._erase(ticket.vote) for ticket in batch if isinstance(ticket.vote, Erasure)]
        votes = [ticket.vote for ticket in batch if isinstance(ticket.vote, Vote)]
        appended = self._appender.cast_all(votes)
        counted = [done for done, vote in zip(appended, votes, strict=True) if vote.categories != RETRACTION]
        if not counted:
            return [Cast(done.position is not None, 0, 0.0) for done in appended]
        found = scores(self._connection, self._newest, [(done.video, done.voter) for done in counted])
        return [
            Cast(done.position is not None, found.told(done.video, done.voter), found.of_voter.get(done.voter, 0.0))
            for done in appended
        ]

    def _erase(self, erasure: Erasure) -> Cast:
        retracted = self._appender.retract_all(erasure.voter_id, cast_at_ms=erasure.cast_at_ms, network=erasure.network)
        return Cast(retracted > 0, 0, 0.0, retracted)

    def _check_place(self) -> None:
        if self._place is not None:
            self._place.check()

    def _count(self, batch: Sequence[Ticket], outcomes: Sequence[Outcome], began_s: float) -> None:
        """Counts what is durable; an outcome that several tickets share happened once."""
        told = {id(outcome): (ticket.vote, outcome) for ticket, outcome in zip(batch, outcomes, strict=True)}
        masks = [
            vote.categories
            for vote, outcome in told.values()
            if isinstance(vote, Vote) and isinstance(outcome, Cast) and outcome.changed
        ]
        self.commits.stored(len(batch), masks, self._clock_s() - began_s)

    def _failed(self, error: sqlite3.Error | LogMoved, batch: list[Ticket]) -> list[Rejection]:
        reason = told(error) if isinstance(error, sqlite3.Error) else str(error)
        if reason != self.failure.reason:
            logger.error("votes cannot be stored: %s", reason)
        self.failure = Failure(reason, max((ticket.at_ms for ticket in batch), default=self.failure.at_ms))
        return [UNSTORED] * len(batch)

    def _settle(self, batch: Sequence[Ticket], outcomes: Sequence[Outcome]) -> None:
        if not batch:
            return
        with self._gate:
            self._unanswered -= len(batch)

        def answer() -> None:
            for ticket, outcome in zip(batch, outcomes, strict=True):
                ticket.answer(outcome)

        self._deliver(answer)
