"""Why a video scores as it does: the rule's own numbers, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.columns import Decisions, Floats, Votes, standing
from data.flips import still_held
from data.formats.tree import rfc3339
from data.holds import HOLD_MS
from data.judging import Grounds, grounds_of, ruled, said
from data.priors import claimed_channels
from data.records import names_of
from data.score import Contributions, Videos, contributions, logit, score
from data.standing import Standing
from data.verdicts import PRIOR_HIGHEST
from data.voters import ESTABLISHED, MODERATOR, MODERATOR_WEIGHT, NEWCOMER, NEWCOMER_COUNTER, NEWCOMER_FLAG, Voters
from publisher.scoring.reliability import WEIGHT_CAP

LEVELS = {NEWCOMER: "newcomer", ESTABLISHED: "established", MODERATOR: "moderator"}
MOST_TRIED = 40
"""More voters of one kind than this are not tried out: more would hardly change a verdict, for limits hold them."""
PRIOR_LOG_ODDS = float(logit(PRIOR_HIGHEST))
"""How far a prior alone leads."""
CLUSTERED = "votes together with others: the cluster counts once"
NOTICEABLE = 0.005
"""Log-odds below which a difference is not worth a word."""


@dataclass(frozen=True, slots=True)
class VoteLine:
    """What one standing vote does to a score."""

    voter: str
    """Pseudonym."""
    says: list[str]
    level: str
    weight: float
    """Log-odds of the vote by itself."""
    counted: float
    """Log-odds that it adds (a flag) or takes (a counter-vote, negative)."""
    why: str
    """Why it counts for less than its weight, or empty."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would move a video to the other side of 50."""

    kind: str
    """`flags` or `counter-votes`, of which kind of voter."""
    voters: int
    """How many more; 0 when `MOST_TRIED` of them would not."""


@dataclass(frozen=True, slots=True)
class VideoExplanation:
    """The whole sum behind a video's score, in log-odds."""

    video_id: str
    score: float
    """0-100, as it is shown now."""
    prior: float
    neutral: float
    """The prior of a video of no known channel."""
    channel: str
    """The channel whose other videos make the prior, or empty."""
    held: int
    """How many of the votes belong to a burst and weigh nothing yet."""
    flip_held_until: str
    """RFC 3339: until when the score stays on its old side of 50 because few voters turned very many videos at once;
    empty when it does not."""
    clustered: int
    """How many of the votes weigh nothing because their cluster counts once."""
    votes: list[VoteLine]
    prior_only: bool
    """Whether no flag counts, so that a prior this high leads no further than 49."""
    log_odds: float
    """Prior and votes together."""
    stretch: float
    """What audits say that log-odds are worth: log_odds times this is the score, without rulings."""
    rulings: list[str]
    """Audits and moderators' rulings, which go before votes."""
    to_cross: float
    """Log-odds that would move it to the other side of 50."""
    changes: list[Change]
    """Empty when a ruling decides."""


def explain_video(
    video: tuple[int, str],
    votes: Votes,
    decided: Decisions,
    learned: Standing,
    *,
    pseudonym: Callable[[int], str],
    channel_id: Callable[[int], str],
    now_ms: int,
) -> VideoExplanation:
    """Takes a video's score apart.

    Args:
        video: Its key and id.
        votes: All votes about it.
        decided: All decisions.
        learned: What the last full round found.
        pseudonym: Names a voter by key without giving their id away.
        channel_id: The id of a channel by key.
        now_ms: The time by which holds are counted, Unix milliseconds.
    """
    key, video_id = video
    keys, grounds = np.array([key], np.int32), grounds_of(learned, decided)
    heard = said(votes, grounds, keys, now_ms=now_ms)
    since_ms, above = still_held(heard, grounds, now_ms=now_ms)
    shown, _ = ruled(heard, grounds, held=since_ms > 0, above=above)
    counting, waiting, videos = heard.words.take(~heard.held), heard.words.take(heard.held), heard.videos
    parts = contributions(counting, grounds.voters, videos)
    log_odds = float(videos.prior[0] + np.where(parts.flag, parts.log_odds, -parts.log_odds).sum())
    prior_only = bool(heard.unflagged()[0]) and log_odds > PRIOR_LOG_ODDS
    shown_log_odds = PRIOR_LOG_ODDS if prior_only else log_odds
    found = _rulings(key, videos, grounds)
    banned = standing(votes.take(np.isin(votes.voter, grounds.banned)))
    silent = _silent(banned, "banned", ["banned: counts for nothing"] * len(banned), pseudonym)
    waits = [f"held: a burst, until {rfc3339(lapse)}" for lapse in heard.until[heard.held].tolist()]
    silent += _silent(waiting, "held", waits, pseudonym)
    channel = int(claimed_channels(heard.words, learned.channels.truthful, keys)[0])
    lines = _lines(counting, parts, grounds.voters, pseudonym)
    return VideoExplanation(
        video_id=video_id,
        score=round(float(shown.score[0]) * 100, 2),
        prior=float(videos.prior[0]),
        neutral=learned.prior,
        channel=channel_id(channel) if channel else "",
        held=len(waits),
        flip_held_until=rfc3339(int(since_ms[0]) + HOLD_MS) if since_ms[0] else "",
        clustered=sum(line.why == CLUSTERED for line in lines),
        votes=lines + silent,
        prior_only=prior_only,
        log_odds=log_odds,
        stretch=grounds.voters.levels.stretch,
        rulings=found,
        to_cross=-shown_log_odds,
        changes=[] if found else _changes(counting, grounds.voters, videos, shown_log_odds),
    )


