"""What votes say of the audited videos, each vote weighed by what is known of its voter without that audit. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from data.columns import Floats, Keys
from data.records import NOT_AI_BIT
from data.score import Videos, contributions, sums
from data.voters import ESTABLISHED, NEWCOMER, NEWCOMER_COUNTER, NEWCOMER_FLAG, Levels, Voters
from publisher.scoring.calibration import LEAST, MOST, fitted, shift, stretch
from publisher.scoring.crowd import Crowd
from publisher.scoring.reliability import CREDITED_TO_ESTABLISH, Pool, Record, flag_and_counter, proven_share

NEWCOMERS_SAY = 1.0
"""Newcomers' votes on audited videos are taken as given, and no further: else a brigade on them could bend the fit."""


def levels(crowd: Crowd, voters: Voters, record: Record, pool: Pool, channel: Floats, prior: Floats) -> Levels:
    """Fits what evidence is worth on the audited videos.

    What votes are worth is learned from them without limits; the neutral level and the stretch from what the limits
    leave, which is what scores are made of.

    Args:
        crowd: Votes and audits.
        voters: What voters count for now.
        record: The credited votes behind it.
        pool: And their pool.
        channel: By row: log-odds that the channel's other videos add.
        prior: By row: log-odds before any vote, by the levels that hold for now.
    """
    audit = crowd.videos.audit
    about = np.flatnonzero(audit[crowd.row] >= 0)
    chosen = np.flatnonzero(audit >= 0)
    votes = crowd.votes.take(about)
    flag, ai = votes.categories < NOT_AI_BIT, audit[crowd.row[about]] == 1
    without = record.without(votes.voter, flag=flag, ai=ai)
    each = _each(voters, without, pool, votes.voter, crowd.audited[votes.voter] - 1.0)
    renamed = replace(votes, voter=np.arange(1, len(about) + 1, dtype=np.int32))
    label, videos = (audit[chosen] == 1) * 1.0, Videos(crowd.videos.video[chosen], prior[chosen], audit[chosen])
    parts = contributions(renamed, each, videos)
    heard = np.where(parts.level == NEWCOMER, 0.0, parts.evidence)
    new = np.where(parts.level == NEWCOMER, np.where(parts.flag, parts.evidence, -parts.evidence), 0.0)
    nothing = np.zeros(len(crowd.unvoted))
    found = fitted(
        np.concatenate([label, crowd.unvoted]),
        np.concatenate([channel[chosen], nothing]),
        np.concatenate([sums(parts.row, heard * parts.flag, len(chosen)) / voters.levels.flags, nothing]),
        np.concatenate([sums(parts.row, heard * ~parts.flag, len(chosen)) / voters.levels.counters, nothing]),
        given=np.concatenate([np.clip(sums(parts.row, new, len(chosen)), -NEWCOMERS_SAY, NEWCOMERS_SAY), nothing]),
    )
    signed = sums(parts.row, np.where(parts.flag, parts.log_odds, -parts.log_odds), len(chosen))
    log_odds = prior[chosen] + found.neutral - voters.levels.neutral + signed
    more = shift(label, log_odds)
    neutral = float(np.clip(found.neutral + more, LEAST[0], MOST[0]))
    return replace(found, neutral=neutral, stretch=stretch(label, log_odds + more))


def _each(voters: Voters, without: Record, pool: Pool, key: Keys, audited: Floats) -> Voters:
    """One voter a vote: the voter as without that vote's audit; entry 0 belongs to nobody."""
    now = voters.of(key)
    flag, counter = flag_and_counter(without, pool)
    was = now.level == ESTABLISHED
    remains = was & (without.credited() >= CREDITED_TO_ESTABLISH)
    return Voters(
        level=_after_nobody(np.where(was & ~remains, NEWCOMER, now.level)).astype(np.uint8),
        flag_weight=_after_nobody(np.where(remains, flag, np.where(was, NEWCOMER_FLAG, now.flag_weight))),
        counter_weight=_after_nobody(np.where(remains, counter, np.where(was, NEWCOMER_COUNTER, now.counter_weight))),
        proven=_after_nobody(np.where(remains, proven_share(without, audited, pool), 0.0)),
        levels=voters.levels,
    )


def _after_nobody(column: npt.NDArray[Any]) -> Floats:
    return np.concatenate([np.zeros(1), column])
