"""Voters that vote on a real server as fast as they are answered."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field

from tests.factories import Site, voter_id

CONNECTIONS = 32


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


def logged(site: Site) -> dict[int, int]:
    """Vote -> how often the log holds it, in any video."""
    query = "SELECT voter_id, count(*) FROM votes JOIN voters USING (voter) GROUP BY voter"
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        return {int(voter, 16): count for voter, count in log.execute(query)}
