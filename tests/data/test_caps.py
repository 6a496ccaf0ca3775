"""The limits of what votes on one side of a video may do together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.caps import shares
from data.columns import Floats

AMOUNTS = st.floats(0.0, 12.0)


def flags(
    prior: float, *, new: float = 0.0, known: float = 0.0, proven: tuple[float, ...] = (), room: float = 2.0
) -> float:
    """What flags add to a video's log-odds; `known` comes from many voters, `proven` from one each."""
    kinds = [np.array([0.0, value]) for value in (new, known, 0.0, sum(proven))]
    heaviest: Floats = np.array([0.0, max(proven, default=0.0)])
    left = shares(*kinds, heaviest=heaviest, most_proven=heaviest, room=room, prior=np.array([prior]))
    said = kinds[0] * left[0] + kinds[1] * left[1] + kinds[3] * left[2]
    return float((said * left[3])[1])


@given(AMOUNTS, AMOUNTS, st.floats(1.0, 4.0))
def test_a_crowd_without_proven_voters_stays_below_50(new: float, known: float, lack: float) -> None:
    """However many they are, wherever the neutral level is, on any channel that is no likelier than a neutral video."""
    assert flags(-lack, new=new, known=known, room=min(lack, 2.5)) < lack


@given(st.floats(0.0, 12.0), st.floats(0.31, 4.0), st.floats(0.1, 4.0))
def test_a_lone_voice_stays_below_50(weight: float, lack: float, room: float) -> None:
    """On any channel up to 42 %, however proven it is."""
    assert flags(-lack, proven=(weight,), room=room) < lack


def test_two_proven_voters_pass() -> None:
    """And the third lifts the score by more than its own weight."""
    assert flags(-2.0, proven=(1.5,)) < 2.0 < flags(-2.0, proven=(1.5, 1.5))
    assert flags(-2.0, known=4.0, proven=(1.5, 0.5)) - flags(-2.0, known=4.0, proven=(1.5, 0.2)) > 0.3


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.floats(-4.0, 2.0), st.floats(0.0, 1.7))
def test_more_never_counts_less(new: float, known: float, one: float, other: float, prior: float, more: float) -> None:
    """Another newcomer, established or proven voter never lowers what a side adds."""
    before = flags(prior, new=new, known=known, proven=(one, other))
    assert flags(prior, new=new + more, known=known, proven=(one, other)) >= before - 1e-9
    assert flags(prior, new=new, known=known + more, proven=(one, other)) >= before - 1e-9
    assert flags(prior, new=new, known=known, proven=(one, other, more)) >= before - 1e-9
