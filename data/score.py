"""The score rule: what standing votes say about videos.

Pure: columns in, columns out. Intake calls it for the videos of one batch, the publisher for all of them.
`docs/scoring.md` explains every constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.columns import Bytes, Floats, Ints, Keys, Mask, Votes
from data.records import CATEGORIES, NOT_AI_BIT, STANCES

NEWCOMER, ESTABLISHED, MODERATOR = 0, 1, 2
"""Levels of a voter: no record yet; a record that others confirmed; appointed."""

GLOBAL_RATE = 0.12
"""Share of AI among voted videos until audits say otherwise."""

NEWCOMER_FLAG = 0.894
"""Log-odds of a newcomer's flag: logit(1/4) - logit(0.12), the mean of Beta(1, 3) against the global rate."""
NEWCOMER_COUNTER = 1.484
"""Log-odds of a newcomer's counter-vote: logit(0.97) - logit(0.88), the mean of Beta(3.88, 0.12) against the same."""
YOUNG_SHARE = 0.5
"""What a newcomer's vote keeps while the voter is younger than a week; unknown voters are taken as that young."""
NEWCOMERS_CAP = 1.6
"""All newcomers together move one side of a video by no more log-odds: below 1.99, what a neutral video lacks to 50."""
MODERATOR_WEIGHT = 4.0
"""Log-odds of a moderator's vote: alone it takes a neutral video to 88."""
CORRELATION = (0.1, 0.2, 0.0)
"""By level: how much voters repeat each other; n equal votes count as n / (1 + (n - 1) * rho)."""
AUDITED_SCORE = (0.01, 0.99)
"""By label: the score of an audited video."""


@dataclass(frozen=True, slots=True)
class Voters:
    """What each voter's vote counts for, by voter key; entry 0 belongs to nobody."""

    level: Bytes
    """`NEWCOMER`, `ESTABLISHED` or `MODERATOR`."""
    flag_weight: Floats
    """Log-odds of a flag, >= 0."""
    counter_weight: Floats
    """Log-odds of a counter-vote, >= 0."""

    def of(self, keys: Keys) -> Voters:
        """The entries of these voters; those beyond the end are newcomers of today."""
        known = np.where(keys < len(self.level), keys, 0)
        unknown = known == 0
        return Voters(
            level=np.where(unknown, np.uint8(NEWCOMER), self.level[known]),
            flag_weight=np.where(unknown, NEWCOMER_FLAG * YOUNG_SHARE, self.flag_weight[known]),
            counter_weight=np.where(unknown, NEWCOMER_COUNTER * YOUNG_SHARE, self.counter_weight[known]),
        )


NO_VOTERS = Voters(np.zeros(1, np.uint8), np.zeros(1), np.zeros(1))
"""Before the first full round: everyone is a newcomer of today."""


@dataclass(frozen=True, slots=True)
class Videos:
    """What is known of videos besides their votes; one a row."""

    video: Keys
    """Keys, ascending, each once."""
    prior: Floats
    """Log-odds that the video is AI before any vote."""
    audit: npt.NDArray[np.int8]
    """The audited label: 1 AI, 0 made by people, -1 not audited."""

    def __len__(self) -> int:
        return len(self.video)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What votes say of each video, in the rows of `Videos`."""

    score: Floats
    """0-1: the probability that the video is AI-made."""
    evidence: Floats
    """Sum of the absolute log-odds that votes gave."""
    votes: Ints
    """Shape (rows, 6): standing votes that name each of `records.STANCES`."""
    voters: Ints
    """Standing votes."""
    category_score: Floats
    """Shape (rows, 5): 0-1, `score` for the leading category, less for the others, 0 where nobody named it."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each standing vote adds, in the rows of the votes given."""

    row: Ints
    """Row of the vote's video."""
    flag: Mask
    """True for a flag, false for a counter-vote."""
    level: Bytes
    weight: Floats
    """Log-odds of the vote by itself."""
    log_odds: Floats
    """Log-odds after deflation and cap, >= 0."""


