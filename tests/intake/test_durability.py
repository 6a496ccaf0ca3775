"""The real server loses no answered vote, however it ends."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from contextlib import closing

from tests.factories import Site
from tests.intake.crowd import CONNECTIONS, Crowd, logged
from tests.intake.serving import Server, StartServer

KILLS = 20


async def vote_until_killed(server: Server, crowd: Crowd, after_s: float) -> None:
    """Votes, and kills the server meanwhile."""
    voting = asyncio.create_task(crowd.vote())
    while not crowd.answered and not voting.done():
        await asyncio.sleep(0.005)
    await asyncio.sleep(after_s)
    server.process.kill()
    await voting


def test_no_answered_vote_is_ever_lost(site: Site, start: StartServer) -> None:
    """Killed twenty times at random moments under 32 voting connections: every answered vote is in the log, none twice.

    Each start finds the log as the kill left it, and takes votes at once.
    """
    chance, answered, sent = random.Random(20261121), 0, 0
    known: dict[int, int] = {}
    for _ in range(KILLS):
        server, crowd = start(), Crowd(0, sent)
        crowd.port = server.port
        asyncio.run(vote_until_killed(server, crowd, chance.uniform(0.0, 0.4)))
        assert server.process.wait(10) == -signal.SIGKILL
        assert set(crowd.answered.values()) == {200}
        found = logged(site)
        assert set(crowd.answered) <= set(found)
        assert set(known) <= set(found) <= set(range(sent + crowd.sent))
        assert set(found.values()) == {1}
        known, answered, sent = found, answered + len(crowd.answered), sent + crowd.sent
    assert answered > KILLS * CONNECTIONS
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        assert log.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        positions = [row[0] for row in log.execute("SELECT position FROM votes ORDER BY position")]
    assert positions == list(range(1, len(positions) + 1))


def test_sigterm_answers_what_was_asked_and_exits_0(site: Site, start: StartServer) -> None:
    """SIGTERM under load: every vote that was read is answered, answered means stored, nothing is left behind."""
    server = start()
    crowd = Crowd(server.port, 0)

    async def vote_and_stop() -> None:
        voting = asyncio.create_task(crowd.vote())
        while len(crowd.answered) < 200 and not voting.done():
            await asyncio.sleep(0.005)
        server.get("/health/ready")
        server.process.terminate()
        await voting

    asyncio.run(vote_and_stop())
    _, said = server.process.communicate(timeout=30)

    assert (server.process.returncode, said) == (0, "")
    assert set(crowd.answered.values()) <= {200, 503}
    found = logged(site)
    assert {number for number, status in crowd.answered.items() if status == 200} <= set(found)
    assert not {number for number, status in crowd.answered.items() if status == 503} & set(found)
    assert crowd.sent - len(crowd.answered) <= CONNECTIONS
    assert not site.home.votes_log.with_name("votes.db-wal").exists()
