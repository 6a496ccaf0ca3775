"""A video's provisional verdict between two publishes, straight from the log by the rule of `data.score`."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data import standing as standing_file
from data.channels import agreed_channels
from data.columns import NO_DECISIONS, Decisions, Floats, Ints, Keys, Mask, Votes, standing
from data.flips import still_held
from data.judging import Grounds, Said, grounds_of, ruled, said
from data.log import lookup
from data.score import Verdicts, percent, probability
from data.voters import ESTABLISHED, Voters
from intake.heavy import Heavy


def time_stands_still() -> float:
    """A clock under which nothing is kept."""
    return 0.0


class Newest:
    """Keeps the newest grounds: the standing file when it was replaced, decisions when there are more."""

    def __init__(
        self,
        path: Path,
        log_id: str,
        clock_ms: Callable[[], int],
        clock_s: Callable[[], float] = time_stands_still,
    ) -> None:
        """Takes the standing file, which need not exist, and the log that it must have been computed from.

        Args:
            path: The standing file.
            log_id: The log.
            clock_ms: Unix milliseconds, by which holds lapse.
            clock_s: Never goes back; seconds. When it stands still, no answer is kept.
        """
        self.heavy_scores: Heavy[int] = Heavy(clock_s)
        self.heavy_verdicts: Heavy[Verdict] = Heavy(clock_s)
        self.clock_ms = clock_ms
        self._path = path
        self._log_id = log_id
        self._lock = threading.Lock()
        self._signature: object = ""
        self._standing = standing_file.newcomers_only(log_id)
        self._decided = NO_DECISIONS
        self._grounds = grounds_of(self._standing, self._decided)

    def of(self, connection: sqlite3.Connection) -> Grounds:
        """The grounds that hold now; usually one `stat` and one query for the newest decision's position."""
        signature = _signature(self._path)
        position = lookup.last_decision(connection)
        with self._lock:
            if signature != self._signature or position > self._known():
                self._refresh(connection, signature, self._known())
            return self._grounds

    def at_once(self, connection: sqlite3.Connection) -> Grounds | None:
        """The same as `of`, but None when that would take reading or waiting."""
        signature, position = _signature(self._path), lookup.last_decision(connection)
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._grounds if signature == self._signature and position <= self._known() else None
        finally:
            self._lock.release()

    def _known(self) -> int:
        """Position of the newest decision that is known."""
        return int(self._decided.position[-1]) if len(self._decided.position) else 0

    def _refresh(self, connection: sqlite3.Connection, signature: object, known: int) -> None:
        if signature != self._signature:
            found = standing_file.read(self._path)
            usable = found is not None and found.log_id == self._log_id
            self._standing = found if found and usable else standing_file.newcomers_only(self._log_id)
            self._signature = signature
        self._decided = _joined(self._decided, lookup.decisions_after(connection, known))
        self._grounds = grounds_of(self._standing, self._decided)


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
    locked: bool
    """Whether a moderator fixed the score."""
    channel_id: str
    """The channel that independent voters agree on, or empty."""
    channel_score: int
    """0-100: that channel's share of AI, 0 while no round has settled a video of it."""
    newest_ms: int
    """Time of the newest vote, a retraction included."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What to tell the voters of a batch, by key."""

    of_video: Mapping[int, int]
    """0-100."""
    of_banned: Mapping[tuple[int, int], int]
    """By (video, voter), 0-100: what a banned voter's vote would have led to."""
    of_voter: Mapping[int, float]
    """Trust, 0-1."""

    def told(self, video: int, voter: int) -> int:
        """The score that a voter is told of a video."""
        return self.of_banned.get((video, voter), self.of_video.get(video, 0))


def scores(connection: sqlite3.Connection, newest: Newest, cast: Sequence[tuple[int, int]]) -> Scores:
    """Scores all videos of a batch at once.

    Args:
        connection: Sees the votes of the running transaction.
        newest: Where the grounds come from.
        cast: (video, voter) keys of the batch's votes.
    """
    grounds, heavy = newest.of(connection), newest.heavy_scores
    pairs = np.array(list(cast), np.int32)
    videos, voters = np.unique(pairs[:, 0]), np.unique(pairs[:, 1])
    known = {video: heavy.known(video, grounds) for video in videos.tolist()}
    keys, began_s = videos[[points is None for points in known.values()]], heavy.now_s()
    votes = lookup.votes_of(connection, keys.tolist())
    now_ms = newest.clock_ms()
    _, found, _ = _judged(votes, grounds, now_ms, keys)
    fresh = dict(zip(keys.tolist(), percent(found.score).tolist(), strict=True))
    for video, count in zip(keys.tolist(), found.voters.tolist(), strict=True):
        heavy.keep(video, fresh[video], votes=count, began_s=began_s, holds=grounds)
    told_apart = np.isin(pairs[:, 1], grounds.banned) & np.isin(pairs[:, 0], keys)
    return Scores(
        of_video=fresh | {video: points for video, points in known.items() if points is not None},
        of_banned=_of_banned(votes, grounds, pairs[told_apart], now_ms),
        of_voter=dict(zip(voters.tolist(), trust(grounds.voters.of(voters)).tolist(), strict=True)),
    )


