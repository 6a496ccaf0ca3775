"""The full round: what each voter's vote counts for, learned from all standing votes. Pure.

`docs/scoring.md` gives the formulas, their sources and the reason of every constant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from data import decisions as rulings
from data.columns import Decisions, Floats, Ints, Keys, Mask, Votes
from data.judging import grounds_of, said
from data.score import Contributions, Verdicts, Videos, contributions, probability, sums
from data.standing import Channels, Standing
from data.voters import ESTABLISHED, MODERATOR, NEWCOMER, NEWCOMER_COUNTER, NEWCOMER_FLAG, YOUNG_SHARE, Levels, Voters
from publisher.scoring import anchors
from publisher.scoring.channels import LOWEST, Rates, channel_rates
from publisher.scoring.crowd import Crowd, crowd_of, with_claims
from publisher.scoring.reliability import CREDITED_TO_ESTABLISH, Pool, Record, flag_and_counter, pool_of, proven_share

ROUNDS = 6
"""How often reliabilities are learned anew; the seventh changes accuracy on real crowds by less than 0.001."""
CLAIMS_AT = (0, 2)
"""After these rounds the channels are settled anew, by whoever is established then."""
NEWCOMER_VOTES = 8
"""A newcomer's weight is spread over at most this many votes."""
EVIDENCE_EACH = 2.0
"""Each established voter is at least this much evidence, however short the record that limits the weight."""
EVIDENCE_HALF = 1.0
"""Credit is weighted e / (e + this), e being the log-odds that established others gave."""
AUDIT_LOG_ODDS = 4.0
"""What an audit says of its video's channel."""


@dataclass(frozen=True, slots=True)
class Scores:
    """All verdicts of a set of votes."""

    videos: Keys
    """Keys of the videos with a standing vote, ascending."""
    verdicts: Verdicts
    standing: Standing


def score_all(votes: Votes, decided: Decisions, *, now_ms: int) -> Scores:
    """A full round, and every video scored by it."""
    learned = full_round(votes, decided, log_id="", position=len(votes), now_ms=now_ms)
    found = said(votes, grounds_of(learned, decided), now_ms=now_ms)
    return Scores(found.videos.video, found.verdicts, learned)


