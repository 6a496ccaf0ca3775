"""Small real sites for tests: a home with keys and a votes log, a store, and a clock that the test holds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.formats.tree import HEAD
from data.home import Home
from data.log import schema
from data.log.append import Appender, Decision
from data.records import BIT_OF, Vote
from publisher import keys
from publisher.run import Report, publish
from publisher.settings import PublisherSettings
from publisher.signer import Signer
from publisher.store import Store
from publisher.stores.local import LocalStore

START_MS = 1_790_000_000_000
"""2026-09-21T14:13:20Z."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LOG_ID = "ab" * 16
KNOWN_IDS = ("dQw4w9WgXcQ", "-abc_efgh-k", "x1", "sixteencharacter")
"""Among the videos of a busy site: an id that is an integer, ones that are none, the shortest, the longest."""
CHANNELS = ("UC" + "a" * 22, "UC" + "b_-" * 7 + "b")


def private_key(seed: int) -> Ed25519PrivateKey:
    """The same key for the same seed."""
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def voter_id(number: int) -> str:
    """The id of a voter."""
    return f"{number:064x}"


def vote(voter: int, video_id: str, *categories: str, at_ms: int = START_MS, channel_id: str = "") -> Vote:
    """A vote; without categories a retraction."""
    mask = sum(BIT_OF[name] for name in categories)
    return Vote(at_ms, voter_id(voter), video_id, mask, channel_id=channel_id)


@dataclass
class Site:
    """One home and where it publishes to."""

    home: Home
    store: Store
    signer: Signer
    settings: PublisherSettings = field(default_factory=PublisherSettings)

    def cast(self, *votes: Vote) -> None:
        """Appends votes in one commit."""
        connection = schema.open_for_append(self.home.votes_log)
        appender = Appender(connection)
        with appender.transaction():
            for one in votes:
                appender.cast(one)
        connection.close()

    def decide(self, *decisions: Decision) -> None:
        """Appends decisions in one commit."""
        connection = schema.open_for_append(self.home.votes_log)
        appender = Appender(connection)
        with appender.transaction():
            for one in decisions:
                appender.decide(one)
        connection.close()

    def appoint(self, *voters: int) -> None:
        """Makes voters moderators."""
        self.decide(*(Decision(START_MS, "moderator_add", "tests", "tests", voter_id=voter_id(v)) for v in voters))

    def audit(self, video_id: str, label: int) -> None:
        """Audits a video: 1 AI, 0 made by people."""
        self.decide(Decision(START_MS, "audit", "tests", "tests", video_id=video_id, label=label))

    def publish(self, at_ms: int) -> Report:
        """Publishes a tick at a given time."""
        return publish(self.home, self.store, self.signer, self.settings, now_ms=at_ms)

    def head(self) -> bytes:
        """The published head."""
        text = self.store.read(HEAD)
        assert text is not None
        return text


def new_site(directory: Path, store: Store | None = None) -> Site:
    """Makes a home below a directory, with the same keys and log id every time."""
    home = Home(directory / "var")
    home.directory.mkdir(parents=True)
    schema.create(home.votes_log, schema.LogIdentity(LOG_ID, START_MS))
    online = private_key(9)
    root = keys.first_root([private_key(n) for n in (1, 2, 3)], online, created_ms=START_MS)
    return Site(home, store or LocalStore(home.public), Signer(online, {1: root}))


def busy_site(directory: Path, ticks: int = 5) -> Site:
    """A site of a hundred videos and thirty voters with some ticks over two days, the same every time.

    Voters change their minds and retract, channels are agreed on or not, and the last tick but one changes nothing.
    """
    site = new_site(directory)
    site.appoint(1)
    site.audit(KNOWN_IDS[0], 1)
    chance = random.Random(7)
    for tick in range(ticks):
        at_ms = START_MS + tick * 5 * HOUR_MS
        if tick != ticks - 2:
            site.cast(*busy_votes(chance, at_ms))
        site.publish(at_ms)
    return site


def busy_votes(chance: random.Random, at_ms: int) -> Iterator[Vote]:
    """Votes of the second before a moment: most of them about few videos, one in twelve a retraction."""
    videos = [*KNOWN_IDS, *(f"video_{number}" for number in range(96))]
    stances = [("fully_ai",), ("ai_voiceover", "ai_visuals"), ("ai_thumbnails",), ("not_ai",), ("not_ai",), ()]
    for number in range(150):
        place = min(int(chance.paretovariate(0.7)) - 1, len(videos) - 1)
        stance = stances[chance.choices(range(6), [3, 2, 2, 3, 1, 1])[0]]
        channel = "" if place % 5 == 4 else CHANNELS[place % 2]
        yield vote(chance.randrange(30), videos[place], *stance, at_ms=at_ms - 1000 + number, channel_id=channel)
