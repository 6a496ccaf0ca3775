"""What a channel's other videos say of a video: an empirical Bayes mixture over channels' shares of AI. Pure.

Each channel has an unknown share of AI; most have next to none, some next to nothing else. The votes of established
voters on its videos are likelihood ratios, so the share's posterior is a product over videos, and a video's own prior
is the posterior mean without that video. Voters who speak often of one channel speak as one: a channel is as well
known as it has distinct voices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.columns import Floats, Ints, Keys
from data.score import logit, probability, sums

SHARES = np.array([0.005, 0.03, 0.15, 0.5, 0.85, 0.97])
"""Shares of AI that a channel may have."""
SPREAD = np.array([0.55, 0.3, 0.1, 0.06, 0.06, 0.06])
"""How common they are before anything is known, not yet moved to the global rate."""
VOICE_LIMIT = 1.5
"""One voter's votes on one channel say no more together than so many votes."""
LOWEST, HIGHEST = float(logit(0.02)), float(logit(0.85))
"""A channel's prior stays within these: votes on the video itself decide."""
UNPROVEN_HIGHEST = -0.8
"""A channel that few distinct voters speak of lifts its videos no higher: one newcomer then leaves them below 50."""
VOICES = (0.0, 2.0, 8.0)
"""Distinct voices, each at most 1, at which a channel's prior may rise at all, to `UNPROVEN_HIGHEST`, to `HIGHEST`."""
DECIDED_VOICES = 16.0
"""How many voices an audit or a moderator is."""
ROWS_AT_ONCE = 1 << 18
"""So many videos are weighed against their channels at a time."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What channels say of their videos."""

    of_channel: Floats
    """By channel key: log-odds that it adds to a neutral video's."""
    of_row: Floats
    """By row of video: the same from the channel's other videos; 0 without a channel."""
    highest: Floats
    """By channel key: the prior goes no higher."""
    low: Floats
    """By channel key: lower end of the 90 % interval of its share of AI."""
    share: Floats
    high: Floats
    settled: Floats
    """By channel key: videos that audits or established voters spoke of."""


def channel_rates(
    row: Ints,
    channel: Keys,
    *,
    voter: Keys,
    signed: Floats,
    decided: Floats,
    prior: float,
    rate: float,
    channels: int,
) -> Rates:
    """Learns the shares of AI.

    Args:
        row: Row of the video of each vote.
        channel: By row of video: its channel, 0 none.
        voter: Of each vote.
        signed: Of each vote: log-odds that it adds (flags) or takes; 0 for newcomers.
        decided: By row: log-odds of an audit or 0; moderators' votes come as votes.
        prior: Log-odds of a video of an unknown channel.
        rate: Log-odds of the share of AI among voted videos.
        channels: How many channel keys there are.

    Returns:
        What each channel adds, by channel key and by row.
    """
    rows = len(channel)
    spoken = np.flatnonzero((channel[row] > 0) & (signed != 0))
    pair = (channel[row[spoken]].astype(np.int64) << 32) | voter[spoken]
    pairs, which, count = np.unique(pair, return_inverse=True, return_counts=True)
    del pair
    share = np.minimum(1.0, VOICE_LIMIT / count[which])
    votes, heard = sums(row[spoken], signed[spoken], rows), np.bincount(row[spoken], minlength=rows)
    told = sums(row[spoken], share, rows) / np.maximum(heard, 1)
    votes = np.where(heard > 0, told * (votes - _usual(votes[heard > 0], rate)), 0.0)
    ratio = np.exp(np.clip(np.where(decided != 0.0, decided, votes), -4.0, 4.0))
    known = channel > 0
    total = np.stack([sums(channel, np.log1p(one * (ratio - 1.0)) * known, channels) for one in SHARES])
    voices = _voices((pairs >> 32).astype(np.int64), which, signed[spoken], channels)
    voices += DECIDED_VOICES * np.bincount(channel[decided > 0], minlength=channels)
    weight = _posterior(total, rate)
    low, high = _interval(weight)
    return Rates(
        of_channel=_mean(weight) - rate,
        of_row=_of_others(total, channel, ratio, rate),
        highest=np.interp(voices, VOICES, (prior, max(prior, UNPROVEN_HIGHEST), max(prior, HIGHEST))),
        low=low,
        share=probability(_mean(weight)),
        high=high,
        settled=np.bincount(channel[(heard > 0) | (decided != 0.0)], minlength=channels).astype(np.float64),
    )


def _usual(votes: Floats, rate: float) -> float:
    """What votes say of the usual voted video, so that beyond it they leave the share of AI as it is."""
    if not len(votes):
        return 0.0
    count, edges = np.histogram(np.clip(votes, -8.0, 8.0), bins=320, range=(-8.0, 8.0))
    middle, low, high = (edges[1:] + edges[:-1]) / 2, -8.0, 8.0
    wanted = len(votes) * float(probability(np.array(rate)))
    for _ in range(40):
        usual = (low + high) / 2
        low, high = (usual, high) if (count * probability(rate + middle - usual)).sum() > wanted else (low, usual)
    return (low + high) / 2


def _posterior(loglik: Floats, prior: float) -> Floats:
    weight = np.log(_spread(prior))[:, None] + loglik
    weight = np.exp(weight - weight.max(axis=0))
    return np.asarray(weight / weight.sum(axis=0), np.float64)


def _mean(weight: Floats) -> Floats:
    return logit((weight * SHARES[:, None]).sum(axis=0))


def _interval(weight: Floats) -> tuple[Floats, Floats]:
    """The shares between which nine tenths of the posterior lie."""
    up_to = np.cumsum(weight, axis=0)
    return SHARES[(up_to < 0.05).sum(axis=0).clip(0, 5)], SHARES[(up_to < 0.95).sum(axis=0).clip(0, 5)]


def _spread(prior: float) -> Floats:
    """The mixture, tilted so that its mean is the global rate."""
    low, high = -20.0, 20.0
    odds, wanted = logit(SHARES), 1.0 / (1.0 + np.exp(-prior))
    spread = SPREAD
    for _ in range(40):
        tilt = (low + high) / 2
        spread = SPREAD * np.exp(tilt * odds - (tilt * odds).max())
        spread = spread / spread.sum()
        low, high = (tilt, high) if (spread * SHARES).sum() < wanted else (low, tilt)
    return spread


def _of_others(total: Floats, channel: Keys, ratio: Floats, rate: float) -> Floats:
    """By row: what the channel's other videos add; in parts, which bounds memory."""
    found = np.zeros(len(channel))
    for first in range(0, len(channel), ROWS_AT_ONCE):
        here = slice(first, first + ROWS_AT_ONCE)
        own = np.log1p(SHARES[:, None] * (ratio[here] - 1.0)) * (channel[here] > 0)
        found[here] = _mean(_posterior(total[:, channel[here]] - own, rate)) - rate
    return np.where(channel > 0, found, 0.0)


def _voices(channel: Ints, which: Ints, signed: Floats, channels: int) -> Floats:
    """By channel: how many distinct voices flag its videos.

    Args:
        channel: Of each pair of a channel and a voter.
        which: Pair of each vote.
        signed: Of each vote: log-odds that it adds or takes.
        channels: How many channel keys there are.
    """
    flags = np.flatnonzero(signed > 0)[::-1]
    first = np.zeros(len(channel))
    first[which[flags]] = signed[flags]  # of several votes the first one stays
    loud = np.where(first >= 3.0, DECIDED_VOICES, np.minimum(1.0, first))
    return sums(channel, loud, channels)
