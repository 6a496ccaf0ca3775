"""The one order in which votes become verdicts, for a publish and for a look-up between two of them. Pure.

Counting votes, standing votes, holds of bursts, priors, verdicts (`said`); then flips that are held, then locks
(`ruled`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data import decisions as rulings
from data.columns import Bytes, Decisions, Ints, Keys, Mask, Votes, standing
from data.holds import held_until
from data.priors import priors
from data.score import Verdicts, Videos
from data.standing import Standing
from data.verdicts import unflagged, verdicts_of, within_side
from data.voters import Voters


@dataclass(frozen=True, slots=True)
class Grounds:
    """What verdicts rest on besides votes: the last full round, and all decisions."""

    round: Standing
    voters: Voters
    """What the round learned of each voter, today's moderators included."""
    audited: Keys
    """Audited videos, ascending."""
    labels: rulings.Labels
    """Their labels."""
    banned: Keys
    """Voters whose votes count for nothing."""
    hidden: Keys
    """Videos that are not shown."""
    locks: tuple[Keys, Bytes]
    """Videos whose score a moderator fixed, and these scores."""
    moderators: Keys
    released: tuple[Keys, Ints]
    """Videos at which a moderator has looked, ascending, and the positions of these decisions."""


def grounds_of(learned: Standing, decided: Decisions) -> Grounds:
    """Reads the decisions that hold now.

    Args:
        learned: What the last full round found.
        decided: All decisions, in position order.
    """
    audited, labels = rulings.audits(decided)
    moderators = rulings.moderators(decided)
    return Grounds(
        round=learned,
        voters=rulings.with_moderators(learned.voters, moderators),
        audited=audited,
        labels=labels,
        banned=rulings.banned(decided),
        hidden=rulings.hidden(decided),
        locks=rulings.locks(decided),
        moderators=moderators,
        released=rulings.released(decided),
    )


@dataclass(frozen=True, slots=True)
class Said:
    """What votes say of some videos, before held flips and locks."""

    counting: Votes
    """All votes that count, in any order."""
    words: Votes
    """What stands of them, all of it about `videos`."""
    until: Ints
    """Of each: when its hold lapses, Unix milliseconds; 0 when it is not held."""
    videos: Videos
    verdicts: Verdicts

    @property
    def held(self) -> Mask:
        """Of each standing vote: whether it is held."""
        return np.asarray(self.until > 0)

    def unflagged(self) -> Mask:
        """By row: whether neither an audit nor a vote that weighs something says that the video is AI."""
        return unflagged(self.verdicts, self.videos)


def said(
    votes: Votes, grounds: Grounds, keys: Keys | None = None, *, now_ms: int, standing_rows: Ints | None = None
) -> Said:
    """Hears all votes about some videos.

    Args:
        votes: All votes about them, in any order.
        grounds: What counts besides.
        keys: The videos, ascending, each once; None for those that have a standing vote.
        now_ms: The time by which holds are counted, Unix milliseconds.
        standing_rows: `columns.last_words` of the votes that count, when it is known already.
    """
    counting = rulings.counting(votes, grounds.banned)
    words = standing(counting) if standing_rows is None else counting.take(standing_rows)
    until = held_until(counting, words, grounds.moderators, grounds.released, now_ms=now_ms)
    videos = np.unique(words.video) if keys is None else keys
    audit = rulings.labels_of(videos, grounds.audited, grounds.labels)
    known = Videos(videos, priors(grounds.round, words, videos), audit)
    return Said(counting, words, until, known, verdicts_of(words, until > 0, grounds.voters, known))


def ruled(found: Said, grounds: Grounds, *, held: Mask, above: Mask) -> tuple[Verdicts, Mask]:
    """What is shown: held flips stay on their old side, and moderators' locks go before everything.

    Args:
        found: What votes say.
        grounds: Whose locks count.
        held: By row: whether the video's flip is held (`data.flips`).
        above: By row: whether its old side is 50 or more.

    Returns:
        The verdicts, and which rows are locked.
    """
    kept = within_side(found.verdicts, held, above)
    return rulings.with_locks(kept, found.videos.video, *grounds.locks)
