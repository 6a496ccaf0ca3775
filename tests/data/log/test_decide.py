"""Decisions enter the log only when they change something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from data.log import decide, schema
from data.log.append import Appender
from data.log.decide import Author

AUTHOR = Author(5, "ada", "tests")


@pytest.fixture
def appender(tmp_path: Path) -> Iterator[Appender]:
    """A writer of an empty log."""
    schema.create(tmp_path / "votes.db", schema.LogIdentity("0" * 32, 0))
    with closing(schema.open_for_append(tmp_path / "votes.db")) as connection:
        yield Appender(connection)


def audit(appender: Appender, **labels: int) -> dict[str, int]:
    """Appends what is new of these labels, and returns it."""
    with appender.transaction():
        new = decide.new_audits(appender.connection, labels)
        decide.append_audits(appender, new, AUTHOR)
    return new


def test_only_new_labels_are_appended(appender: Appender) -> None:
    """A label that stands already is not said again; a changed one is, and then stands."""
    assert audit(appender, a=1, b=0) == {"a": 1, "b": 0}
    assert audit(appender, a=1, b=1, c=0) == {"b": 1, "c": 0}
    assert audit(appender, a=1, b=1, c=0) == {}
    assert audit(appender, b=0) == {"b": 0}
    assert decide.standing_audits(appender.connection) == {"a": 1, "b": 0, "c": 0}
    rows = appender.connection.execute("SELECT position, decided_at_ms, kind, actor, reason FROM decisions").fetchall()
    assert rows == [(position, 5, "audit", "ada", "tests") for position in range(1, 6)]


def test_appointing_twice_changes_nothing(appender: Appender) -> None:
    """Adding a moderator, or removing somebody who is none, is appended once or never."""
    steps = [("aa", "moderator_remove"), ("aa", "moderator_add"), ("aa", "moderator_add"), ("bb", "moderator_add"),
             ("aa", "moderator_remove"), ("aa", "moderator_remove")]  # fmt: skip
    changed = []
    for voter_id, kind in steps:
        with appender.transaction():
            changed.append(decide.appoint(appender, voter_id, kind, AUTHOR))  # type: ignore[arg-type]
    assert changed == [False, True, False, True, True, False]
    assert decide.moderators(appender.connection) == [decide.Moderator("bb", 5, "ada", "tests")]
    assert appender.connection.execute("SELECT count(*) FROM decisions").fetchone() == (3,)


def test_a_removed_moderator_may_come_again(appender: Appender) -> None:
    """The last decision about a voter stands."""
    for kind in ("moderator_add", "moderator_remove", "moderator_add"):
        with appender.transaction():
            decide.appoint(appender, "aa", kind, AUTHOR)
    assert [one.voter_id for one in decide.moderators(appender.connection)] == ["aa"]
