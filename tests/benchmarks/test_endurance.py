"""The long runs, short: mixed load with a flat memory and without an error, kills that lose nothing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from benchmarks.endurance import kills, soak
from benchmarks.mixed import Crowd, lost
from data.log import schema
from data.log.append import Appender
from data.records import BIT_OF, RETRACTION, Vote
from tests.factories import LOG_ID, START_MS


def test_twenty_seconds_of_mixed_load() -> None:
    """No answer is an error, every answered vote is in the log, and memory does not run away."""
    found = soak(20.0)
    assert found.faults == []
    assert found.lost == 0
    assert found.requests > 1_000
    assert found.growth() < 0.3, "caches still fill, but a leak would show"


def test_some_kills() -> None:
    """Killed three times under load, each answered word is still the last one."""
    found = kills(3)
    assert found.answered > 100
    assert found.lost == 0


def test_a_lost_vote_is_found(tmp_path: Path) -> None:
    """What was answered and is not in the log is told; a vote that was sent and not answered may be there or not."""
    path, ai, human = tmp_path / "votes.db", BIT_OF["fully_ai"], BIT_OF["not_ai"]
    schema.create(path, schema.LogIdentity(LOG_ID, START_MS))
    with closing(schema.open_for_append(path)) as log:
        appender = Appender(log)
        with appender.transaction():
            appender.cast_all([Vote(START_MS, voter, "v", ai) for voter in ("a", "b", "c")])
            appender.cast(Vote(START_MS, "b", "v", RETRACTION))
    crowd = Crowd(1, 1, 1, 1, seed=1)
    crowd.words = {("a", "v"): ai, ("b", "v"): RETRACTION, ("c", "v"): human, ("d", "v"): ai, ("e", "v"): RETRACTION}
    assert sorted(lost(path, [crowd])) == [("c", "v"), ("d", "v")]
    crowd.pending = {0: (("c", "v"), ai)}

    assert lost(path, [crowd]) == [("d", "v")]
