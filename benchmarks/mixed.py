"""A crowd of connections that vote, retract and look up as fast as they are answered, and remember every answer."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from benchmarks import ids
from data.log.schema import uri
from data.records import BIT_OF, RETRACTION, STANCES

VOTES_IN_TEN = 6
"""Of ten requests so many are votes; one in ten of these takes a vote back."""
VIDEOS_OF_VOTER = 20
LAST_WORDS = """
    SELECT voter_id, video_id, categories FROM votes JOIN voters USING (voter) JOIN videos USING (video)
    ORDER BY position
"""
OTHERS = (
    "/api/videos/{prefix}",
    "/api/videos/{prefix}",
    "/api/videos?videoId={video}",
    "/api/sync/delta?since={since}",
)
SINCE = "1970-01-01T00:00:00.000Z"
Pair = tuple[str, str]


@dataclass(slots=True)
class Crowd:
    """Connections to one server, each with voters of its own: their votes are sent in order, one at a time."""

    port: int
    connections: int
    voters: int
    """Of each connection."""
    videos: int
    seed: int
    """Crowds of different seeds have different voters."""
    statuses: Counter[int] = field(default_factory=Counter)
    words: dict[Pair, int] = field(default_factory=dict)
    """By (voter id, video id): the mask that was last answered 200."""
    pending: dict[int, tuple[Pair, int]] = field(default_factory=dict)
    """By connection: the vote that was sent and not answered."""
    faults: list[str] = field(default_factory=list)
    """Answers that nobody should get."""
    stopped: bool = False

    async def run(self) -> None:
        """Asks until `stop` is called or the server breaks the connections off."""
        await asyncio.gather(*(self._ask(number) for number in range(self.connections)))

    def stop(self) -> None:
        """Asks no more; what was asked is answered."""
        self.stopped = True

    async def _ask(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        try:
            while not self.stopped:
                voter = chance.randrange(self.voters)
                video = ids.video_id((voter * VIDEOS_OF_VOTER + chance.randrange(VIDEOS_OF_VOTER)) % self.videos)
                if chance.randrange(10) < VOTES_IN_TEN:
                    await self._vote(number, (ids.voter_id(self.seed, number, voter), video), chance, reader, writer)
                else:
                    prefix = hashlib.sha256(video.encode()).hexdigest()[:4]
                    path = chance.choice(OTHERS).format(prefix=prefix, video=video, since=SINCE)
                    status = await _exchange(reader, writer, "GET", path, b"")
                    self._count(status, {200, 404}, path)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _vote(
        self, number: int, pair: Pair, chance: random.Random, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        before = self.words.get(pair, RETRACTION)
        said = {"userId": pair[0], "videoId": pair[1]}
        if before and chance.randrange(10) == 0:
            method, mask = "DELETE", RETRACTION
        else:
            name = chance.choice([name for name in STANCES if BIT_OF[name] != before])
            method, mask = "POST", BIT_OF[name]
            said["category"] = name
        self.pending[number] = pair, mask
        status = await _exchange(reader, writer, method, "/api/votes", orjson.dumps(said))
        del self.pending[number]
        if status == 200:
            self.words[pair] = mask
        self._count(status, {200}, method)

    def _count(self, status: int, allowed: set[int], what: str) -> None:
        self.statuses[status] += 1
        if status not in allowed:
            self.faults.append(f"{what} was answered {status}")


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str, body: bytes
) -> int:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode() + body)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
    await reader.readexactly(size)
    return int(head[9:12])


def lost(log: Path, crowds: list[Crowd]) -> list[Pair]:
    """Pairs whose last word in the log is not the one that was last answered, nor one that was sent after it."""
    with closing(sqlite3.connect(uri(log, "ro"), uri=True)) as connection:
        last = {(voter, video): mask for voter, video, mask in connection.execute(LAST_WORDS)}
    answered: dict[Pair, int] = {}
    unanswered: dict[Pair, set[int]] = {}
    for crowd in crowds:
        answered |= crowd.words
        for pair, mask in crowd.pending.values():
            unanswered.setdefault(pair, set()).add(mask)
    found = ((pair, last.get(pair, RETRACTION) in {mask, *unanswered.get(pair, ())}) for pair, mask in answered.items())
    return [pair for pair, there in found if not there]
