"""The real server loses no answered vote, however it ends."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field

from tests.factories import Site, voter_id
from tests.intake.serving import Server, StartServer

CONNECTIONS = 32
KILLS = 20


@dataclass
class Crowd:
    """Voters that vote as fast as they are answered, each vote once."""

    port: int
    first: int
    """Number of the first vote; each has its own voter."""
    answered: dict[int, int] = field(default_factory=dict)
    """Vote -> HTTP status."""
    sent: int = 0

    async def vote(self) -> None:
        """Votes on all connections until they are cut off."""
        await asyncio.gather(*(self._connection() for _ in range(CONNECTIONS)))

    async def _connection(self) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        try:
            while True:
                number, self.sent = self.first + self.sent, self.sent + 1
                body = json.dumps({"videoId": f"v{number % 97}", "userId": voter_id(number), "category": "fully_ai"})
                head = f"POST /api/votes HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write((head + body).encode())
                answer = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")
                )
                await reader.readexactly(length)
                self.answered[number] = int(answer[9:12])
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def vote_until_killed(server: Server, crowd: Crowd, after_s: float) -> None:
    """Votes, and kills the server meanwhile."""
    voting = asyncio.create_task(crowd.vote())
    while not crowd.answered and not voting.done():
        await asyncio.sleep(0.005)
    await asyncio.sleep(after_s)
    server.process.kill()
    await voting


def logged(site: Site) -> dict[int, int]:
    """Vote -> how often the log holds it, in any video."""
    query = "SELECT voter_id, count(*) FROM votes JOIN voters USING (voter) GROUP BY voter"
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        return {int(voter, 16): count for voter, count in log.execute(query)}


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