def _silent(votes: Votes, level: str, reasons: list[str], pseudonym: Callable[[int], str]) -> list[VoteLine]:
    """Lines of votes that weigh nothing."""
    columns = zip(votes.voter.tolist(), votes.categories.tolist(), reasons, strict=True)
    return [VoteLine(pseudonym(voter), names_of(mask), level, 0.0, 0.0, why) for voter, mask, why in columns]


def _rulings(key: int, videos: Videos, grounds: Grounds) -> list[str]:
    locked, scores = grounds.locks
    words = []
    if videos.audit[0] >= 0:
        words.append(f"audited: {'AI' if videos.audit[0] else 'made by people'}")
    if key in locked:
        words.append(f"locked by a moderator at {int(scores[np.searchsorted(locked, key)])}")
    if key in grounds.hidden:
        words.append("hidden by a moderator: not published")
    return words


def _lines(votes: Votes, parts: Contributions, voters: Voters, pseudonym: Callable[[int], str]) -> list[VoteLine]:
    cluster = voters.of(votes.voter).cluster
    assert cluster is not None
    columns = (votes.voter, votes.categories, parts.level, parts.flag, parts.weight, parts.log_odds, cluster)
    lines = [
        VoteLine(
            voter=pseudonym(voter),
            says=names_of(mask),
            level=LEVELS[level],
            weight=weight,
            counted=counted if flag else -counted,
            why=_why(level, weight, counted, together),
        )
        for voter, mask, level, flag, weight, counted, together in zip(*(c.tolist() for c in columns), strict=True)
    ]
    return sorted(lines, key=lambda line: (-abs(line.counted), line.voter))


def _why(level: int, weight: float, counted: float, cluster: int) -> str:
    if weight < NOTICEABLE:
        return "its record gives it no weight"
    if weight - counted < NOTICEABLE:
        return ""
    if cluster and counted < NOTICEABLE:
        return CLUSTERED
    if level == NEWCOMER:
        return "newcomers together have a limit"
    return "repeats others, within what its kind may add together"


def _changes(votes: Votes, voters: Voters, videos: Videos, log_odds: float) -> list[Change]:
    flags = log_odds < 0  # below 50, flags would cross it
    side = "flags" if flags else "counter-votes"
    kinds = (
        ("newcomers", NEWCOMER, NEWCOMER_FLAG if flags else NEWCOMER_COUNTER),
        ("established voters", ESTABLISHED, WEIGHT_CAP),
        ("moderators", MODERATOR, MODERATOR_WEIGHT),
    )
    found = []
    for who, level, weight in kinds:
        reached = _with_more(votes, voters, videos, level=level, weight=weight, flags=flags)
        crossed = np.flatnonzero((reached >= 0.5) if flags else (reached < 0.5))
        found.append(Change(f"{side} of {who}", int(crossed[0]) + 1 if len(crossed) else 0))
    return found


def _with_more(votes: Votes, voters: Voters, videos: Videos, *, level: int, weight: float, flags: bool) -> Floats:
    """The score with 1, 2, … `MOST_TRIED` more votes: as many copies of the video, scored at once."""
    known, more = len(voters.level), np.arange(MOST_TRIED, dtype=np.int32)
    everyone = voters.of(np.concatenate([np.arange(known, dtype=np.int32), np.full(MOST_TRIED, known, np.int32)]))
    everyone.level[known:], everyone.flag_weight[known:], everyone.counter_weight[known:] = level, weight, weight
    copies = np.repeat(more, len(votes) + more + 1)
    first = np.cumsum(len(votes) + more + 1) - (len(votes) + more + 1)
    place = np.arange(len(copies)) - first[copies]
    own = place < len(votes)
    row = np.where(own, place, 0)
    mask = np.uint8(1 if flags else 32)
    many = Votes(
        position=np.arange(len(copies), dtype=np.int64),
        cast_at_ms=np.zeros(len(copies), np.int64),
        voter=np.where(own, votes.voter[row], known + place - len(votes)).astype(np.int32),
        video=copies,
        categories=np.where(own, votes.categories[row], mask).astype(np.uint8),
        channel=np.zeros(len(copies), np.int32),
        network=np.zeros(len(copies), np.int32),
        voter_since_ms=np.zeros(len(copies), np.int64),
    )
    return score(
        many, everyone, Videos(more, np.repeat(videos.prior, MOST_TRIED), np.repeat(videos.audit, MOST_TRIED))
    ).score
