"""A row that only its channel lifts says so, in the rows and in Parquet, and stays below 50."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from data.columns import Decisions
from data.formats.rows import id_column
from data.records import NOT_AI_BIT
from data.standing import Channels, Standing
from data.voters import ESTABLISHED, NEWCOMER, Voters
from publisher.names import Names
from publisher.research import parquet
from publisher.scoring.rescore import rescore
from publisher.scoring.verdicts import VerdictTable, empty
from tests.publisher.scoring.crowds import NOW_MS, decided, votes

LEARNED = Standing(
    "",
    0,
    NOW_MS,
    prior=-2.0,
    voters=Voters(np.array([NEWCOMER, ESTABLISHED, NEWCOMER], np.uint8), np.array([0, 0, 0.9]), np.array([0, 0, 0.4])),
    channels=Channels(truthful=np.array([False, True, True]), prior=np.array([-2.0, 1.7])),
)
"""Voter 1 counts for nothing, voter 2 is a newcomer; both are believed when they name channel 1, which is mostly AI."""
NAMES = Names(pa.array(["", "x"]), pa.array(["", "UC_one"]), id_column(["", "x"]))


def table_of(
    rows: list[tuple[int, int, int]], rulings: Decisions, minimum: int = 20, *, learned: Standing = LEARNED
) -> VerdictTable:
    """The table after one tick."""
    cast = votes(rows, channel=1)
    one = np.array([1], np.int32)
    return rescore(empty(2), cast, one, rulings, learned, after=0, now_ms=NOW_MS, minimum=minimum).table


@pytest.mark.parametrize(
    ("rows", "score", "flags"),
    [
        ([(2, 1, NOT_AI_BIT)], 49, 128),
        ([(1, 1, 1)], 49, 128 + 1),
        ([(1, 1, 1), (2, 1, NOT_AI_BIT)], 49, 128 + 1),
        ([(2, 1, 1)], 93, 1),
    ],
)
def test_rows_that_only_a_prior_lifts(rows: list[tuple[int, int, int]], score: int, flags: int) -> None:
    """Bit 128, at most 49; one flag that counts takes the mark off."""
    table = table_of(rows, decided())
    _, found = table.rows(NAMES.ids)
    assert (found.scores.tolist(), found.flags.tolist()) == ([score], [flags])

    body = parquet.encode(table, np.array([1], np.int32), NAMES)
    assert parquet.enter(empty(2), body, NAMES).rows(NAMES.ids)[1].state() == found.state()


def test_a_cluster_alone_is_no_flag() -> None:
    """On a channel that leads beyond 50, a cluster's flags leave 49 until one other voter flags too."""
    many = Voters(
        np.full(6, ESTABLISHED, np.uint8), np.full(6, 1.2), np.full(6, 1.2), cluster=np.array([0, 1, 1, 1, 1, 0])
    )
    learned = replace(LEARNED, voters=many, channels=replace(LEARNED.channels, truthful=np.ones(6, np.bool_)))
    flags = [(voter, 1, 1) for voter in range(1, 5)]
    assert table_of(flags, decided(), learned=learned).score[1] == 49
    assert table_of(flags, decided(), learned=learned).prior_only[1]
    assert table_of([*flags, (5, 1, 1)], decided(), learned=learned).score[1] > 90


def test_what_is_not_published_is_not_marked() -> None:
    """A hidden video and one below the minimum have no row, hence no mark; a locked one has its lock's."""
    rows = [(2, 1, NOT_AI_BIT)]
    audit = decided({1: 1})
    assert not table_of(rows, decided(), minimum=60).prior_only.any()
    assert not table_of(rows, replace(audit, kind=["hide"])).prior_only.any()
    assert not table_of(rows, audit).prior_only.any()
    locked = table_of(rows, replace(audit, kind=["lock"], score=np.array([77], np.uint8)))
    assert (locked.prior_only.tolist(), locked.score.tolist()) == ([False, False], [0, 77])
