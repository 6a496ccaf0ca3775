"""The score rule: what standing votes say about videos.

Pure: columns in, columns out. Intake calls it for the videos of one batch, the publisher for all of them.
`docs/scoring.md` explains every constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.caps import ratio, shares
from data.columns import Bytes, Floats, Ints, Keys, Mask, Votes
from data.records import CATEGORIES, NOT_AI_BIT, STANCES
from data.voters import ESTABLISHED, MODERATOR, NEWCOMER, Voters

CHUNK = 1 << 20
"""So many votes are weighed at a time: bounds memory, changes no result."""
AUDITED_SCORE = (0.01, 0.99)
"""By label: the score of an audited video."""


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
    flagged: Floats
    """What of it flags gave."""
    votes: Ints
    """Shape (rows, 6): standing votes that name each of `records.STANCES`."""
    voters: Ints
    """Standing votes."""
    held: Ints
    """Of these, votes that wait and weigh nothing (`data.holds`)."""
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
    evidence: Floats
    """Log-odds after deflation, >= 0: to learn from."""
    log_odds: Floats
    """Log-odds after deflation and limits, >= 0: to score by."""


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
    scores = np.where(videos.audit >= 0, audited, probability(voters.levels.stretch * log_odds))
    return Verdicts(
        score=scores,
        evidence=sums(parts.row, parts.log_odds, len(videos)),
        flagged=sums(parts.row, np.where(parts.flag, parts.log_odds, 0.0), len(videos)),
        votes=_per_category(votes, parts.row, None, len(videos), len(STANCES)).astype(np.int64),
        voters=np.bincount(parts.row, minlength=len(videos)),
        held=np.zeros(len(videos), np.int64),
        category_score=scores[:, None] * _category_shares(votes, parts, len(videos)),
    )


def contributions(votes: Votes, voters: Voters, videos: Videos) -> Contributions:
    """Weighs each standing vote: the voter's weight, less what it repeats, within what its kind may add together.

    On each side of a video three kinds add up: newcomers, the established, and of the established the share that a
    long record has proven. All steps but the clusters' are increasing functions of sums, so that one more vote never
    takes anything away from its side.
    """
    if len(votes) <= CHUNK:
        return _weighed(votes, voters, videos)
    size = len(votes)
    row, flag, level = np.empty(size, np.int64), np.empty(size, np.bool_), np.empty(size, np.uint8)
    whole = Contributions(row, flag, level, weight=np.empty(size), evidence=np.empty(size), log_odds=np.empty(size))
    for first, end in _chunks(votes.video):
        low, high = np.searchsorted(videos.video, (votes.video[first], votes.video[end - 1] + 1))
        some = Videos(videos.video[low:high], videos.prior[low:high], videos.audit[low:high])
        part = _weighed(votes.take(slice(first, end)), voters, some)
        for name in Contributions.__slots__:
            getattr(whole, name)[first:end] = getattr(part, name)
        whole.row[first:end] += low
    return whole


def _chunks(video: Keys) -> Iterator[tuple[int, int]]:
    """Bounds of about `CHUNK` votes each, between videos; all in one where votes do not come by video."""
    if (video[1:] < video[:-1]).any():
        yield 0, len(video)
        return
    first = 0
    while first < len(video):
        end = int(np.searchsorted(video, video[min(first + CHUNK, len(video)) - 1], side="right"))
        yield first, end
        first = end


def _weighed(votes: Votes, voters: Voters, videos: Videos) -> Contributions:
    row = np.searchsorted(videos.video, votes.video)
    flag = votes.categories < NOT_AI_BIT
    voter = voters.of(votes.voter)
    assert voter.proven is not None
    worth = np.where(flag, voters.levels.flags, voters.levels.counters)
    worth = np.where(voter.level == ESTABLISHED, worth, 1.0)  # of newcomers nothing is learned: they could teach it
    weight = worth * np.where(flag, voter.flag_weight, voter.counter_weight)
    side, level, once = row * 2 + flag, voter.level, _once(row * 2 + flag, votes.voter, voter.cluster)
    proven, rest = once(weight * voter.proven), once(weight * (1.0 - voter.proven))
    parts = tuple(np.where(level == kind, rest, 0.0) for kind in (NEWCOMER, ESTABLISHED, MODERATOR))
    sums_of = [sums(side, part, 2 * len(videos)) for part in (*parts, proven)]
    heaviest, most_proven = np.zeros((2, 2 * len(videos)))
    np.maximum.at(heaviest, side, np.where(level == MODERATOR, 0.0, rest + proven))
    np.maximum.at(most_proven, side, proven)
    alone = (level != MODERATOR) & (voter.cluster == 0)
    single = sums(side, np.where(alone, rest + proven, 0.0), 2 * len(videos))
    limits = {"heaviest": heaviest, "single": single, "most_proven": most_proven}
    left = shares(*sums_of, **limits, room=voters.levels.room(), prior=videos.prior)
    said = parts[NEWCOMER] * left[0][side] + parts[ESTABLISHED] * left[1][side] + proven * left[2][side]
    appointed = parts[MODERATOR]
    return Contributions(row, flag, level, weight, evidence=said + appointed, log_odds=said * left[3][side] + appointed)


def _once(side: Ints, voter: Keys, cluster: Keys | None) -> Callable[[Floats], Floats]:
    """A function that leaves of each cluster only its greatest amount on a side; equal ones go by voter."""
    member = np.flatnonzero(cluster) if cluster is not None else np.empty(0, np.int64)
    if not len(member) or cluster is None:
        return lambda amount: amount
    group = (side[member] << 32) | cluster[member]

    def once(amount: Floats) -> Floats:
        order = np.lexsort((voter[member], -amount[member], group))
        repeats = np.append(np.False_, group[order][1:] == group[order][:-1])
        kept = amount.copy()
        kept[member[order[repeats]]] = 0.0
        return kept

    return once


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
    return ratio(weights, leading)
