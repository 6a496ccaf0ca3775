"""The log as columns."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from adbc_driver_manager import Error as AdbcError

from data.columns import NO_VOTES, standing
from data.log import schema
from data.log.append import Appender, Decision
from data.log.read import open_columns
from tests.factories import LOG_ID, START_MS, vote, voter_id


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of four votes and two decisions: positions 1 to 6."""
    path = tmp_path / "votes.db"
    schema.create(path, schema.LogIdentity(LOG_ID, START_MS))
    connection = schema.open_for_append(path)
    appender = Appender(connection)
    with appender.transaction():
        appender.cast(vote(1, "x", "fully_ai", channel_id="UC1"))
        appender.cast(vote(2, "x", "not_ai"))
        appender.cast(vote(1, "y", "ai_visuals", "ai_voiceover"))
        appender.decide(Decision(START_MS, "audit", "me", "why", video_id="z", label=1))
        appender.cast(vote(1, "x", at_ms=START_MS + 9))
        appender.decide(Decision(START_MS, "moderator_add", "me", "why", voter_id=voter_id(2)))
    connection.close()
    return path


def test_empty_log(tmp_path: Path) -> None:
    """An empty log reads as empty columns of the right types."""
    path = tmp_path / "votes.db"
    schema.create(path, schema.LogIdentity(LOG_ID, START_MS))
    with open_columns(path) as log:
        votes = log.votes(10)

        assert (log.last_position(), len(votes), log.video_ids().to_pylist()) == (0, 0, [""])
        assert len(log.decisions(10).kind) == 0
    for name in ("position", "voter", "categories"):
        assert getattr(votes, name).dtype == getattr(NO_VOTES, name).dtype


def test_columns(log: Path) -> None:
    """Votes come in position order, as keys that the id columns explain."""
    with open_columns(log) as reader:
        votes = reader.votes(reader.last_position())

        assert votes.position.tolist() == [1, 2, 3, 5]
        assert votes.categories.tolist() == [1, 32, 6, 0]
        assert reader.video_ids().take(votes.video).to_pylist() == ["x", "x", "y", "x"]
        assert reader.voter_ids().take(votes.voter).to_pylist() == [voter_id(n) for n in (1, 2, 1, 1)]
        assert reader.channel_ids().take(votes.channel).to_pylist() == ["UC1", "", "", ""]


def test_prefix_is_stable(log: Path) -> None:
    """What was read up to a position reads the same after more was appended."""
    with open_columns(log) as reader:
        before = reader.votes(3)
    connection = schema.open_for_append(log)
    appender = Appender(connection)
    with appender.transaction():
        appender.cast(vote(7, "x", "fully_ai"))
    connection.close()
    with open_columns(log) as reader:
        assert reader.votes(3).position.tolist() == before.position.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("after", "videos"),
    [(0, [1, 2]), (2, [1, 2]), (3, [1]), (4, [1]), (5, [1]), (6, [])],
)
def test_touched_videos_come_whole(log: Path, after: int, videos: list[int]) -> None:
    """A video that a new vote or decision is about comes with all its votes; so do a new moderator's videos."""
    with open_columns(log) as reader:
        touched = reader.votes_of_touched(after, 6, np.empty(0, np.int32))
        everything = reader.votes(6)

    assert np.unique(touched.video).tolist() == videos
    assert sorted(touched.position.tolist()) == sorted(everything.position[np.isin(everything.video, videos)].tolist())


def test_fold_keeps_the_last_word(log: Path) -> None:
    """Standing votes are each voter's last word on each video, unless it takes an earlier one back."""
    with open_columns(log) as reader:
        kept = standing(reader.votes(6))

    assert list(zip(kept.video.tolist(), kept.voter.tolist(), kept.categories.tolist(), strict=True)) == [
        (1, 2, 32),
        (2, 1, 6),
    ]


def test_nothing_can_be_written(log: Path) -> None:
    """Connections for reading refuse to write."""
    connection = schema.open_for_reading(log)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO voters (voter_id) VALUES ('a')")
    connection.close()
    with open_columns(log) as reader, pytest.raises(AdbcError, match="readonly"):
        reader._table("INSERT INTO voters (voter_id) VALUES ('a') RETURNING voter", ())


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a b", "ä&mode=ro"])
def test_any_path_is_that_path(tmp_path: Path, name: str) -> None:
    """Whatever characters a home's path has, its log is in it and nowhere else."""
    (tmp_path / name).mkdir()
    path = tmp_path / name / "votes.db"
    schema.create(path, schema.LogIdentity(LOG_ID, START_MS))
    connection = schema.open_for_append(path)
    appender = Appender(connection)
    with appender.transaction():
        appender.cast(vote(1, "x", "fully_ai"))
    connection.close()
    with open_columns(path) as reader:
        assert reader.last_position() == 1
    assert [found.name for found in tmp_path.iterdir()] == [name]
