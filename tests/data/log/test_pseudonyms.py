"""Pseudonyms tell voters apart, name nobody, and stay with the log."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from data.log import pseudonyms, schema
from data.log.append import Appender
from data.log.schema import LogError
from data.records import Vote
from tests.factories import voter_id


def a_log(path: Path) -> Path:
    """A log of ten voters."""
    schema.create(path, schema.LogIdentity("0" * 32, 0))
    with closing(schema.open_for_append(path)) as log:
        appender = Appender(log)
        with appender.transaction():
            appender.cast_all([Vote(5, voter_id(n), "a", 1) for n in range(10)])
    return path


def test_names_lead_back_to_voters_in_their_own_log_only(tmp_path: Path) -> None:
    """Each voter has one name, the same each time; another log gives other names."""
    one, other = a_log(tmp_path / "one.db"), a_log(tmp_path / "other.db")
    with closing(schema.open_for_reading(one)) as log, closing(schema.open_for_reading(other)) as elsewhere:
        names = [pseudonyms.pseudonyms_of(log)(voter) for voter in range(1, 11)]
        assert names == [pseudonyms.naming(log)(voter_id(n)) for n in range(10)]
        assert [pseudonyms.known_as(log, name) for name in names] == [[voter_id(n)] for n in range(10)]
        assert len(set(names)) == 10
        assert all(pseudonyms.PSEUDONYM.fullmatch(name) for name in names)
        assert [pseudonyms.known_as(elsewhere, name) for name in names] == [[]] * 10


def test_an_earlier_log_says_what_to_do(tmp_path: Path) -> None:
    """It has no key yet: whoever only reads cannot make one."""
    with closing(schema.open_for_append(a_log(tmp_path / "votes.db"))) as log:
        log.executescript("DROP TABLE pseudonym_key; PRAGMA user_version = 3")
        with pytest.raises(LogError, match="realtube token list"):
            pseudonyms.naming(log)
