"""Appeals are opened within limits, answered once, and forget how their creators can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection
from threading import Barrier

import pytest

from data.log import appeals, schema
from data.log.appeals import AlreadyAnswered, Appeal, UnknownAppeal

CONTACT = "maker-at-home@example.org"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An empty log."""
    schema.create(tmp_path / "votes.db", schema.LogIdentity("0" * 32, 0))
    return tmp_path / "votes.db"


@pytest.fixture
def log(path: Path) -> Iterator[Connection]:
    """A connection that writes."""
    with closing(schema.open_for_append(path)) as connection:
        yield connection


def an_appeal(number: int = 1, at_ms: int = 10) -> Appeal:
    """An open appeal."""
    return Appeal(f"{number:032x}", "dQw4w9WgXcQ", "I filmed this.", CONTACT, at_ms, "open")


def test_an_answer_ends_an_appeal(log: Connection) -> None:
    """It leaves the list of the open ones, says who answered what when, and who asked cannot be reached any more."""
    assert appeals.open_appeal(log, an_appeal(), "net") is None
    assert appeals.every_open(log) == [an_appeal()]
    done = appeals.answer(log, an_appeal().appeal_id, "accepted", "You are right.", actor="ada", now_ms=20)

    assert (done.state, done.answered_ms, done.answer, done.actor, done.contact) == (
        "accepted", 20, "You are right.", "ada", "",
    )  # fmt: skip
    assert appeals.every_open(log) == []
    assert appeals.answered(log, 5) == [done]


def test_a_contact_is_gone_with_the_answer(log: Connection, path: Path) -> None:
    """Not only let go: when the write-ahead log is written back, no byte of it is left in the log's files."""
    appeals.open_appeal(log, an_appeal(), "net")
    log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert CONTACT.encode() in path.read_bytes()
    appeals.answer(log, an_appeal().appeal_id, "rejected", "No.", actor="ada", now_ms=20)
    log.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert all(CONTACT.encode() not in file.read_bytes() for file in path.parent.glob("votes.db*"))


def test_the_first_answer_stands(log: Connection) -> None:
    """A second one is refused, whatever it says; so is one to an appeal that nobody made."""
    appeals.open_appeal(log, an_appeal(), "net")
    first = appeals.answer(log, an_appeal().appeal_id, "accepted", "Yes.", actor="ada", now_ms=20)
    with pytest.raises(AlreadyAnswered, match="accepted already"):
        appeals.answer(log, an_appeal().appeal_id, "rejected", "No.", actor="bob", now_ms=21)
    with pytest.raises(UnknownAppeal):
        appeals.answer(log, "f" * 32, "rejected", "No.", actor="bob", now_ms=21)

    assert appeals.find(log, an_appeal().appeal_id) == first


def test_of_answers_at_once_one_is_taken(log: Connection, path: Path) -> None:
    """Eight moderators answer at the same moment: one answer stands, seven are told so."""
    appeals.open_appeal(log, an_appeal(), "net")
    start = Barrier(8)

    def one(number: int) -> bool:
        with closing(schema.open_for_append(path)) as connection:
            start.wait()
            try:
                appeals.answer(connection, an_appeal().appeal_id, "accepted", "Yes.", actor=f"{number}", now_ms=20)
            except AlreadyAnswered:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(8))) == [False] * 7 + [True]


def test_a_network_has_a_few_a_day(log: Connection) -> None:
    """Others are not kept out by it, it may come again a day later, and its token is not kept longer than that."""
    most = appeals.A_NETWORK_A_DAY
    refusals = [appeals.open_appeal(log, an_appeal(n), "net") for n in range(most + 1)]

    assert refusals == [None] * most + [appeals.TOO_MANY]
    assert appeals.open_appeal(log, an_appeal(50), "other") is None
    assert appeals.open_appeal(log, an_appeal(51, 10 + appeals.DAY_MS - 1), "net") == appeals.TOO_MANY
    assert appeals.open_appeal(log, an_appeal(52, 10 + appeals.DAY_MS), "net") is None
    assert log.execute("SELECT network FROM appeals ORDER BY network DESC").fetchall() == [("net",)] + [("",)] * (
        most + 1
    )


def test_networks_that_cannot_be_told_are_not_one_network(log: Connection) -> None:
    """An address that is none has an empty token: such appeals are limited by how many are open alone."""
    assert [appeals.open_appeal(log, an_appeal(n), "") for n in range(8)] == [None] * 8


def test_no_more_are_open_than_people_can_read(log: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer makes room for the next one."""
    monkeypatch.setattr(appeals, "MOST_OPEN", 3)
    refusals = [appeals.open_appeal(log, an_appeal(n), f"net {n}") for n in range(4)]
    appeals.answer(log, an_appeal(1).appeal_id, "rejected", "No.", actor="ada", now_ms=20)

    assert refusals == [None, None, None, appeals.CROWDED]
    assert appeals.open_appeal(log, an_appeal(9), "net 9") is None


def test_what_fails_leaves_nothing(log: Connection) -> None:
    """An id that is there already is refused by the log; the connection can be used as before."""
    appeals.open_appeal(log, an_appeal(), "net")
    with pytest.raises(Exception, match="UNIQUE"):
        appeals.open_appeal(log, an_appeal(), "net")

    assert not log.in_transaction
    assert appeals.open_appeal(log, an_appeal(2), "net") is None


def test_a_log_that_knows_no_appeals_has_none(log: Connection) -> None:
    """As an earlier version left it."""
    log.executescript("DROP TABLE appeals; PRAGMA user_version = 3")

    assert appeals.every_open(log) == []
