"""Appeals: what creators say of a verdict about their video, and what a moderator answers, once."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Literal

from data.log import schema
from data.records import Rejection

Verdict = Literal["accepted", "rejected"]
VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected")
APPEAL_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
ID_BYTES = 16
MESSAGE_MOST, CONTACT_MOST, ANSWER_MOST = 2_000, 200, 2_000
"""Characters."""
DAY_MS = 86_400_000
A_NETWORK_A_DAY = 5
MOST_OPEN = 10_000
"""So many may be open at once: more than people can read."""
SINCE_SCHEMA = 4
TOO_MANY = Rejection("RATE_LIMITED", f"{A_NETWORK_A_DAY} appeals came from this network within a day; try tomorrow")
CROWDED = Rejection("UNAVAILABLE", "too many appeals are open; try again when some are answered")

COLUMNS = "appeal_id, video_id, message, contact, opened_ms, state, answered_ms, answer, actor"
ADD = """
    INSERT INTO appeals (appeal_id, video_id, message, contact, network, opened_ms) VALUES (?, ?, ?, ?, ?, ?)
"""
FROM_NETWORK = "SELECT count(*) FROM appeals WHERE network = ? AND network <> '' AND opened_ms > ?"
COUNT_OPEN = "SELECT count(*) FROM appeals WHERE state = 'open'"
FORGET_NETWORKS = "UPDATE appeals SET network = '' WHERE network <> '' AND opened_ms <= ?"
FIND = f"SELECT {COLUMNS} FROM appeals WHERE appeal_id = ?"  # noqa: S608  # a constant of ours
LIST_OPEN = f"SELECT {COLUMNS} FROM appeals WHERE state = 'open' ORDER BY opened_ms, appeal_id LIMIT ?"  # noqa: S608
LIST_ANSWERED = f"SELECT {COLUMNS} FROM appeals WHERE state <> 'open' ORDER BY answered_ms DESC, appeal_id LIMIT ?"  # noqa: S608
ANSWER = """
    UPDATE appeals SET state = ?, answered_ms = ?, answer = ?, actor = ?, contact = ''
    WHERE appeal_id = ? AND state = 'open'
"""


class AppealError(Exception):
    """An appeal cannot be answered: there is none with this id, or it has its answer; nothing was changed."""


class UnknownAppeal(AppealError):
    """There is none with this id."""


class AlreadyAnswered(AppealError):
    """It has its answer, which stands."""


@dataclass(frozen=True, slots=True)
class Appeal:
    """A creator's objection to what is said of a video."""

    appeal_id: str
    """Whoever knows it may ask for its state."""
    video_id: str
    message: str
    """For moderators only."""
    contact: str
    """For moderators only, and empty once it is answered."""
    opened_ms: int
    state: str
    """`open`, `accepted` or `rejected`."""
    answered_ms: int = 0
    answer: str = ""
    """For whoever knows the id."""
    actor: str = ""
    """Who answered; for moderators only."""


def open_appeal(connection: sqlite3.Connection, appeal: Appeal, network: str) -> Rejection | None:
    """Stores an appeal, unless there are too many; call it outside a transaction.

    Args:
        connection: Of `schema.open_for_append`.
        appeal: An open one.
        network: Token of the network that it comes from, kept for a day; empty when it is not known.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        day_ago_ms = appeal.opened_ms - DAY_MS
        refusal = None
        if connection.execute(FROM_NETWORK, (network, day_ago_ms)).fetchone()[0] >= A_NETWORK_A_DAY:
            refusal = TOO_MANY
        elif connection.execute(COUNT_OPEN).fetchone()[0] >= MOST_OPEN:
            refusal = CROWDED
        else:
            connection.execute(FORGET_NETWORKS, (day_ago_ms,))
            stored = (appeal.appeal_id, appeal.video_id, appeal.message, appeal.contact, network, appeal.opened_ms)
            connection.execute(ADD, stored)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself when the disk is full
            connection.execute("ROLLBACK")
        raise
    return refusal


def find(connection: sqlite3.Connection, appeal_id: str) -> Appeal | None:
    """The appeal with this id."""
    row = connection.execute(FIND, (appeal_id,)).fetchone()
    return Appeal(*row) if row else None


def every_open(connection: sqlite3.Connection, most: int = MOST_OPEN) -> list[Appeal]:
    """The open ones, the oldest first; none in a log of a version that knows no appeals."""
    if schema.version(connection) < SINCE_SCHEMA:
        return []
    return [Appeal(*row) for row in connection.execute(LIST_OPEN, (most,))]


def answered(connection: sqlite3.Connection, most: int) -> list[Appeal]:
    """Those that have their answer, the newest answer first."""
    return [Appeal(*row) for row in connection.execute(LIST_ANSWERED, (most,))]


def answer(
    connection: sqlite3.Connection, appeal_id: str, verdict: Verdict, text: str, *, actor: str, now_ms: int
) -> Appeal:
    """Answers an appeal, for good, and removes how its creator can be reached; call it outside a transaction.

    Of two answers at once one is taken.

    Returns:
        The appeal as it is now.

    Raises:
        UnknownAppeal: There is none with this id.
        AlreadyAnswered: It has its answer.
    """
    connection.execute("PRAGMA secure_delete = ON")  # what is removed is written over, not only let go
    done = connection.execute(ANSWER, (verdict, now_ms, text, actor, appeal_id)).rowcount
    found = find(connection, appeal_id)
    if found is None:
        raise UnknownAppeal(f"there is no appeal {appeal_id}: see `realtube appeals`")
    if not done:
        raise AlreadyAnswered(f"this appeal was {found.state} already, and its answer stands")
    return found
