"""What moderators' and auditors' decisions mean; the later one wins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from data.columns import Floats, Keys, Mask
from data.log.read import Decisions
from data.score import AUDITED_SCORE, MODERATOR, MODERATOR_WEIGHT, Verdicts, Voters

Labels = npt.NDArray[np.int8]


def audits(decisions: Decisions) -> tuple[Keys, Labels]:
    """The audited videos and their labels.

    Args:
        decisions: Any decisions, in position order.

    Returns:
        Video keys, ascending, each once; the last label of each: 1 AI, 0 made by people.
    """
    keys, last = _last_of_each(decisions.video, np.array([kind == "audit" for kind in decisions.kind], np.bool_))
    return keys, decisions.label[last].astype(np.int8)


def moderators(decisions: Decisions) -> Keys:
    """The voters who are moderators after these decisions.

    Args:
        decisions: All decisions up to some position, in position order.

    Returns:
        Voter keys, ascending, each once; those removed and not added again are absent.
    """
    kinds = decisions.kind
    keys, last = _last_of_each(decisions.voter, np.array([kind.startswith("moderator_") for kind in kinds], np.bool_))
    return keys[np.array([kinds[row] == "moderator_add" for row in last], np.bool_)]


def locks(decisions: Decisions) -> tuple[Keys, Floats]:
    """The videos whose scores moderators have fixed, and at what.

    Args:
        decisions: All decisions up to some position, in position order.

    Returns:
        Video keys, ascending, each once; the score of each, 0-1. What people confirmed to be human is fixed at 0.01.
    """
    fixing = np.array([kind in {"lock", "unlock", "confirm_human"} for kind in decisions.kind], np.bool_)
    keys, last = _last_of_each(decisions.video, fixing)
    kinds = [decisions.kind[row] for row in last]
    given = np.zeros(len(fixing)) if decisions.score is None else decisions.score / 100.0
    scores = np.where([kind == "confirm_human" for kind in kinds], AUDITED_SCORE[0], given[last])
    stands = np.array([kind != "unlock" for kind in kinds], np.bool_)
    return keys[stands], scores[stands]


def hidden(decisions: Decisions) -> Keys:
    """The videos that moderators keep out of what is published: keys, ascending, each once."""
    return _in_force(decisions.video, decisions.kind, on="hide", off="unhide")


def banned(decisions: Decisions) -> Keys:
    """The voters whose votes weigh nothing: keys, ascending, each once."""
    return _in_force(decisions.voter, decisions.kind, on="ban", off="unban")


def with_bans(voters: Voters, keys: Keys) -> Voters:
    """The same voters, except that the votes of those in `keys` weigh nothing."""
    size = max(len(voters.level), int(keys.max(initial=0)) + 1)
    everyone = voters.of(np.arange(size, dtype=np.int32))
    heard = np.ones(size)
    heard[keys] = 0.0
    return replace(everyone, flag_weight=everyone.flag_weight * heard, counter_weight=everyone.counter_weight * heard)


def with_locks(verdicts: Verdicts, videos: Keys, decisions: Decisions) -> tuple[Verdicts, Mask]:
    """Puts fixed scores in place of what votes say.

    Args:
        verdicts: In the rows of `videos`.
        videos: Keys, ascending, each once.
        decisions: All decisions up to some position, in position order.

    Returns:
        The verdicts, categories scaled along, and which rows are fixed.
    """
    keys, fixed = locks(decisions)
    present = np.isin(keys, videos)
    rows = np.searchsorted(videos, keys[present])
    locked = np.zeros(len(videos), np.bool_)
    locked[rows] = True
    scores = verdicts.score.copy()
    scores[rows] = fixed[present]
    share = np.divide(scores, verdicts.score, out=np.ones(len(videos)), where=verdicts.score > 0)
    return replace(verdicts, score=scores, category_score=verdicts.category_score * share[:, None]), locked


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


def _in_force(keys: Keys, kinds: list[str], *, on: str, off: str) -> Keys:
    named, last = _last_of_each(keys, np.array([kind in {on, off} for kind in kinds], np.bool_))
    return named[np.array([kinds[row] == on for row in last], np.bool_)]


def _last_of_each(keys: Keys, chosen: npt.NDArray[np.bool_]) -> tuple[Keys, npt.NDArray[np.int64]]:
    rows = np.flatnonzero(chosen)[::-1]
    unique, newest = np.unique(keys[rows], return_index=True)  # the first of equal ones, so the last in position order
    return unique.astype(np.int32), rows[newest]
