"""From confirmed votes to weights: what each voter's flags and counter-votes are worth. Pure.

Where flags and counter-votes meet, a voter has two error rates, as in Dawid and Skene (1979): how often they flag what
is AI-made, and what is not. Where nobody casts counter-votes those rates say nothing, and only how often a flag was
right remains, relative to everybody's. The share of the first grows with the evidence for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.caps import ratio
from data.columns import Floats, Keys, Mask
from data.score import logit

CREDITED_TO_ESTABLISH = 1.5
"""So many credited votes make a voter established."""
POOL_VOTES = 4.0
"""A voter's rates start from the pool's, worth this many votes."""
FLAG_RATES = (0.7, 0.25)
"""How often voters flag what is AI-made, and what is not, before anything is known."""
RIGHT_RATES = (0.75, 0.97)
"""How often flags and counter-votes are right, before anything is known."""
RATE_VOTES = 10.0
"""How many votes each of the rates above is worth."""
RELATIVE_LEVEL = 2.0
"""Log-odds of a voter who is exactly as reliable as the pool, while only relative reliability is known."""
BOTH_SIDES_HALF = 30.0
"""So many credited votes of the rarer side make error rates and relative reliability count alike."""
WEIGHT_CAP = 1.7
"""No voter's vote counts for more: below 1.99, what a neutral video lacks to 50."""
RECORD_SLOPE = 0.3
"""A vote counts for at most this times the square root of the credited votes."""
AUDITED_WORTH = 10.0
"""An audited vote counts as so many credited ones when the length of a record is measured: nobody chooses audits."""
FLAGS_SPEAK_FOR = 3.0
"""What a voter's flags are worth rests on a record no longer than this times its flags: counter-votes are the easier
ones to be right with."""
PROVEN_FROM = 20.0
"""Beyond this length a record proves a growing share of the weight, where counter-votes are usual."""
UNANSWERED_FROM = 100.0
"""The same where nobody casts any: flags alone can only echo each other."""
USUAL_COUNTERS = 0.25
"""Counter-votes are usual for a voter once they are this share of what the voter says."""
SELDOM, USUALLY = 0.3, 0.6
"""And in a crowd: not while they are for this share of its voters, wholly once they are for that share."""
PROVEN_HALF = 40.0
"""So much more proves half."""


@dataclass(frozen=True, slots=True)
class Record:
    """Credited votes of each voter, by voter key: sums of credits, so seldom whole numbers."""

    right_flags: Floats
    wrong_flags: Floats
    right_counters: Floats
    wrong_counters: Floats
    length: Floats
    """Credited votes, each by how little it was to be expected: what is always right proves nothing."""
    flags_length: Floats
    """The same of flags alone."""

    def credited(self) -> Floats:
        """All credited votes."""
        return self.right_flags + self.wrong_flags + self.right_counters + self.wrong_counters

    def without(self, voter: Keys, *, flag: Mask, ai: Mask) -> Record:
        """One entry a vote: the voter's record less this vote, fully credited as `ai` says it was."""
        return Record(
            np.maximum(self.right_flags[voter] - (flag & ai), 0.0),
            np.maximum(self.wrong_flags[voter] - (flag & ~ai), 0.0),
            np.maximum(self.right_counters[voter] - (~flag & ~ai), 0.0),
            np.maximum(self.wrong_counters[voter] - (~flag & ai), 0.0),
            np.maximum(self.length[voter] - 1.0, 0.0),
            np.maximum(self.flags_length[voter] - flag, 0.0),
        )


@dataclass(frozen=True, slots=True)
class Pool:
    """What all voters are together: the starting point of each."""

    on_ai: float
    """How often credited votes on AI-made videos are flags."""
    on_human: float
    """How often credited votes on videos made by people are flags."""
    right_flags: float
    """How often credited flags are right."""
    right_counters: float
    both: float
    """How far the error rates are trusted, 0-1."""
    answered: float
    """How usual counter-votes are, 0-1."""


def pool_of(record: Record, members: Mask) -> Pool:
    """Sums up the records of these voters; by voter key."""
    right, wrong = float(record.right_flags[members].sum()), float(record.wrong_flags[members].sum())
    human, missed = float(record.right_counters[members].sum()), float(record.wrong_counters[members].sum())
    flags, counters = right + wrong, human + missed
    rarer = min(flags, counters)
    return Pool(
        on_ai=_share(right, missed, FLAG_RATES[0]),
        on_human=_share(wrong, human, FLAG_RATES[1]),
        right_flags=_share(right, wrong, RIGHT_RATES[0]),
        right_counters=_share(human, missed, RIGHT_RATES[1]),
        both=rarer / (rarer + BOTH_SIDES_HALF),
        answered=_answered(record, members),
    )


def _answered(record: Record, members: Mask) -> float:
    """How usual counter-votes are: a matter of voters, each at most one voice, and none whose flags have no record.

    Counted by votes, a few busy accounts with safe counter-votes would make them look usual.
    """
    flags = (record.right_flags + record.wrong_flags)[members]
    counters = (record.right_counters + record.wrong_counters)[members]
    usual = np.minimum(1.0, ratio(counters, USUAL_COUNTERS * (flags + counters)))
    voice = np.minimum(1.0, record.flags_length[members])
    share = float((voice * usual).sum()) / max(1.0, float(voice.sum()))
    return min(1.0, max(0.0, (share - SELDOM) / (USUALLY - SELDOM)))


def flag_and_counter(record: Record, pool: Pool) -> tuple[Floats, Floats]:
    """Log-odds of each voter's flags and counter-votes, >= 0, within what the record allows."""
    on_ai = _rate(record.right_flags, record.wrong_counters, pool.on_ai)
    on_human = _rate(record.wrong_flags, record.right_counters, pool.on_human)
    right_flag = _rate(record.right_flags, record.wrong_flags, pool.right_flags)
    right_counter = _rate(record.right_counters, record.wrong_counters, pool.right_counters)
    flag = RELATIVE_LEVEL + logit(right_flag) - logit(pool.right_flags)
    counter = RELATIVE_LEVEL + logit(right_counter) - logit(pool.right_counters)
    flag = pool.both * np.log(on_ai / on_human) + (1.0 - pool.both) * flag
    counter = pool.both * np.log((1.0 - on_human) / (1.0 - on_ai)) + (1.0 - pool.both) * counter
    flag = np.clip(flag, 0.0, _allowed(np.minimum(record.length, FLAGS_SPEAK_FOR * record.flags_length)))
    return flag, np.clip(counter, 0.0, _allowed(record.length))


def _allowed(length: Floats) -> Floats:
    return np.minimum(WEIGHT_CAP, RECORD_SLOPE * np.sqrt(length))


def proven_share(record: Record, audited: Floats, pool: Pool) -> Floats:
    """The share of each voter's weight that rests on a long record.

    Args:
        record: Credited votes.
        audited: How many of each voter's votes an audit has settled.
        pool: What all voters are together.
    """
    wanted = pool.answered * PROVEN_FROM + (1.0 - pool.answered) * UNANSWERED_FROM
    beyond = np.maximum(record.length + AUDITED_WORTH * audited - wanted, 0.0)
    return np.asarray(beyond / (beyond + PROVEN_HALF), np.float64)


def _share(yes: float, no: float, before: float) -> float:
    return (yes + RATE_VOTES * before) / (yes + no + RATE_VOTES)


def _rate(yes: Floats, no: Floats, pool: float) -> Floats:
    return np.asarray((yes + POOL_VOTES * pool) / (yes + no + POOL_VOTES), np.float64)
