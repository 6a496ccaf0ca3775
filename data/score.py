"""The score rule: what standing votes say about videos.

Pure: columns in, columns out. Intake calls it for the videos of one batch, the publisher for all of them.
`docs/scoring.md` explains every constant.
"""

from __future__ import annotations

from collections.abc import Callable
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
OPPOSED_HALF = 2.0
"""Established log-odds on the other side that halve what newcomers may add: a record outweighs a crowd without one."""
CROWD_SHARE = 0.95
"""All voters together, beyond what concurring proven ones add, close this share of a neutral video's way to 50."""
LEAST_ROOM, MOST_ROOM = 1.0, 2.0
"""That way is taken to be between these, in log-odds, whatever audits make of the neutral level."""
CROWD_KNEE = 0.6
"""Up to this share of their cap the crowd's log-odds count whole; beyond it they bend towards the cap, never flat."""
CORRELATION = 0.1
"""How much voters repeat each other; log-odds S of one kind count as S / (1 + (S - 1) * this), for S above 1."""
LONE_GAIN = 3.0
"""How fast a second voice lifts the limit of a lone one, in log-odds a log-odds."""
LONE_MARGIN = 0.05
"""How far below 50 a lone voice leaves a neutral video, in log-odds."""
MODERATOR_WEIGHT = 4.0
"""Log-odds of a moderator's vote: alone it takes a neutral video to 88."""
AUDITED_SCORE = (0.01, 0.99)
"""By label: the score of an audited video."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What evidence is worth, as audits have it; the defaults hold until there are audits."""

    neutral: float = float(np.log(GLOBAL_RATE) - np.log1p(-GLOBAL_RATE))
    """Log-odds of a video of which nothing is known."""
    channel: float = 1.0
    """Log-odds for each log-odds by which a channel differs from neutral."""
    flags: float = 1.0
    """Log-odds for each log-odds of flags."""
    counters: float = 1.0
    """Log-odds for each log-odds of counter-votes."""

    def room(self) -> float:
        """What a neutral video lacks to 50, in log-odds."""
        return max(0.0, -self.neutral)

    def crowd_cap(self) -> float:
        """What everybody together may add, beyond what concurring proven voters add."""
        return CROWD_SHARE * min(max(self.room(), LEAST_ROOM), MOST_ROOM)


@dataclass(frozen=True, slots=True)
class Voters:
    """What each voter's vote counts for, by voter key; entry 0 belongs to nobody."""

    level: Bytes
    """`NEWCOMER`, `ESTABLISHED` or `MODERATOR`."""
    flag_weight: Floats
    """Log-odds of a flag, >= 0."""
    counter_weight: Floats
    """Log-odds of a counter-vote, >= 0."""
    proven: Floats | None = None
    """Share of the weight, 0-1, that rests on a long record: only this share passes `CROWD_CAP`. None: 0 for all."""
    cluster: Keys | None = None
    """Whom the voter votes together with, 0 nobody: a cluster counts once a side of a video. None: 0 for all."""
    levels: Levels = Levels()

    def of(self, keys: Keys) -> Voters:
        """The entries of these voters; those beyond the end are newcomers of today."""
        known = np.where(keys < len(self.level), keys, 0)
        unknown = known == 0
        return Voters(
            level=np.where(unknown, np.uint8(NEWCOMER), self.level[known]),
            flag_weight=np.where(unknown, NEWCOMER_FLAG * YOUNG_SHARE, self.flag_weight[known]),
            counter_weight=np.where(unknown, NEWCOMER_COUNTER * YOUNG_SHARE, self.counter_weight[known]),
            proven=np.zeros(len(keys)) if self.proven is None else np.where(unknown, 0.0, self.proven[known]),
            cluster=np.zeros(len(keys), np.int32)
            if self.cluster is None
            else np.where(unknown, 0, self.cluster[known]),
            levels=self.levels,
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
    shares = _shares(*sums_of, heaviest=heaviest, most_proven=most_proven, levels=voters.levels)
    log_odds = parts[NEWCOMER] * shares[0][side] + parts[ESTABLISHED] * shares[1][side] + proven * shares[2][side]
    return Contributions(row=row, flag=flag, level=level, weight=weight, log_odds=log_odds + parts[MODERATOR])


def _shares(
    newcomers: Floats,
    established: Floats,
    moderators: Floats,
    proven: Floats,
    *,
    heaviest: Floats,
    most_proven: Floats,
    levels: Levels,
) -> tuple[Floats, Floats, Floats]:
    """What is left of each kind's log-odds, by side of a video (2 * row, + 1 for flags)."""
    place = np.arange(len(newcomers))
    reliable, long = _repeated(established), _repeated(proven)
    opposed = (reliable + long + moderators)[place ^ 1]
    new = np.minimum(_repeated(newcomers), NEWCOMERS_CAP / (1.0 + opposed / OPPOSED_HALF))
    cap = np.where(place % 2 == 1, levels.crowd_cap(), CROWD_SHARE * MOST_ROOM)
    crowd = _bent(new + reliable, cap)
    total = np.minimum(crowd + long, cap + _repeated(np.maximum(proven - most_proven, 0.0)))
    others = np.maximum(newcomers + established + proven - heaviest, 0.0)
    lone = max(0.0, levels.room() - LONE_MARGIN)
    kept = _ratio(np.minimum(total, np.where(place % 2 == 1, lone + LONE_GAIN * others, np.inf)), total)
    bent = _ratio(crowd, new + reliable) * kept
    return _ratio(new, newcomers) * bent, _ratio(reliable, established) * bent, _ratio(total - crowd, proven) * kept


def _repeated(total: Floats) -> Floats:
    return np.asarray(total / (1.0 + CORRELATION * np.maximum(total - 1.0, 0.0)), np.float64)


def _bent(total: Floats, cap: Floats) -> Floats:
    knee = CROWD_KNEE * cap
    over = np.maximum(total - knee, 0.0) / (cap - knee)
    return np.minimum(total, knee) - (cap - knee) * np.expm1(-over)


def _ratio(part: Floats, whole: Floats) -> Floats:
    ratio = np.zeros_like(part)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


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
    return _ratio(weights, leading)
