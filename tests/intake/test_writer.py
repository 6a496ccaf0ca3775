"""The writer answers every vote exactly once: as durable, or as never stored; and goes on whatever happened."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from queue import SimpleQueue

import pytest

from data.log import schema
from data.log.append import Appended, Appender
from data.records import Rejection, Vote
from intake.live import Newest
from intake.writer import BROKEN, CLOSING, FULL, LATE, UNSTORED, Cast, Erasure, Outcome, Writer
from tests.factories import LOG_ID, START_MS, Site, vote, voter_id

HOLD_THE_LOG = """
import sqlite3, sys
log = sqlite3.connect(sys.argv[1], isolation_level=None)
log.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
OpenWriter = Callable[..., Writer]


class Answers:
    """Collects what votes are answered, and complains when one is answered twice."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._given: SimpleQueue[int] = SimpleQueue()
        self._lock = threading.Lock()

    def of(self, number: int) -> Callable[[Outcome], None]:
        """Where the answer to a vote is to be given."""

        def answer(outcome: Outcome) -> None:
            with self._lock:
                assert number not in self.outcomes, f"vote {number} was answered twice"
                self.outcomes[number] = outcome
            self._given.put(number)

        return answer

    def wait_for(self, count: int) -> list[Outcome]:
        """The next outcomes, in the order of the votes' numbers."""
        return [self.outcomes[number] for number in sorted(self._given.get(timeout=20) for _ in range(count))]


@pytest.fixture
def answers() -> Answers:
    """Nothing answered yet."""
    return Answers()


@pytest.fixture
def open_writer(site: Site) -> Iterator[OpenWriter]:
    """Starts a writer on the site's log."""
    with ExitStack() as stack:

        def opened(prepare: Callable[[sqlite3.Connection], object] = lambda _: None, **changed: object) -> Writer:
            connection = schema.open_for_append(site.home.votes_log)
            prepare(connection)
            chosen = {"queue_size": 256, "batch_size": 64, "vote_timeout_s": 5.0, "clock_s": time.monotonic} | changed
            newest = Newest(site.home.standing, LOG_ID, lambda: START_MS)
            writer = stack.enter_context(closing(Writer(connection, newest, **chosen)))  # type: ignore[arg-type]
            writer.start()
            return writer

        yield opened


