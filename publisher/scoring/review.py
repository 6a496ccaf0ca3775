"""What needs eyes, by reach times uncertainty: what is held, clusters that vote now, disputes, open appeals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data import cases
from data.cases import Case
from data.columns import Decisions, Floats, Ints, Mask, Votes
from data.flips import still_held
from data.holds import HOLD_MS
from data.judging import grounds_of, said
from data.log.appeals import Appeal
from data.records import NOT_AI_BIT
from data.score import Verdicts, Videos, contributions, percent, score, sums
from data.standing import Standing
from data.verdicts import within_side
from data.voters import Voters

CLUSTER_VOTERS = 5
"""Clusters of fewer voters are friends."""
DISPUTED_LOG_ODDS = 1.0
"""Each side of a disputed video gives at least so much evidence."""
DISPUTED_SCORE = (0.3, 0.7)
"""And its score lies between these."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that counts now, and what it says."""

    words: Votes
    """Standing votes of voters who are not banned, by (video, voter)."""
    row: Ints
    """Row of each vote's video."""
    held: Mask
    voters: Voters
    videos: Videos
    verdicts: Verdicts
    flips: Mask
    """By row: whether the video's flip is held."""
    free: Floats
    """By row: the score, 0-1, if no flip were held."""
    undecided: Mask
    """By row: neither audited nor locked."""

    def uncertainty(self) -> Floats:
        """By row: 1 at a score of 50, 0 at 0 and 100."""
        return np.asarray(4.0 * self.verdicts.score * (1.0 - self.verdicts.score), np.float64)


def review(
    votes: Votes,
    decided: Decisions,
    learned: Standing,
    *,
    now_ms: int,
    limit: int,
    video_id: Callable[[int], str],
    pseudonym: Callable[[int], str],
    appeals: Sequence[tuple[int, Appeal]] = (),
) -> list[Case]:
    """Lists what needs eyes, the most pressing first.

    Args:
        votes: All votes.
        decided: All decisions.
        learned: What the last full round found.
        now_ms: The time by which holds are counted, Unix milliseconds.
        limit: How many cases at most.
        video_id: The id of a video by key.
        pseudonym: Names a voter by key without giving their id away.
        appeals: The open ones and the key of the video that each is about, 0 when the log does not know it.
    """
    scene = _scene(votes, decided, learned, now_ms)
    found = _bursts(scene, limit, video_id) + _flips_held(scene, limit, video_id) + _disputes(scene, limit, video_id)
    found += _clusters(scene, limit, now_ms, video_id, pseudonym)
    found += [_appealed(scene, appeal, key) for key, appeal in appeals]
    return cases.most_pressing(found, limit)


def _scene(votes: Votes, decided: Decisions, learned: Standing, now_ms: int) -> Scene:
    grounds = grounds_of(learned, decided)
    heard = said(votes, grounds, now_ms=now_ms)
    since_ms, above = still_held(heard, grounds, now_ms=now_ms)
    return Scene(
        words=heard.words,
        row=np.searchsorted(heard.videos.video, heard.words.video),
        held=heard.held,
        voters=grounds.voters,
        videos=heard.videos,
        verdicts=within_side(heard.verdicts, since_ms > 0, above),
        flips=since_ms > 0,
        free=heard.verdicts.score,
        undecided=(heard.videos.audit < 0) & ~np.isin(heard.videos.video, grounds.locks[0]),
    )


def _bursts(scene: Scene, limit: int, video_id: Callable[[int], str]) -> list[Case]:
    rows = np.flatnonzero((scene.verdicts.held > 0) & scene.undecided)
    videos = Videos(scene.videos.video[rows], scene.videos.prior[rows], scene.videos.audit[rows])
    without = score(scene.words.take(np.isin(scene.row, rows)), scene.voters, videos).score
    now, count, held = scene.verdicts.score[rows], scene.verdicts.voters[rows], scene.verdicts.held[rows]
    priority = count * np.maximum(scene.uncertainty()[rows], np.abs(without - now))
    flags = np.bincount(scene.row[scene.held & _flags(scene.words)], minlength=len(scene.videos))[rows]
    listed = []
    for place in np.argsort(-priority, kind="stable")[:limit].tolist():
        name, waiting, flagging = video_id(int(videos.video[place])), int(held[place]), int(flags[place])
        points, released = int(percent(now)[place]), int(percent(without)[place])
        listed.append(Case(
            "burst", name,
            f"{flagging} flags and {waiting - flagging} counter-votes are held; "
            f"counted, they lead from {points} to {released}",
            votes=int(count[place]), held=waiting, voters=int(count[place]), score=points,
            priority=round(float(priority[place]), 3), command=f"realtube review --release {name} --reason …",
        ))  # fmt: skip
    return listed


