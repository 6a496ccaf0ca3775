"""The scores of one tick: all videos when a round is due, else only those that were touched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data import decisions as rulings
from data.channels import agreed_channels
from data.columns import Decisions, Keys, Votes, standing
from data.holds import held_until
from data.log.read import LogReader
from data.priors import priors
from data.score import Videos
from data.standing import Standing
from data.verdicts import unflagged, verdicts_of
from publisher.scoring.crowd import audits_of
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
    if known is None:
        votes = log.votes(through)
        reliabilities = full_round(votes, decided, log_id=log_id, position=through, now_ms=now_ms)
    else:
        reliabilities = known if isinstance(known, Standing) else _again(log, log_id, *known)
        waiting = np.flatnonzero(table.held).astype(np.int32)  # holds lapse though nobody votes
        votes = log.votes_of_touched(after, through, waiting)
    touched = np.flatnonzero(np.bincount(votes.video)).astype(np.int32)  # keys are dense: ten times as fast as unique
    return rescore(table, votes, touched, decided, reliabilities, now_ms=now_ms, minimum=minimum)


def rescore(
    table: VerdictTable,
    votes: Votes,
    touched: Keys,
    decided: Decisions,
    reliabilities: Standing,
    *,
    now_ms: int,
    minimum: int,
) -> Scored:
    """Scores some videos from all their votes, by given reliabilities. Pure.

    Args:
        table: The verdicts before.
        votes: All votes of the touched videos, in any order.
        touched: Their keys, ascending.
        decided: All decisions up to the tick.
        reliabilities: What voters count for.
        now_ms: Time of the tick.
        minimum: The score at which a video enters the published set.
    """
    counting, appointed = rulings.counting(votes, rulings.banned(decided)), rulings.moderators(decided)
    standing_votes = standing(counting)
    held = held_until(counting, standing_votes, appointed, rulings.released(decided), now_ms=now_ms) > 0
    videos = Videos(touched, priors(reliabilities, standing_votes, touched), audits_of(touched, decided))
    voters = rulings.with_moderators(reliabilities.voters, appointed)
    verdicts = verdicts_of(standing_votes, held, voters, videos)
    alone = unflagged(verdicts, videos)
    verdicts, locked = rulings.with_locks(verdicts, touched, *rulings.locks(decided))
    hidden = np.isin(touched, rulings.hidden(decided))
    channel = agreed_channels(standing_votes, touched)
    judged = Judged(touched, verdicts, channel, locked, alone, hidden)
    table, changed = judge(table, judged, minimum=minimum, now_ms=now_ms)
    return Scored(table, changed, reliabilities)


def _again(log: LogReader, log_id: str, position: int, round_ms: int) -> Standing:
    return full_round(log.votes(position), log.decisions(position), log_id=log_id, position=position, now_ms=round_ms)
