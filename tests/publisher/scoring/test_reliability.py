"""What a record is worth, given what the pool is like."""

from __future__ import annotations

import numpy as np

from data.columns import Floats
from publisher.scoring.calibration import shift
from publisher.scoring.reliability import Record, pool_of, proven_share


def record(flags: float, counters: float) -> Record:
    """A hundred voters of one kind, all of them mostly right; the first has so many unexpected votes."""
    many = np.ones(100)
    return Record(many * flags, many * 0.1, many * counters, many * 0.1, length=many * 90.0, flags_length=many * 90.0)


def test_unanswered_flags_need_a_longer_record() -> None:
    """A record of ninety proves more than half beside counter-votes, nothing without; an audit counts in both."""
    everyone, no_audit = np.ones(100, np.bool_), np.zeros(100)
    answered, alone = record(8.0, 6.0), record(8.0, -0.1)
    assert pool_of(answered, everyone).answered == 1.0
    assert pool_of(alone, everyone).answered == 0.0
    assert 0.5 < proven_share(answered, no_audit, pool_of(answered, everyone))[0] < 0.7
    assert proven_share(alone, no_audit, pool_of(alone, everyone))[0] == 0.0
    assert proven_share(alone, no_audit + 2.0, pool_of(alone, everyone))[0] > 0.0
    assert pool_of(alone, ~everyone).answered == 0.0


def test_busy_accounts_do_not_make_counter_votes_usual() -> None:
    """The second hole: a few accounts whose counter-votes outnumber all flags shorten nobody's record."""
    crowd, few = 100, 30

    def beside(flags: float, counters: float, accounts: int = few) -> float:
        def column(honest: float, other: float) -> Floats:
            return np.concatenate([np.full(crowd, honest), np.full(accounts, other)])

        nothing = column(0.0, 0.0)
        joined = Record(
            column(8.0, flags), nothing, column(0.0, counters), nothing, column(5.0, 9.0), column(5.0, flags)
        )
        return pool_of(joined, np.ones(crowd + accounts, np.bool_)).answered

    assert beside(0.0, 4000.0) == 0.0
    assert beside(50.0, 4000.0) == 0.0
    assert 0.0 < beside(50.0, 50.0, accounts=90) < 1.0
    assert beside(50.0, 50.0, accounts=200) == 1.0


def test_the_shift_gives_back_what_limits_took() -> None:
    """Log-odds that are one too low move up by nearly one; few audits move nothing; extremes stay finite."""
    draw = np.random.default_rng(1)
    truth = np.asarray(draw.normal(0.0, 1.5, 4000), np.float64)
    label = np.asarray(draw.random(4000) < 1.0 / (1.0 + np.exp(-truth)), np.float64)
    assert 0.85 < shift(label, truth - 1.0) < 1.1
    assert abs(shift(label[:3], truth[:3] - 1.0)) < 0.5
    assert abs(shift(label, truth)) < 0.12
    assert np.isfinite(shift(np.ones(50), np.full(50, -30.0)))
    assert shift(np.empty(0), np.empty(0)) == 0.0
