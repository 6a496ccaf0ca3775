"""Votes in bulk, shaped like a large site's, as a file for `realtube import-votes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks import ids
from data.columns import Ints, Keys

START_MS = 1_767_225_600_000
"""2026-01-01: the time of the first vote."""
SPAN_MS = 60 * 86_400_000
"""The votes are spread over so long, in time order."""
VOTES_PER_VOTER, VIDEOS_PER_CHANNEL = 20, 40
CATEGORIES = ("not_ai", "fully_ai", "ai_voiceover", "ai_visuals|ai_voiceover", "ai_assisted", "")
SHARES = (0.45, 0.3, 0.1, 0.08, 0.04, 0.03)
"""How often each category is named; the empty one takes a vote back."""
SEED = 2


def write_log(path: Path, *, votes: int, videos: int) -> None:
    """Writes the votes of two months; few videos and voters have most of them."""
    random = np.random.default_rng(SEED)
    video = (videos * random.random(votes) ** 2).astype(np.int64)
    at_ms = START_MS + np.arange(votes) * SPAN_MS // votes
    _write(path, at_ms, video, _voters(votes, votes, random), random)


def write_wide(path: Path, *, videos: int) -> None:
    """Writes one vote on each of many videos."""
    random = np.random.default_rng(SEED)
    at_ms = START_MS + np.arange(videos) * SPAN_MS // videos
    _write(path, at_ms, random.permutation(videos), _voters(videos, videos, random), random)


def write_tick(path: Path, *, votes: int, videos: int, of_votes: int, of_videos: int) -> None:
    """Writes the votes of one tick after those of `write_log(votes=of_votes, videos=of_videos)`.

    Args:
        path: The file.
        votes: How many votes.
        videos: On how many videos they are.
        of_votes: How many votes came before.
        of_videos: On how many videos.
    """
    random = np.random.default_rng(SEED + 1)
    video = random.choice(random.choice(of_videos, videos, replace=False), votes)
    _write(path, START_MS + SPAN_MS + np.arange(votes), video, _voters(votes, of_votes, random), random)


def _voters(votes: int, of_votes: int, random: np.random.Generator) -> Ints:
    return np.asarray((of_votes // VOTES_PER_VOTER) * random.random(votes) ** 2, np.int64)


def _write(path: Path, at_ms: Ints, video: Ints, voter: Ints, random: np.random.Generator) -> None:
    columns = {
        "cast_at_ms": pa.array(at_ms),
        "voter_id": named(voter, ids.voter_id),
        "video_id": named(video, ids.video_id),
        "category": pa.array(CATEGORIES).take(pa.array(random.choice(len(SHARES), len(video), p=SHARES))),
        "channel_id": named(video // VIDEOS_PER_CHANNEL, ids.channel_id),
        "network": named(voter, lambda number: f"net-{number}"),
    }
    pyarrow.csv.write_csv(pa.table(columns), path, pyarrow.csv.WriteOptions(quoting_style="none"))


def named(numbers: Ints | Keys, id_of: Callable[[int], str]) -> pa.Array:
    """The id of each of these numbers."""
    different, rows = np.unique(numbers, return_inverse=True)
    return pa.array([id_of(number) for number in different.tolist()]).take(pa.array(rows))
