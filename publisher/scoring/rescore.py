"""The scores of one tick: all videos when a round is due, else only those that were touched."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data import decisions as rulings
from data.channels import agreed_channels
from data.columns import Decisions, Ints, Keys, Votes, last_words
from data.flips import held_since
from data.judging import grounds_of, ruled, said
from data.log.read import LogReader
from data.standing import HeldFlips, Standing
from data.verdicts import FLAGGED
from publisher.scoring.trust import full_round
from publisher.scoring.verdicts import Judged, VerdictTable, judge


@dataclass(frozen=True, slots=True)
class Scored:
    """What a tick found."""

    table: VerdictTable
    changed: Keys
    """Keys of the entries that differ from the table before, ascending."""
    standing: Standing
    """The reliabilities that were used."""


def score_tick(
    log: LogReader,
    table: VerdictTable,
    known: Standing | tuple[int, int] | None,
    *,
    log_id: str,
    after: int,
    through: int,
    now_ms: int,
    minimum: int,
) -> Scored:
    """Scores what a tick must score.

    Args:
        log: The votes log.
        table: The verdicts as the last tick left them.
        known: Reliabilities of the running epoch; or, when they are lost, (position, time) of their round; or None,
            when this tick is its epoch's first and makes a full round of its own.
        log_id: The log's id.
        after: How far the last tick read.
        through: How far this one reads.
        now_ms: Time of the tick.
        minimum: The score at which a video enters the published set.
    """
    decided = log.decisions(through)
    table = table.grown(len(log.video_ids()))
    rows = None
    if known is None:
        votes = log.votes(through)
        rows = last_words(rulings.counting(votes, rulings.banned(decided)))
        learned = full_round(votes, decided, log_id=log_id, position=through, now_ms=now_ms, standing_rows=rows)
    else:
        learned = known if isinstance(known, Standing) else _again(log, log_id, *known)
        waiting = np.flatnonzero((table.held > 0) | (table.flip_held_ms > 0)).astype(np.int32)
        votes = log.votes_of_touched(after, through, waiting)  # holds lapse though nobody votes
    touched = np.flatnonzero(np.bincount(votes.video)).astype(np.int32)  # keys are dense: ten times as fast as unique
    scored = rescore(
        table, votes, touched, decided, learned,
        after=after, now_ms=now_ms, minimum=minimum, standing_rows=rows,
    )  # fmt: skip
    return replace(scored, standing=replace(learned, flips=_held_flips(scored.table, through)))


def rescore(
    table: VerdictTable,
    votes: Votes,
    touched: Keys,
    decided: Decisions,
    reliabilities: Standing,
    *,
    after: int,
    now_ms: int,
    minimum: int,
    standing_rows: Ints | None = None,
) -> Scored:
    """Scores some videos from all their votes, by given reliabilities. Pure.

    Args:
        table: The verdicts before.
        votes: All votes of the touched videos, in any order.
        touched: Their keys, ascending.
        decided: All decisions up to the tick.
        reliabilities: What voters count for.
        after: How far the tick before read the log.
        now_ms: Time of the tick.
        minimum: The score at which a video enters the published set.
        standing_rows: `columns.last_words` of the votes that count, when it is known already.
    """
    grounds = grounds_of(reliabilities, decided)
    found = said(votes, grounds, touched, now_ms=now_ms, standing_rows=standing_rows)
    above = table.score[touched] >= FLAGGED
    flip_held_ms = held_since(
        found, grounds, above, table.flip_held_ms[touched],
        after=after, now_ms=now_ms, first=not table.voters.any(),
    )  # fmt: skip
    verdicts, locked = ruled(found, grounds, held=flip_held_ms > 0, above=above)
    judged = Judged(
        keys=touched,
        verdicts=verdicts,
        channel=agreed_channels(found.words, touched),
        locked=locked,
        unflagged=found.unflagged(),
        hidden=np.isin(touched, grounds.hidden),
        flip_held_ms=flip_held_ms,
    )
    table, changed = judge(table, judged, minimum=minimum, now_ms=now_ms)
    return Scored(table, changed, reliabilities)


def _held_flips(table: VerdictTable, through: int) -> HeldFlips:
    video = np.flatnonzero(table.flip_held_ms).astype(np.int32)
    return HeldFlips(video, table.flip_held_ms[video], table.score[video] >= FLAGGED, through)


def _again(log: LogReader, log_id: str, position: int, round_ms: int) -> Standing:
    return full_round(log.votes(position), log.decisions(position), log_id=log_id, position=position, now_ms=round_ms)
