"""The limits of what votes on one side of a video may do together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.caps import shares
from data.columns import Floats

AMOUNTS = st.floats(0.0, 12.0)


def flags(
    prior: float,
    *,
    new: float = 0.0,
    known: float = 0.0,
    proven: tuple[float, ...] = (),
    cluster: float = 0.0,
    room: float = 2.0,
) -> float:
    """What flags add to a video's log-odds; `known` comes from many voters, `proven` from one each."""
    kinds = [np.array([0.0, value]) for value in (new, known + cluster, 0.0, sum(proven))]
    most: Floats = np.array([0.0, max(proven, default=0.0)])
    heaviest, single = np.maximum(most, [0.0, cluster]), np.array([0.0, new + known + sum(proven)])
    left = shares(*kinds, heaviest=heaviest, single=single, most_proven=most, room=room, prior=np.array([prior]))
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


@given(st.floats(0.01, 12.0), st.floats(-4.0, 2.0), st.floats(0.0, 4.0))
def test_a_cluster_alone_never_passes_50(weight: float, prior: float, room: float) -> None:
    """On no channel: where the channel alone leads to 50 or beyond, a cluster's flags weigh nothing."""
    if prior >= 0.0:
        assert flags(prior, cluster=weight, room=room) == 0.0
    else:
        assert flags(prior, cluster=weight, room=room) < -prior


def test_one_voter_beside_a_cluster_passes_where_one_alone_does() -> None:
    """A cluster takes nothing from others, and is a voice beside them."""
    assert flags(0.5, cluster=1.2) == 0.0 < flags(0.5, new=0.447) <= flags(0.5, cluster=1.2, new=0.447)
    assert flags(-0.2, new=0.447) > 0.2
    assert flags(-2.0, cluster=1.2, new=1.6) < 2.0


def test_two_proven_voters_pass() -> None:
    """And the third lifts the score by more than its own weight."""
    assert flags(-2.0, proven=(1.5,)) < 2.0 < flags(-2.0, proven=(1.5, 1.5))
    assert flags(-2.0, known=4.0, proven=(1.5, 0.5)) - flags(-2.0, known=4.0, proven=(1.5, 0.2)) > 0.3


@given(st.tuples(*[AMOUNTS] * 4), st.floats(0.0, 1.7), st.floats(-4.0, 2.0), st.floats(0.0, 1.7))
def test_more_never_counts_less(
    said: tuple[float, float, float, float], cluster: float, prior: float, more: float
) -> None:
    """Another newcomer, established, clustered or proven voter never lowers what a side adds."""
    new, known, one, other = said
    before = flags(prior, new=new, known=known, proven=(one, other), cluster=cluster)
    assert flags(prior, new=new + more, known=known, proven=(one, other), cluster=cluster) >= before - 1e-9
    assert flags(prior, new=new, known=known + more, proven=(one, other), cluster=cluster) >= before - 1e-9
    assert flags(prior, new=new, known=known, proven=(one, other, more), cluster=cluster) >= before - 1e-9
    assert flags(prior, new=new, known=known, proven=(one, other), cluster=max(cluster, more)) >= before - 1e-9
