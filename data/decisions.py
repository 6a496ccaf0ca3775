"""What moderators' and auditors' decisions mean; the later one wins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from data.columns import Bytes, Decisions, Ints, Keys, Mask, Votes
from data.score import Verdicts
from data.voters import MODERATOR, MODERATOR_WEIGHT, Voters

Labels = npt.NDArray[np.int8]


def audits_and_moderators(audited: Keys, labels: Bytes, moderators: Keys) -> Decisions:
    """Decisions that audit these videos and appoint these voters, as a log would hold them.

    Args:
        audited: Video keys.
        labels: One for each: 1 AI, 0 made by people.
        moderators: Voter keys.
    """
    videos, voters = len(audited), len(moderators)
    return Decisions(
        position=np.arange(1, videos + voters + 1, dtype=np.int64),
        kind=["audit"] * videos + ["moderator_add"] * voters,
        video=np.concatenate([audited, np.zeros(voters, np.int32)]),
        voter=np.concatenate([np.zeros(videos, np.int32), moderators]),
        label=np.concatenate([labels, np.zeros(voters, np.uint8)]),
        score=np.zeros(videos + voters, np.uint8),
    )


def audits(decisions: Decisions) -> tuple[Keys, Labels]:
    """The audited videos and their labels.

    Args:
        decisions: Any decisions, in position order.

    Returns:
        Video keys, ascending, each once; the last label of each: 1 AI, 0 made by people.
    """
    keys, last = _last_of_each(decisions.video, _any_of(decisions, "audit"))
    return keys, decisions.label[last].astype(np.int8)


def labels_of(videos: Keys, audited: Keys, labels: Labels) -> Labels:
    """The audited label of each of these videos: 1 AI, 0 made by people, -1 not audited.

    Args:
        videos: Any video keys.
        audited: The audited videos, ascending, each once.
        labels: One for each of them.
    """
    if not len(audited):
        return np.full(len(videos), -1, np.int8)
    place = np.minimum(np.searchsorted(audited, videos), len(audited) - 1)
    return np.where(audited[place] == videos, labels[place], np.int8(-1))


def moderators(decisions: Decisions) -> Keys:
    """The voters who are moderators after these decisions.

    Args:
        decisions: All decisions up to some position, in position order.

    Returns:
        Voter keys, ascending, each once; those removed and not added again are absent.
    """
    keys, last = _last_of_each(decisions.voter, _any_of(decisions, "moderator_add", "moderator_remove"))
    return keys[np.array([decisions.kind[row] == "moderator_add" for row in last], np.bool_)]


def with_moderators(voters: Voters, keys: Keys) -> Voters:
    """Puts today's moderators in place of those that the voters' last full round knew.

    Args:
        voters: What a full round found.
        keys: All of today's moderators.

    Returns:
        The same voters, except: who is in `keys` has a moderator's level and weights; who had that level and is not
        in `keys` is a newcomer, for such a round says nothing else about them. Longer than `voters` when it must be.
    """
    size = max(len(voters.level), int(keys.max(initial=0)) + 1)
    entries = np.arange(size, dtype=np.int32)
    entries[np.flatnonzero(voters.level == MODERATOR)] = 0  # entry 0 reads as a newcomer; today's come back below
    others = voters.of(entries)
    assert others.proven is not None
    assert others.cluster is not None
    appointed = np.zeros(size, np.bool_)
    appointed[keys] = True
    return Voters(
        level=np.where(appointed, np.uint8(MODERATOR), others.level),
        flag_weight=np.where(appointed, MODERATOR_WEIGHT, others.flag_weight),
        counter_weight=np.where(appointed, MODERATOR_WEIGHT, others.counter_weight),
        proven=np.where(appointed, 0.0, others.proven),
        cluster=np.where(appointed, np.int32(0), others.cluster),
        levels=voters.levels,
    )


def locks(decisions: Decisions) -> tuple[Keys, Bytes]:
    """The videos whose score a moderator fixed.

    Returns:
        Video keys, ascending, each once; the score of each, 0-100: a lock's own, 0 where people were confirmed.
    """
    keys, last = _last_of_each(decisions.video, _any_of(decisions, "lock", "confirm_human", "unlock"))
    held = np.array([decisions.kind[row] != "unlock" for row in last], np.bool_)
    confirmed = np.array([decisions.kind[row] == "confirm_human" for row in last], np.bool_)
    return keys[held], np.where(confirmed, np.uint8(0), decisions.score[last])[held]


def released(decisions: Decisions) -> tuple[Keys, Ints]:
    """The videos whose bursts a moderator has looked at.

    Returns:
        Video keys, ascending, each once; the position of each one's last release: votes before it are not held.
    """
    keys, last = _last_of_each(decisions.video, _any_of(decisions, "release"))
    return keys, decisions.position[last]


def hidden(decisions: Decisions) -> Keys:
    """The videos that are never published, ascending, each once."""
    keys, last = _last_of_each(decisions.video, _any_of(decisions, "hide", "unhide"))
    return keys[np.array([decisions.kind[row] == "hide" for row in last], np.bool_)]


def banned(decisions: Decisions) -> Keys:
    """The voters whose votes count for nothing, ascending, each once."""
    keys, last = _last_of_each(decisions.voter, _any_of(decisions, "ban", "unban"))
    return keys[np.array([decisions.kind[row] == "ban" for row in last], np.bool_)]


def counting(votes: Votes, out: Keys) -> Votes:
    """The votes that count: all but those of banned voters.

    Args:
        votes: Any votes.
        out: The banned voters.
    """
    return votes.take(~np.isin(votes.voter, out)) if len(out) else votes


def with_locks(verdicts: Verdicts, videos: Keys, keys: Keys, scores: Bytes) -> tuple[Verdicts, Mask]:
    """Puts moderators' scores in place of what votes say.

    Args:
        verdicts: One a row of `videos`.
        videos: Video keys, ascending, each once.
        keys: The locked videos.
        scores: Their scores, 0-100.

    Returns:
        The verdicts, in which locked videos have their lock's score and their categories the same shares of it as
        before; and which rows are locked.
    """
    present = np.isin(keys, videos)
    rows = np.searchsorted(videos, keys[present])
    locked, fixed = np.zeros(len(videos), np.bool_), verdicts.score.copy()
    locked[rows], fixed[rows] = True, scores[present] / 100
    leading = verdicts.category_score.max(axis=1, initial=0.0)
    share = np.divide(fixed, leading, out=np.ones(len(videos)), where=locked & (leading > 0))
    return replace(verdicts, score=fixed, category_score=verdicts.category_score * share[:, None]), locked


def _any_of(decisions: Decisions, *kinds: str) -> Mask:
    return np.array([kind in kinds for kind in decisions.kind], np.bool_)


def _last_of_each(keys: Keys, chosen: npt.NDArray[np.bool_]) -> tuple[Keys, npt.NDArray[np.int64]]:
    rows = np.flatnonzero(chosen)[::-1]
    unique, newest = np.unique(keys[rows], return_index=True)  # the first of equal ones, so the last in position order
    return unique.astype(np.int32), rows[newest]
