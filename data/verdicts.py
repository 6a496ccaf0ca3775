"""What standing votes say of videos as it is shown: less what is held, and no prior passed off as a flag. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data.columns import Floats, Mask, Votes
from data.records import STANCES
from data.score import Verdicts, Videos, percent, score
from data.voters import Voters

PRIOR_HIGHEST = 0.49
"""Below 50. A video that no flag weighs on scores no higher, whatever its channel: a prior is no flag by itself."""
FLAGGED = 50
"""Clients flag a video from this published score on; a video that crosses it flips."""


def verdicts_of(words: Votes, held: Mask, voters: Voters, videos: Videos) -> Verdicts:
    """Scores videos from the votes that are not held; those that are held are counted and weigh nothing.

    Args:
        words: Standing votes, all of them about videos of `videos`.
        held: One for each of them.
        voters: What each voter counts for.
        videos: The videos to score.
    """
    if not held.any():
        return _limited(score(words, voters, videos), videos)
    found, waiting = score(words.take(~held), voters, videos), words.take(held)
    row = np.searchsorted(videos.video, waiting.video)
    count = np.bincount(row, minlength=len(videos))
    named = (waiting.categories[:, None] >> np.arange(len(STANCES))) & 1
    votes = found.votes.copy()
    np.add.at(votes, row, named)
    return _limited(replace(found, voters=found.voters + count, votes=votes, held=count), videos)


def unflagged(verdicts: Verdicts, videos: Videos) -> Mask:
    """By row: whether neither an audit nor any vote that weighs something says that the video is AI."""
    return np.asarray((verdicts.flagged <= 0.0) & (videos.audit < 0))


def within_side(verdicts: Verdicts, held: Mask, above: Mask) -> Verdicts:
    """Keeps the scores of held flips on their old side.

    Args:
        verdicts: What votes say.
        held: By row: whether the flip is held.
        above: By row: whether the old side is 50 or more.
    """
    if not held.any():
        return verdicts
    limited = np.where(above, np.maximum(verdicts.score, FLAGGED / 100), np.minimum(verdicts.score, PRIOR_HIGHEST))
    return _moved(verdicts, np.where(held, limited, verdicts.score))


def above_side(verdicts: Verdicts) -> Mask:
    """By row: whether the published score flags the video."""
    return np.asarray(percent(verdicts.score) >= FLAGGED)


def _limited(verdicts: Verdicts, videos: Videos) -> Verdicts:
    limited = np.minimum(verdicts.score, PRIOR_HIGHEST)
    return _moved(verdicts, np.where(unflagged(verdicts, videos), limited, verdicts.score))


def _moved(verdicts: Verdicts, score: Floats) -> Verdicts:
    """The same verdicts at other scores, of which categories keep their shares."""
    share = score / verdicts.score
    return replace(verdicts, score=score, category_score=verdicts.category_score * share[:, None])