def score(votes: Votes, voters: Voters, videos: Videos) -> Verdicts:
    """Scores videos from their standing votes.

    Args:
        votes: Standing votes (`columns.standing`), all of them about videos of `videos`.
        voters: What each voter counts for.
        videos: The videos to score.

    Returns:
        One verdict for each row of `videos`; without votes and audit its score is the prior.
    """
    parts = contributions(votes, voters, videos)
    signed = np.where(parts.flag, parts.log_odds, -parts.log_odds)
    log_odds = videos.prior + sums(parts.row, signed, len(videos))
    audited = np.array(AUDITED_SCORE)[np.clip(videos.audit, 0, 1)]
    scores = np.where(videos.audit >= 0, audited, probability(log_odds))
    return Verdicts(
        score=scores,
        evidence=sums(parts.row, parts.log_odds, len(videos)),
        votes=_per_category(votes, parts.row, None, len(videos), len(STANCES)).astype(np.int64),
        voters=np.bincount(parts.row, minlength=len(videos)),
        category_score=scores[:, None] * _category_shares(votes, parts, len(videos)),
    )


def contributions(votes: Votes, voters: Voters, videos: Videos) -> Contributions:
    """Weighs each standing vote: the voter's weight, deflated by how many say the same, newcomers capped.

    Within a (video, side, level) the heaviest vote counts whole and each further one less, so that one more vote
    never takes anything away.
    """
    row = np.searchsorted(videos.video, votes.video)
    flag = votes.categories < NOT_AI_BIT
    voter = voters.of(votes.voter)
    weight = np.where(flag, voter.flag_weight, voter.counter_weight)
    bucket = (row * 2 + flag) * len(CORRELATION) + voter.level
    log_odds = weight * _deflation(bucket, weight, votes.voter, voter.level)
    newcomer = voter.level == NEWCOMER
    total = sums(row * 2 + flag, log_odds * newcomer, len(videos) * 2)[row * 2 + flag]
    capped = np.where(
        newcomer & (total > NEWCOMERS_CAP), log_odds * NEWCOMERS_CAP / np.maximum(total, 1e-300), log_odds
    )
    return Contributions(row=row, flag=flag, level=voter.level, weight=weight, log_odds=capped)


def probability(log_odds: Floats) -> Floats:
    """The probability of these log-odds."""
    return 1.0 / (1.0 + np.exp(-log_odds))


def logit(share: float | Floats) -> Floats:
    """The log-odds of a probability strictly between 0 and 1."""
    return np.asarray(np.log(share) - np.log1p(-np.asarray(share)), np.float64)


def sums(row: Ints | Keys, amount: Floats, rows: int) -> Floats:
    """Adds up amounts by row, in their order: entry r is the sum of `amount` where `row` is r."""
    return np.bincount(row, weights=amount, minlength=rows).astype(np.float64)


def percent(score: Floats) -> Ints:
    """A 0-1 score as the published integer 0-100, rounded half up."""
    return np.floor(np.round(score * 100, 9) + 0.5).astype(np.int64)


def _deflation(bucket: Ints, weight: Floats, voter: Keys, level: Bytes) -> Floats:
    order = np.lexsort((voter, -weight, bucket))  # ties by voter: the same sum whatever else is scored beside it
    ordered = bucket[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(order) else np.empty(0, np.int64)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    rho = np.array(CORRELATION)[level[order]]
    share = _effective(rank + 1, rho) - _effective(rank, rho)
    deflation = np.empty(len(order))
    deflation[order] = share
    return deflation


def _effective(n: Ints, rho: Floats) -> Floats:
    return np.asarray(n / (1.0 + (n - 1.0) * rho), np.float64)


def _per_category(votes: Votes, row: Ints, weight: Floats | None, rows: int, categories: int) -> Floats:
    sums = np.zeros((rows, categories))
    for place in range(categories):
        named = np.flatnonzero(votes.categories & (1 << place))
        sums[:, place] = np.bincount(row[named], None if weight is None else weight[named], minlength=rows)
    return sums


def _category_shares(votes: Votes, parts: Contributions, rows: int) -> Floats:
    weights = _per_category(votes, parts.row, parts.weight, rows, len(CATEGORIES))
    counts = _per_category(votes, parts.row, None, rows, len(CATEGORIES))
    weights = np.where(weights.max(axis=1, initial=0.0)[:, None] > 0, weights, counts)  # voters that count for nothing
    leading = weights.max(axis=1, initial=0.0)[:, None]
    return np.asarray(np.divide(weights, leading, out=np.zeros_like(weights), where=leading > 0), np.float64)
