"""What may happen to a running server: no answered vote is lost or stored twice, and what to do is told."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.factories import Site, vote, voter_id
from tests.intake.crowd import CONNECTIONS, Crowd, logged
from tests.intake.serving import Server, StartServer

STOPPED_S = 2.5
HOLD_THE_LOG = """
import sqlite3, sys
log = sqlite3.connect(sys.argv[1], isolation_level=None)
log.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def cast(server: Server, number: int, video_id: str = "a") -> tuple[int, dict[str, Any], str]:
    """Casts one vote; gives status, body and Retry-After."""
    body = json.dumps({"videoId": video_id, "userId": voter_id(number), "category": "fully_ai"}).encode()
    request = urllib.request.Request(f"http://localhost:{server.port}/api/votes", body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, json.load(answer), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers["Retry-After"] or ""


def readiness(server: Server) -> tuple[int, str]:
    """Status, and what is wrong with the votes log."""
    try:
        return 200, json.loads(server.get("/health/ready"))["checks"]["votes_log"].get("error", "")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["checks"]["votes_log"].get("error", "")


def assert_refused(server: Server, number: int, *said: str) -> None:
    """A vote is answered 503 with the code of the contract, and readiness says what is wrong and what to do."""
    status, body, retry_after = cast(server, number)
    assert (status, body["error"]["code"], retry_after) == (503, "UNAVAILABLE", "2")
    assert "not" in body["error"]["message"]
    down, error = readiness(server)
    assert down == 503
    for part in said:
        assert part in error


@contextmanager
def voting(server: Server, first: int = 0) -> Iterator[Crowd]:
    """A crowd votes in a thread of its own until the server ends."""
    crowd = Crowd(server.port, first)
    thread = threading.Thread(target=lambda: asyncio.run(crowd.vote()))
    thread.start()
    try:
        wait_until(lambda: len(crowd.answered) > 200)
        yield crowd
    finally:
        server.process.kill()
        thread.join()


def wait_until(true: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Waits for something that must come true."""
    until = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.01)


def assert_answers_are_true(site: Site, crowd: Crowd) -> None:
    """200 is stored, once; 503 is not; nothing else was answered; whoever got no answer was on its way."""
    found = logged(site)
    assert set(crowd.answered.values()) <= {200, 503}
    assert {number for number, status in crowd.answered.items() if status == 200} <= set(found)
    assert not {number for number, status in crowd.answered.items() if status == 503} & set(found)
    assert set(found.values()) <= {1}
    assert crowd.sent - len(crowd.answered) <= CONNECTIONS


def test_a_stopped_server_goes_on(site: Site, start: StartServer) -> None:
    """SIGSTOP under load, SIGCONT some seconds later: every connection gets its answer, no vote is lost or doubled."""
    server = start(min_free_mb=0, vote_timeout_s=30)
    with voting(server) as crowd:
        os.kill(server.process.pid, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        before = len(crowd.answered)
        os.kill(server.process.pid, signal.SIGCONT)
        wait_until(lambda: len(crowd.answered) > before + 10 * CONNECTIONS)

    assert set(crowd.answered.values()) == {200}
    assert_answers_are_true(site, crowd)


def test_a_full_disk_refuses_and_passes(site: Site, start: StartServer) -> None:
    """When the log cannot grow, votes get 503 and readiness says so; with room they go on without a restart."""
    server = start(min_free_mb=0)
    with voting(server) as crowd:
        unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        room = site.home.votes_log.with_name("votes.db-wal").stat().st_size + 200_000
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (room, unlimited[1]))
        wait_until(lambda: 503 in crowd.answered.values())
        assert_refused(server, 1_000_000, "free space on its disk")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
        refused = sum(status == 503 for status in crowd.answered.values())
        wait_until(lambda: cast(server, 1_000_001)[0] == 200)
        stored = sum(status == 200 for status in crowd.answered.values())
        wait_until(lambda: sum(status == 200 for status in crowd.answered.values()) > stored + 200)
        assert readiness(server) == (200, "")

    assert refused
    found = logged(site)
    assert 1_000_001 in found
    assert 1_000_000 not in found
    del found[1_000_001]
    assert_answers_are_true(site, crowd)


def replace(site: Site) -> None:
    """Puts a copy in the log's place."""
    copy = site.home.directory / "copy"
    shutil.copy(site.home.votes_log, copy)
    copy.replace(site.home.votes_log)


MOVES: dict[str, tuple[str, Callable[[Site], object]]] = {
    "deleted": ("is gone", lambda site: site.home.votes_log.unlink()),
    "moved": ("is gone", lambda site: site.home.votes_log.rename(site.home.directory / "elsewhere")),
    "replaced": ("was replaced", replace),
    "without its write-ahead log": (
        "-wal is gone",
        lambda site: site.home.votes_log.with_name("votes.db-wal").unlink(),
    ),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_log_that_is_moved_away_takes_no_votes(site: Site, start: StartServer, move: str) -> None:
    """What would be written to a file that nobody finds again is refused, and readiness says what happened."""
    server = start(min_free_mb=0)
    assert cast(server, 1)[0] == 200
    said, act = MOVES[move]
    act(site)

    assert_refused(server, 2, said, "below the running server: put it back, or restart the server")
    assert cast(server, 3)[0] == 503
    server.process.kill()


def test_a_log_that_comes_back_takes_votes_again(site: Site, start: StartServer) -> None:
    """Moved away and back: votes go on without a restart, and the refused ones are not in it."""
    server = start(min_free_mb=0)
    assert cast(server, 1)[0] == 200
    away = site.home.directory / "elsewhere"
    site.home.votes_log.rename(away)
    assert_refused(server, 2, "is gone")
    away.rename(site.home.votes_log)
    assert cast(server, 3)[0] == 200
    assert readiness(server) == (200, "")
    assert server.end(signal.SIGTERM)[0] == 0

    assert set(logged(site)) == {1, 3}


def test_a_log_held_by_another_process_is_waited_for(site: Site, start: StartServer) -> None:
    """While another process holds the log votes get 503 in time; when it lets go they go on, and none was stored."""
    server = start(min_free_mb=0, vote_timeout_s=0.3)
    command = [sys.executable, "-c", HOLD_THE_LOG, str(site.home.votes_log)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert_refused(server, 1, "another process holds it; votes go on by themselves")
        holder.kill()
    assert cast(server, 2)[0] == 200
    assert readiness(server) == (200, "")

    assert set(logged(site)) == {2}


def test_a_damaged_page_is_told(site: Site, start: StartServer) -> None:
    """Votes and look-ups that meet a damaged page get 503, and readiness says that a backup is to be restored."""
    site.cast(*(vote(number, f"v{number}", "fully_ai") for number in range(400)))
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = [page for (page,) in log.execute("SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'votes'") if page]
    server = start(min_free_mb=0)
    with site.home.votes_log.open("r+b") as file:
        for page in pages:
            file.seek(4096 * (page - 1))
            file.write(random.Random(page).randbytes(4096))

    assert_refused(server, 1, "stop the server, then `realtube restore --replace` with the newest backup")
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.get("/api/videos?videoId=v7")
    assert refused.value.code == 503
    assert json.load(refused.value)["error"]["code"] == "UNAVAILABLE"
    server.process.kill()


@pytest.mark.parametrize("damage", ["cut", "noise"])
def test_a_damaged_write_ahead_log_loses_its_end_only(site: Site, start: StartServer, damage: str) -> None:
    """After a kill and damage in the write-ahead log the server starts with all commits before it, and goes on."""
    server = start(min_free_mb=0)
    with voting(server):
        pass
    wal = site.home.votes_log.with_name("votes.db-wal")
    body = wal.read_bytes()
    place = len(body) * 2 // 3
    wal.write_bytes(body[:place] + (random.Random(1).randbytes(len(body) - place) if damage == "noise" else b""))
    before = logged(site)
    again = start(min_free_mb=0)
    assert cast(again, 1_000_000)[0] == 200
    assert again.end(signal.SIGTERM) == (0, "")

    assert set(logged(site)) == {*before, 1_000_000}
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        assert log.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        positions = [row[0] for row in log.execute("SELECT position FROM votes ORDER BY position")]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) > 20
