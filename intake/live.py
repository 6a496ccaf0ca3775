"""A video's provisional verdict between two publishes, straight from the log by the rule of `data.score`."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data import decisions as rulings
from data import standing as standing_file
from data.channels import agreed_channels
from data.columns import Floats, Ints, Keys, Votes, standing
from data.log import lookup
from data.log.read import Decisions
from data.score import Verdicts, Videos, Voters, percent, probability, score

NO_DECISIONS = Decisions(np.empty(0, np.int64), [], np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8))


@dataclass(frozen=True, slots=True)
class Reliabilities:
    """What holds at this moment besides the votes: the last full round and all decisions."""

    prior: float
    """Log-odds that a voted video is AI before any vote."""
    voters: Voters
    """Today's moderators included."""
    audited: Keys
    """Audited videos, ascending."""
    labels: rulings.Labels
    """Their labels."""

    def videos(self, keys: Keys) -> Videos:
        """What is known of these videos besides their votes.

        Args:
            keys: Video keys, ascending, each once.
        """
        return Videos(video=keys, prior=np.full(len(keys), self.prior), audit=self._audit(keys))

    def _audit(self, keys: Keys) -> rulings.Labels:
        if not len(self.audited):
            return np.full(len(keys), -1, np.int8)
        place = np.minimum(np.searchsorted(self.audited, keys), len(self.audited) - 1)
        return np.where(self.audited[place] == keys, self.labels[place], np.int8(-1))


class Newest:
    """Keeps the newest reliabilities: the standing file when it was replaced, decisions when there are more."""

    def __init__(self, path: Path, log_id: str) -> None:
        """Takes the standing file, which need not exist, and the log that it must have been computed from."""
        self._path = path
        self._log_id = log_id
        self._lock = threading.Lock()
        self._signature: object = ""
        self._standing = standing_file.newcomers_only(log_id)
        self._decided = NO_DECISIONS
        self._reliabilities = _combined(self._standing, self._decided)

    def of(self, connection: sqlite3.Connection) -> Reliabilities:
        """The reliabilities that hold now; usually one `stat` and one query for the newest decision's position."""
        signature = _signature(self._path)
        position = lookup.last_decision(connection)
        with self._lock:
            known = int(self._decided.position[-1]) if len(self._decided.position) else 0
            if signature != self._signature or position > known:
                self._refresh(connection, signature, known)
            return self._reliabilities

    def _refresh(self, connection: sqlite3.Connection, signature: object, known: int) -> None:
        if signature != self._signature:
            found = standing_file.read(self._path)
            usable = found is not None and found.log_id == self._log_id
            self._standing = found if found and usable else standing_file.newcomers_only(self._log_id)
            self._signature = signature
        self._decided = _joined(self._decided, lookup.decisions_after(connection, known))
        self._reliabilities = _combined(self._standing, self._decided)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What standing votes say of one video now."""

    video_id: str
    score: int
    """0-100."""
    votes: tuple[int, ...]
    """Standing votes that name each of `records.STANCES`."""
    category_scores: tuple[int, ...]
    """0-100, of each of `records.CATEGORIES`."""
    voters: int
    """Standing votes."""
    channel_id: str
    """The channel that independent voters agree on, or empty."""
    newest_ms: int
    """Time of the newest vote, a retraction included."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of some videos and trust in some voters, by key."""

    of_video: Mapping[int, int]
    """0-100."""
    of_voter: Mapping[int, float]
    """0-1."""


def scores(connection: sqlite3.Connection, newest: Newest, videos: Iterable[int], voters: Iterable[int]) -> Scores:
    """Scores all videos of a batch at once.

    Args:
        connection: Sees the votes of the running transaction.
        newest: Where the reliabilities come from.
        videos: Keys of videos with at least one standing vote each, in any order.
        voters: Keys of voters.
    """
    reliabilities = newest.of(connection)
    keys = np.unique(np.fromiter(videos, np.int32))
    verdicts = _score(standing(lookup.votes_of(connection, keys.tolist())), reliabilities, keys)
    asked = np.unique(np.fromiter(voters, np.int32))
    return Scores(
        of_video=dict(zip(keys.tolist(), percent(verdicts.score).tolist(), strict=True)),
        of_voter=dict(zip(asked.tolist(), trust(reliabilities.voters.of(asked)).tolist(), strict=True)),
    )


def verdicts(connection: sqlite3.Connection, newest: Newest, videos: Mapping[int, str]) -> list[Verdict]:
    """The provisional verdicts of some videos.

    Args:
        connection: Any connection to the log.
        newest: Where the reliabilities come from.
        videos: Video key -> id, keys ascending.

    Returns:
        One verdict for each video that has a standing vote, in key order.
    """
    votes = lookup.votes_of(connection, videos)
    stands = standing(votes)
    keys = np.unique(stands.video)
    found = _score(stands, newest.of(connection), keys)
    channels = agreed_channels(stands, keys)
    channel_ids = lookup.channel_ids(connection, channels)
    columns = zip(
        keys.tolist(), percent(found.score).tolist(), found.votes.tolist(), percent(found.category_score).tolist(),
        found.voters.tolist(), channels.tolist(), _newest_ms(votes, keys).tolist(), strict=True,
    )  # fmt: skip
    return [
        Verdict(videos[key], points, tuple(named), tuple(parts), voters, channel_ids.get(channel, ""), newest_ms)
        for key, points, named, parts, voters, channel, newest_ms in columns
    ]


def trust(voters: Voters) -> Floats:
    """How far voters are trusted, 0-1: the chance that a flag of theirs is right where nothing else is known.

    It is the probability that their flag alone gives a video of even odds: 0.5 is no trust at all.
    """
    return np.round(probability(voters.flag_weight), 3)


def _score(stands: Votes, reliabilities: Reliabilities, keys: Keys) -> Verdicts:
    return score(stands, reliabilities.voters, reliabilities.videos(keys))


def _newest_ms(votes: Votes, keys: Keys) -> Ints:
    known = np.isin(votes.video, keys)
    newest = np.zeros(len(keys), np.int64)
    np.maximum.at(newest, np.searchsorted(keys, votes.video[known]), votes.cast_at_ms[known])
    return newest


def _combined(found: standing_file.Standing, decided: Decisions) -> Reliabilities:
    audited, labels = rulings.audits(decided)
    voters = rulings.with_moderators(found.voters, rulings.moderators(decided))
    return Reliabilities(prior=found.prior, voters=voters, audited=audited, labels=labels)


def _joined(first: Decisions, second: Decisions) -> Decisions:
    return Decisions(
        position=np.concatenate([first.position, second.position]),
        kind=first.kind + second.kind,
        video=np.concatenate([first.video, second.video]),
        voter=np.concatenate([first.voter, second.voter]),
        label=np.concatenate([first.label, second.label]),
    )


def _signature(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