def verdicts(connection: sqlite3.Connection, newest: Newest, videos: Mapping[int, str]) -> list[Verdict]:
    """The provisional verdicts of some videos.

    Args:
        connection: Any connection to the log.
        newest: Where the grounds come from.
        videos: Video key -> id, keys ascending.

    Returns:
        One verdict for each video that anybody's vote stands on and that is not hidden, in key order: a ban must not
        show in what is listed. Votes of banned voters are in no number.
    """
    grounds, heavy = newest.of(connection), newest.heavy_verdicts
    known = {video: heavy.known(video, grounds) for video in videos}
    began_s = heavy.now_s()
    rest = {video: videos[video] for video, answer in known.items() if answer is None}
    fresh = _verdicts(connection, grounds, rest, newest.clock_ms())
    for video, verdict in fresh.items():
        heavy.keep(video, verdict, votes=verdict.voters, began_s=began_s, holds=grounds)
    found = {video: known[video] or fresh.get(video) for video in videos}
    return [verdict for verdict in found.values() if verdict is not None]


def _verdicts(
    connection: sqlite3.Connection, grounds: Grounds, videos: Mapping[int, str], now_ms: int
) -> dict[int, Verdict]:
    votes = lookup.votes_of(connection, videos)
    votes = votes.take(~np.isin(votes.video, grounds.hidden))
    keys = np.unique(standing(votes).video)
    votes = votes.take(np.isin(votes.video, keys))
    heard, found, locked = _judged(votes, grounds, now_ms, keys)
    channels = agreed_channels(heard.words, keys)
    channel_ids = lookup.channel_ids(connection, channels)
    columns = zip(
        keys.tolist(), percent(found.score).tolist(), found.votes.tolist(), percent(found.category_score).tolist(),
        found.voters.tolist(), locked.tolist(), channels.tolist(), _channel_scores(channels, grounds).tolist(),
        _newest_ms(votes, keys).tolist(), strict=True,
    )  # fmt: skip
    return {
        key: Verdict(
            videos[key],
            points,
            tuple(named),
            tuple(parts),
            voters,
            lock,
            channel_ids.get(channel, ""),
            channel_score,
            newest_ms,
        )
        for key, points, named, parts, voters, lock, channel, channel_score, newest_ms in columns
    }


def trust(voters: Voters) -> Floats:
    """How far voters are trusted, 0-1: the chance that a flag of theirs is right where nothing else is known.

    It is the probability that their flag alone gives a video of even odds: 0.5 is no trust at all.
    """
    worth = np.where(voters.level == ESTABLISHED, voters.levels.flags, 1.0)
    return np.round(probability(worth * voters.flag_weight), 3)


def _judged(votes: Votes, grounds: Grounds, now_ms: int, keys: Keys | None = None) -> tuple[Said, Verdicts, Mask]:
    """What votes say, the verdicts, and which videos are locked; as a publish judges the same votes at this moment."""
    heard = said(votes, grounds, keys, now_ms=now_ms)
    since_ms, above = still_held(heard, grounds, now_ms=now_ms)
    return heard, *ruled(heard, grounds, held=since_ms > 0, above=above)


def _of_banned(votes: Votes, grounds: Grounds, pairs: Keys, now_ms: int) -> dict[tuple[int, int], int]:
    if not len(pairs):
        return {}
    keys, others = np.unique(pairs[:, 0]), np.setdiff1d(grounds.banned, pairs[:, 1])
    _, found, _ = _judged(votes.take(np.isin(votes.video, keys)), replace(grounds, banned=others), now_ms, keys)
    told = percent(found.score)[np.searchsorted(keys, pairs[:, 0])]
    return dict(zip(map(tuple, pairs.tolist()), told.tolist(), strict=True))


def _channel_scores(channels: Keys, grounds: Grounds) -> Ints:
    learned = grounds.round.channels
    known = np.where(channels < len(learned.share), channels, 0)
    return np.where((known > 0) & (learned.settled[known] > 0), percent(learned.share[known]), 0)


def _newest_ms(votes: Votes, keys: Keys) -> Ints:
    known = np.isin(votes.video, keys)
    newest = np.zeros(len(keys), np.int64)
    np.maximum.at(newest, np.searchsorted(keys, votes.video[known]), votes.cast_at_ms[known])
    return newest


def _joined(first: Decisions, second: Decisions) -> Decisions:
    return Decisions(
        position=np.concatenate([first.position, second.position]),
        kind=first.kind + second.kind,
        video=np.concatenate([first.video, second.video]),
        voter=np.concatenate([first.voter, second.voter]),
        label=np.concatenate([first.label, second.label]),
        score=np.concatenate([first.score, second.score]),
    )


def _signature(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