def full_round(
    votes: Votes,
    decided: Decisions,
    *,
    log_id: str,
    position: int,
    now_ms: int,
    standing_rows: Ints | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Standing:
    """Learns every voter's reliability: a pure function of the log up to a position, and of a time.

    Args:
        votes: All votes up to `position`, in any order.
        decided: All decisions up to `position`.
        log_id: The log they come from.
        position: How far the log was read.
        now_ms: By which ages are counted, Unix milliseconds.
        standing_rows: `columns.last_words` of the votes that count, when it is known already.
        progress: Called with the count of finished rounds.
    """
    crowd = crowd_of(votes, decided, now_ms, standing_rows)
    nothing = np.zeros(len(crowd.since_ms))
    record = Record(nothing, nothing, nothing, nothing, nothing, nothing)
    levels = Levels(neutral=float(crowd.videos.prior[0])) if len(crowd.videos) else Levels()
    members = ~crowd.young() & ~crowd.moderator & (crowd.cluster == 0)  # a ring does not say what voters are like
    voters, videos = _voters(crowd, record, pool_of(record, members), levels), crowd.videos
    rates = None
    for done in range(ROUNDS):
        parts = contributions(crowd.votes, voters, videos)
        rates = _rates(crowd, parts, levels)
        videos = replace(crowd.videos, prior=_row_priors(crowd, rates, levels))
        record = _record(crowd, videos, parts)
        pool = pool_of(record, members & (record.credited() >= CREDITED_TO_ESTABLISH))
        levels = anchors.levels(crowd, voters, record, pool, rates.of_row, videos.prior)
        voters = _voters(crowd, record, pool, levels)
        if done in CLAIMS_AT:
            crowd = with_claims(crowd, voters.level != NEWCOMER)
        progress(done + 1)
    assert rates is not None
    return Standing(
        log_id,
        round_position=position,
        round_ms=now_ms,
        prior=levels.neutral,
        voters=voters,
        channels=_channels(crowd, rates, levels),
    )


def _rates(crowd: Crowd, parts: Contributions, levels: Levels) -> Rates:
    signed = np.where(parts.level == NEWCOMER, 0.0, np.where(parts.flag, parts.evidence, -parts.evidence))
    audit, voter, cluster = crowd.videos.audit, crowd.votes.voter, crowd.cluster[crowd.votes.voter]
    return channel_rates(
        parts.row,
        crowd.channel,
        voter=np.where(cluster > 0, cluster, voter),  # a cluster is one voice, whichever member speaks
        signed=signed,
        decided=np.where(audit >= 0, np.where(audit == 1, AUDIT_LOG_ODDS, -AUDIT_LOG_ODDS), 0.0),
        prior=levels.neutral,
        rate=float(crowd.videos.prior[0]) if len(crowd.videos) else levels.neutral,
        channels=crowd.channels,
    )


def _row_priors(crowd: Crowd, rates: Rates, levels: Levels) -> Floats:
    prior = levels.neutral + levels.channel * rates.of_row
    limited = np.clip(prior, min(LOWEST, levels.neutral), np.maximum(rates.highest[crowd.channel], levels.neutral))
    return np.where(crowd.channel > 0, limited, levels.neutral)


def _channels(crowd: Crowd, rates: Rates, levels: Levels) -> Channels:
    prior = levels.neutral + levels.channel * rates.of_channel
    prior = np.clip(prior, min(LOWEST, levels.neutral), np.maximum(rates.highest, levels.neutral))
    size = 1 + int(crowd.videos.video.max(initial=0))
    video_channel, video_prior = np.zeros(size, np.int32), np.full(size, levels.neutral)
    video_channel[crowd.videos.video] = crowd.channel
    video_prior[crowd.videos.video] = _row_priors(crowd, rates, levels)
    return Channels(
        truthful=crowd.truthful,
        prior=prior,
        video_channel=video_channel,
        video_prior=video_prior,
        low=rates.low,
        share=rates.share,
        high=rates.high,
        settled=rates.settled,
    )


def _record(crowd: Crowd, videos: Videos, parts: Contributions) -> Record:
    chance, weight = _confirmations(videos, parts, crowd.own)
    size, ai, human = len(crowd.since_ms), weight * chance, weight * (1.0 - chance)

    def total(amount: Floats, chosen: Mask) -> Floats:
        return sums(crowd.votes.voter, np.where(chosen, amount, 0.0), size)

    expected = probability(np.where(parts.flag, 1.0, -1.0) * videos.prior[parts.row])
    surprise = np.minimum(1.0, 2.0 * (1.0 - expected))
    return Record(
        right_flags=total(ai, parts.flag),
        wrong_flags=total(human, parts.flag),
        right_counters=total(human, ~parts.flag),
        wrong_counters=total(ai, ~parts.flag),
        length=sums(crowd.votes.voter, weight * surprise, size),
        flags_length=total(weight * surprise, parts.flag),
    )


def _confirmations(videos: Videos, parts: Contributions, own: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """The chance that each vote's video is AI by everything but this vote's cluster, and how far that can be relied on.

    Newcomers say nothing here: nothing flows from newcomers to newcomers.
    """
    heard = np.where(parts.level == NEWCOMER, 0.0, parts.evidence)
    signed = np.where(parts.flag, heard, -heard)
    others = (videos.prior + sums(parts.row, signed, len(videos)))[parts.row] - own(signed)
    reliable = np.where(parts.level == NEWCOMER, 0.0, np.where(heard > 0, np.maximum(heard, EVIDENCE_EACH), 0.0))
    evidence = np.maximum(sums(parts.row, reliable, len(videos))[parts.row] - own(reliable), 0.0)
    audit = videos.audit[parts.row]
    chance = np.where(audit >= 0, np.clip(audit, 0, 1), probability(others))
    return chance, np.where(audit >= 0, 1.0, evidence / (evidence + EVIDENCE_HALF))


def _voters(crowd: Crowd, record: Record, pool: Pool, levels: Levels) -> Voters:
    young = crowd.young()
    established = (record.credited() >= CREDITED_TO_ESTABLISH) & ~young & ~crowd.moderator
    newcomer = np.where(young, YOUNG_SHARE, 1.0) * NEWCOMER_VOTES / np.maximum(crowd.cast, NEWCOMER_VOTES)
    flag, counter = flag_and_counter(record, pool)
    learned = Voters(
        level=np.where(crowd.moderator, MODERATOR, np.where(established, ESTABLISHED, NEWCOMER)).astype(np.uint8),
        flag_weight=np.where(established, flag, NEWCOMER_FLAG * newcomer),
        counter_weight=np.where(established, counter, NEWCOMER_COUNTER * newcomer),
        proven=np.where(established & (crowd.cluster == 0), proven_share(record, crowd.audited, pool), 0.0),
        cluster=crowd.cluster,
        levels=levels,
    )
    return rulings.with_moderators(learned, np.flatnonzero(crowd.moderator).astype(np.int32))