def _flips_held(scene: Scene, limit: int, video_id: Callable[[int], str]) -> list[Case]:
    rows = np.flatnonzero(scene.flips)
    now, free, count = scene.verdicts.score[rows], scene.free[rows], scene.verdicts.voters[rows]
    priority = count * np.maximum(scene.uncertainty()[rows], np.abs(free - now))
    listed = []
    for place in np.argsort(-priority, kind="stable")[:limit].tolist():
        row, points = int(rows[place]), int(percent(now)[place])
        name = video_id(int(scene.videos.video[row]))
        listed.append(Case(
            "flips", name,
            f"one of {len(rows)} videos that few voters turned at once; "
            f"let go, it moves from {points} to {int(percent(free)[place])}",
            votes=int(count[place]), held=int(scene.verdicts.held[row]), voters=int(count[place]), score=points,
            priority=round(float(priority[place]), 3), command=f"realtube review --release {name} --reason …",
        ))  # fmt: skip
    return listed


def _disputes(scene: Scene, limit: int, video_id: Callable[[int], str]) -> list[Case]:
    parts = contributions(scene.words.take(~scene.held), scene.voters, scene.videos)
    size, now = len(scene.videos), scene.verdicts.score
    sides = np.minimum(
        *(sums(parts.row, np.where(parts.flag == side, parts.log_odds, 0.0), size) for side in (True, False))
    )
    near = (now >= DISPUTED_SCORE[0]) & (now <= DISPUTED_SCORE[1]) & (scene.verdicts.held == 0) & ~scene.flips
    rows = np.flatnonzero((sides >= DISPUTED_LOG_ODDS) & near & scene.undecided)
    count, counters = scene.verdicts.voters[rows], scene.verdicts.votes[rows, -1]
    priority = count * scene.uncertainty()[rows]
    listed = []
    for place in np.argsort(-priority, kind="stable")[:limit].tolist():
        name, votes, against = video_id(int(scene.videos.video[rows[place]])), int(count[place]), int(counters[place])
        listed.append(Case(
            "dispute", name, f"{votes - against} flags against {against} counter-votes, both sides of weight",
            votes=votes, held=0, voters=votes, score=int(percent(now[rows])[place]),
            priority=round(float(priority[place]), 3), command=f"realtube explain {name}",
        ))  # fmt: skip
    return listed


def _clusters(
    scene: Scene, limit: int, now_ms: int, video_id: Callable[[int], str], pseudonym: Callable[[int], str]
) -> list[Case]:
    labels = scene.voters.of(scene.words.voter).cluster
    assert labels is not None
    member = np.flatnonzero(labels)
    label, words, row = labels[member], scene.words.take(member), scene.row[member]
    size = int(label.max(initial=0)) + 1
    people = np.bincount(np.unique((label.astype(np.int64) << 32) | words.voter) >> 32, minlength=size)
    votes_now = np.bincount(label[words.cast_at_ms > now_ms - HOLD_MS], minlength=size)
    count = np.bincount(label, minlength=size)
    priority = sums(label, scene.uncertainty()[row], size)
    points = sums(label, scene.verdicts.score[row], size) / np.maximum(count, 1)
    found = np.flatnonzero((people >= CLUSTER_VOTERS) & (votes_now > 0))
    listed = []
    for key in found[np.argsort(-priority[found], kind="stable")][:limit].tolist():
        videos, times = np.unique(words.video[label == key], return_counts=True)
        most = video_id(int(videos[times.argmax()]))
        listed.append(Case(
            "cluster", pseudonym(key),
            f"{people[key]} voters vote together on {len(videos)} videos, {votes_now[key]} votes in three days",
            votes=int(count[key]), held=int(scene.held[member][label == key].sum()), voters=int(people[key]),
            score=int(percent(points)[key]), priority=round(float(priority[key]), 3),
            command=f"realtube explain {most}",
        ))  # fmt: skip
    return listed


def _appealed(scene: Scene, appeal: Appeal, video: int) -> Case:
    row = int(np.searchsorted(scene.videos.video, video))
    if row == len(scene.videos) or int(scene.videos.video[row]) != video:
        return cases.of_appeal(appeal, votes=0, held=0, score=0)
    verdicts = scene.verdicts
    points = int(percent(verdicts.score[row : row + 1])[0])
    return cases.of_appeal(appeal, votes=int(verdicts.voters[row]), held=int(verdicts.held[row]), score=points)


def _flags(votes: Votes) -> Mask:
    return np.asarray(votes.categories < NOT_AI_BIT)