@contextmanager
def held(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    """Another process is inside a transaction that writes."""
    command = [sys.executable, "-c", HOLD_THE_LOG, str(site.home.votes_log)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def logged(site: Site) -> int:
    """How many votes the log holds."""
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        return int(log.execute("SELECT count(*) FROM votes").fetchone()[0])


def test_eight_times_the_same_vote_at_once_counts_once(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """Eight threads hand the same vote in together: all are answered alike, one is stored."""
    writer, start = open_writer(), threading.Barrier(8)

    def submit(number: int) -> None:
        start.wait()
        writer.submit(vote(1, "a", "fully_ai"), answers.of(number))

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    outcomes = answers.wait_for(8)
    for thread in threads:
        thread.join()

    assert {outcome.score for outcome in outcomes if isinstance(outcome, Cast)} == {18}
    assert sorted(outcome.changed for outcome in outcomes if isinstance(outcome, Cast)) == [False] * 7 + [True]
    assert logged(site) == 1


def test_an_answer_comes_after_the_commit(site: Site, open_writer: OpenWriter) -> None:
    """When a vote is answered, another connection sees it."""
    writer, seen = open_writer(), SimpleQueue[int]()
    for number in range(20):
        writer.submit(vote(number, "a", "fully_ai"), lambda _: seen.put(logged(site)))
    counts = [seen.get(timeout=20) for _ in range(20)]

    assert all(count >= place for place, count in enumerate(counts, 1))


def test_every_commit_is_flushed(open_writer: OpenWriter) -> None:
    """The writer's connection keeps the settings that make a commit survive a power cut."""
    connections: list[sqlite3.Connection] = []
    open_writer(connections.append)
    (connection,) = connections

    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_rush_shares_commits(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """Votes that come while a commit runs go into the next one together."""
    writer = open_writer(vote_timeout_s=30)
    with held(site):
        for number in range(200):
            writer.submit(vote(number, f"v{number % 9}", "fully_ai"), answers.of(number))
    answers.wait_for(200)

    with closing(sqlite3.connect(site.home.votes_log)) as log:
        frames = log.execute("PRAGMA wal_checkpoint").fetchone()[1]
    assert logged(site) == 200
    assert frames < 200, "two hundred commits would have written more pages than that"


def test_a_full_queue_refuses_at_once(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """One vote more than may wait is refused immediately, and never stored; the waiting ones are stored later."""
    writer = open_writer(queue_size=16, vote_timeout_s=30)
    with held(site):
        for number in range(16):
            writer.submit(vote(number, "a", "fully_ai"), answers.of(number))
        started = time.monotonic()
        writer.submit(vote(99, "a", "fully_ai"), answers.of(99))
        assert time.monotonic() - started < 0.1
        assert answers.wait_for(1) == [FULL]
    assert all(isinstance(outcome, Cast) for outcome in answers.wait_for(16))
    writer.submit(vote(99, "a", "fully_ai"), answers.of(100))

    assert isinstance(answers.wait_for(1)[0], Cast)
    assert logged(site) == 17


def test_a_log_held_too_long_is_answered_in_time(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """While another process holds the log, stopped even, votes are refused when their time is up, and never stored."""
    writer = open_writer(vote_timeout_s=0.5)
    with held(site) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        started = time.monotonic()
        for number in range(3):
            writer.submit(vote(number, "a", "fully_ai"), answers.of(number))
        assert answers.wait_for(3) == [LATE] * 3
        assert 0.4 < time.monotonic() - started < 2
        os.kill(holder.pid, signal.SIGCONT)
    writer.submit(vote(7, "a", "fully_ai"), answers.of(7))

    assert isinstance(answers.wait_for(1)[0], Cast)
    assert logged(site) == 1


def test_a_full_disk_refuses_and_passes(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """When a commit fails, its whole batch is refused and none of it stored; when there is room again, votes go on."""
    connections: list[sqlite3.Connection] = []
    writer = open_writer(connections.append)
    (connection,) = connections
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    numbers = range(300)
    stored_before_full: list[int] = []
    for number in numbers:
        writer.submit(Vote(START_MS, f"{number:064x}", f"v{number}", 1), answers.of(number))
        outcome = answers.wait_for(1)[0]
        if isinstance(outcome, Rejection):
            assert outcome == UNSTORED
            break
        stored_before_full.append(number)
    assert "full" in writer.failure.reason
    assert logged(site) == len(stored_before_full) < 300
    connection.execute("PRAGMA max_page_count = 1000000")
    writer.submit(vote(1, "later", "fully_ai"), answers.of(1000))

    assert isinstance(answers.wait_for(1)[0], Cast)
    assert writer.failure.reason == ""
    assert logged(site) == len(stored_before_full) + 1


def test_a_log_that_became_read_only_refuses_and_passes(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """When SQLite may not write, votes are refused and the reason says what to do; when it may again, they go on."""
    connections: list[sqlite3.Connection] = []
    writer = open_writer(connections.append)
    (connection,) = connections
    connection.execute("PRAGMA query_only = ON")
    writer.submit(vote(1, "a", "fully_ai"), answers.of(1))
    assert answers.wait_for(1) == [UNSTORED]
    assert writer.failure.reason.endswith("make the log and its directory writable for this server")
    connection.execute("PRAGMA query_only = OFF")
    writer.submit(vote(2, "a", "fully_ai"), answers.of(2))

    assert isinstance(answers.wait_for(1)[0], Cast)
    assert logged(site) == 1


def test_one_broken_vote_never_loses_the_others(
    site: Site, open_writer: OpenWriter, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vote that cannot be stored for a fault of its own is answered so; the others of its batch are stored."""
    cast_all = Appender.cast_all

    def faulty(self: Appender, votes: Sequence[Vote]) -> list[Appended]:
        if any(one.video_id == "broken" for one in votes):
            raise sqlite3.IntegrityError("CHECK constraint failed: votes")
        return cast_all(self, votes)

    monkeypatch.setattr(Appender, "cast_all", faulty)
    writer = open_writer(vote_timeout_s=30)
    with held(site):
        for number in range(9):
            writer.submit(vote(number, "broken" if number == 4 else "good", "fully_ai"), answers.of(number))
    outcomes = answers.wait_for(9)

    assert outcomes[4] == BROKEN
    assert all(isinstance(outcome, Cast) for place, outcome in enumerate(outcomes) if place != 4)
    assert logged(site) == 8


def test_close_stores_what_waits_and_refuses_what_comes(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """Closing drains the queue; a vote that comes later is refused; a second close does nothing."""
    writer = open_writer(vote_timeout_s=30)
    with held(site):
        for number in range(40):
            writer.submit(vote(number, "a", "fully_ai"), answers.of(number))
        closing_thread = threading.Thread(target=writer.close)
        closing_thread.start()
        while writer.running():
            time.sleep(0.01)
        writer.submit(vote(99, "a", "fully_ai"), answers.of(99))
        assert answers.wait_for(1) == [CLOSING]
    closing_thread.join()
    writer.close()

    assert all(isinstance(outcome, Cast) for outcome in answers.wait_for(40))
    assert logged(site) == 40


def test_votes_behind_a_hanging_flush_are_refused_by_whoever_comes(
    open_writer: OpenWriter, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the writing thread hangs, a newcomer finds those whose time is up and answers them."""
    hang, release, now = threading.Event(), threading.Event(), [0.0]
    cast_all = Appender.cast_all

    def hanging(self: Appender, votes: Sequence[Vote]) -> list[Appended]:
        hang.set()
        release.wait(20)
        return cast_all(self, votes)

    monkeypatch.setattr(Appender, "cast_all", hanging)
    writer = open_writer(clock_s=lambda: now[0])
    writer.submit(vote(1, "a", "fully_ai"), answers.of(1))
    assert hang.wait(20)
    writer.submit(vote(2, "a", "fully_ai"), answers.of(2))
    now[0] = 5.1
    writer.submit(vote(3, "a", "fully_ai"), answers.of(3))
    assert answers.wait_for(1) == [LATE]
    assert set(answers.outcomes) == {2}
    release.set()

    assert all(isinstance(outcome, Cast) for outcome in answers.wait_for(2))
    assert set(answers.outcomes) == {1, 2, 3}


def test_a_batch_takes_no_more_than_its_size(open_writer: OpenWriter, answers: Answers, site: Site) -> None:
    """The rest of a long queue goes into further batches, none is left behind."""
    writer = open_writer(batch_size=3, vote_timeout_s=30)
    with held(site):
        for number in range(10):
            writer.submit(vote(number, "a", "fully_ai"), answers.of(number))

    assert all(isinstance(outcome, Cast) for outcome in answers.wait_for(10))
    assert logged(site) == 10


def test_an_erasure_takes_back_what_came_before_it(site: Site, open_writer: OpenWriter, answers: Answers) -> None:
    """Between votes of one rush an erasure keeps its place: earlier ones are taken back, later ones stand."""
    writer = open_writer(vote_timeout_s=30)
    with held(site):
        for number, video_id in enumerate("ab"):
            writer.submit(vote(1, video_id, "fully_ai"), answers.of(number))
        writer.submit(vote(2, "a", "fully_ai"), answers.of(2))
        writer.submit(Erasure(START_MS, voter_id(1), ""), answers.of(3))
        writer.submit(vote(1, "c", "fully_ai"), answers.of(4))
        writer.submit(Erasure(START_MS, voter_id(9), ""), answers.of(5))
    outcomes = answers.wait_for(6)

    assert outcomes[3] == Cast(True, 0, 0.0, 2)
    assert outcomes[5] == Cast(False, 0, 0.0, 0)
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        rows = log.execute("SELECT voter, video, categories FROM votes ORDER BY position").fetchall()
    assert rows == [(1, 1, 1), (1, 2, 1), (2, 1, 1), (1, 1, 0), (1, 2, 0), (1, 3, 1)]
