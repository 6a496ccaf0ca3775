"""Reads a home and lists what needs a moderator's eyes; each publish leaves the list for the server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from data import cases
from data import standing as standing_file
from data.cases import Review
from data.columns import Decisions
from data.home import Home
from data.log import appeals, lookup, schema
from data.log.pseudonyms import pseudonyms_of
from data.log.read import open_columns
from data.standing import Standing
from publisher.scoring.review import review
from publisher.scoring.trust import full_round

LISTED = 200
"""Cases that a publish leaves for the server."""
RESTS = 20
"""A list is left alone for so many times as long as it took: at most a twentieth of the time goes into it."""


def pressing(home: Home, *, now_ms: int, limit: int) -> Review:
    """Lists what needs eyes, from the whole log.

    Args:
        home: Whose log and standing file.
        now_ms: The time by which holds are counted, Unix milliseconds.
        limit: How many cases at most.

    Raises:
        LogError: The log cannot be read, or was not brought up to date yet.
    """
    with closing(schema.open_for_reading(home.votes_log)) as log, open_columns(home.votes_log) as columns:
        position, decided = columns.last_position(), lookup.decisions_after(log, 0)
        video_ids = columns.video_ids()
        found = review(
            columns.votes(position),
            decided,
            learned(home, decided, now_ms),
            now_ms=now_ms,
            limit=limit,
            video_id=lambda key: str(video_ids[key]),
            pseudonym=pseudonyms_of(log),
            appeals=[(next(iter(lookup.video_by_id(log, one.video_id)), 0), one) for one in appeals.every_open(log)],
        )
        return Review(schema.identity(log).log_id, position, now_ms, 0, tuple(found))


def leave_list(home: Home, clock_ms: Callable[[], int]) -> None:
    """Writes the list beside the log, for the server.

    Leaves it as it is while it is young for what it costs, and as long as no writer has brought the log up to date.

    Args:
        home: Whose log and standing file.
        clock_ms: The clock, Unix milliseconds.

    Raises:
        LogError, OSError: As they say; nothing was written.
    """
    with closing(schema.open_for_reading(home.votes_log)) as log:
        known, log_id = schema.version(log) >= appeals.SINCE_SCHEMA, schema.identity(log).log_id
    before, began_ms = cases.read(home.review), clock_ms()
    young = before is not None and before.log_id == log_id and 0 <= began_ms - before.at_ms < RESTS * before.took_ms
    if known and not young:
        found = pressing(home, now_ms=began_ms, limit=LISTED)
        cases.write(home.review, replace(found, took_ms=clock_ms() - began_ms))


def learned(home: Home, decided: Decisions, now_ms: int) -> Standing:
    """The last full round; without its file, one over the whole log now."""
    with open_columns(home.votes_log) as log, closing(schema.open_for_reading(home.votes_log)) as connection:
        log_id = schema.identity(connection).log_id
        found = standing_file.read(home.standing)
        if found and found.log_id == log_id:
            return found
        through = log.last_position()
        return full_round(log.votes(through), decided, log_id=log_id, position=through, now_ms=now_ms)
