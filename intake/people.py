"""What one voter may be told of themselves, by knowledge of their id. Nothing is stored of whoever asks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import numpy as np
import orjson

from data import decisions as rulings
from data.columns import Bytes, Ints, Keys, Votes, standing
from data.formats.tree import rfc3339
from data.judging import Grounds
from data.log import lookup
from data.records import NOT_AI_BIT, names_of
from intake import shapes
from intake.live import Newest, trust
from intake.moments import milliseconds

DAY_MS = 86_400_000
AI_FROM = 50
"""A video published with at least this score is taken to be AI-made."""
ScoreOf = Callable[[str], int | None]
"""The published score of a video, None when it is not published."""


def profile(connection: sqlite3.Connection, newest: Newest, published_score: ScoreOf, voter_id: str) -> shapes.User:
    """One voter.

    Args:
        connection: Any connection to the log.
        newest: Where the grounds come from.
        published_score: See there.
        voter_id: Who asks.
    """
    voter = lookup.voter_by_id(connection, voter_id)
    votes = lookup.votes_of_voter(connection, voter)
    grounds, stands = newest.of(connection), standing(votes)
    return shapes.User(
        user_id=voter_id,
        trust_score=float(trust(grounds.voters.of(np.array([voter], np.int32)))[0]),
        total_votes=len(stands),
        accuracy_rate=_accuracy(connection, grounds, published_score, stands),
        account_age=max(0, newest.clock_ms() - _since_ms(votes)) // DAY_MS if len(votes) else 0,
        is_vip=bool(np.isin(voter, grounds.moderators)),
    )


def own_votes(connection: sqlite3.Connection, voter_id: str) -> shapes.OwnVotes:
    """All standing votes of a voter, by time."""
    stands = standing(lookup.votes_of_voter(connection, lookup.voter_by_id(connection, voter_id)))
    stands = stands.take(np.lexsort((stands.position, stands.cast_at_ms)))
    videos, channels = lookup.video_ids(connection, stands.video), lookup.channel_ids(connection, stands.channel)
    columns = (stands.video, stands.categories, stands.channel, stands.cast_at_ms)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return shapes.OwnVotes(voter_id, [
        shapes.OwnVote(videos[video], names_of(mask), channels.get(channel, ""), rfc3339(cast_at_ms))
        for video, mask, channel, cast_at_ms in rows
    ])  # fmt: skip


def importable(votes: shapes.OwnVotes) -> bytes:
    """A voter's votes as NDJSON that `realtube import-votes` takes."""
    return b"".join(
        orjson.dumps({
            "cast_at_ms": milliseconds(vote.cast_at), "voter_id": votes.user_id, "video_id": vote.video_id,
            "category": "|".join(vote.categories), "channel_id": vote.channel_id,
        }, option=orjson.OPT_APPEND_NEWLINE)
        for vote in votes.votes
    )  # fmt: skip


def _since_ms(votes: Votes) -> int:
    """When the voter was first seen, here or elsewhere."""
    elsewhere = votes.voter_since_ms[votes.voter_since_ms > 0]
    return int(min(votes.cast_at_ms.min(), elsewhere.min(initial=votes.cast_at_ms.min())))


def _accuracy(connection: sqlite3.Connection, grounds: Grounds, published_score: ScoreOf, stands: Votes) -> float:
    """Of the votes on decided videos, the share that says the same; 0 without any.

    Decided are videos that were audited, that a moderator locked, or that are published as AI-made.
    """
    ids = lookup.video_ids(connection, stands.video)
    published = np.array([published_score(ids[video]) or 0 for video in stands.video.tolist()], np.int64)
    fixed = _looked_up(stands.video, *grounds.locks)
    truth = np.where(published >= AI_FROM, 1, -1)
    truth = np.where(fixed >= 0, fixed >= AI_FROM, truth)
    labels = rulings.labels_of(stands.video, grounds.audited, grounds.labels)
    truth = np.where(labels >= 0, labels, truth)
    decided = truth >= 0
    agrees = (stands.categories != NOT_AI_BIT) == (truth == 1)
    return round(float(agrees[decided].mean()), 3) if decided.any() else 0.0


def _looked_up(keys: Keys, known: Keys, values: Bytes) -> Ints:
    """The values of some keys, -1 for those that are not known."""
    if not len(known):
        return np.full(len(keys), -1, np.int64)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, values[place].astype(np.int64), -1)
