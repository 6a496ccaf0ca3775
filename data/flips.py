"""Flips: which videos that cross 50 at one tick are held on their old side, for few voters turned many of them. Pure.

Bursts (`data.holds`) are many voters on one video; this is a few voters on many. A voter takes part in a flip by a
vote on the side that the video comes to, first said within three days. A flip is held when its voters who take part in
more than `FLIPS_AT_ONCE` of one tick are what turns it: without their recent votes it would not flip.

One more vote on a side never takes from it. A flip that was free without that vote is free with it: the vote makes
nobody but its own voter take part in more, and without this voter's vote the flip stands as before.
"""

from __future__ import annotations

import numpy as np

from data.columns import Ints, Keys, Mask
from data.holds import HOLD_MS, first_said, looked_at
from data.judging import Grounds, Said
from data.records import NOT_AI_BIT
from data.score import Videos
from data.verdicts import above_side, verdicts_of

FLIPS_AT_ONCE = 20
"""Who takes part in more flips of one tick than this is looked at: as many as votes of a burst that always count."""


def held_since(
    found: Said, grounds: Grounds, above: Mask, since_ms: Ints, *, after: int, now_ms: int, first: bool
) -> Ints:
    """Since when each video's flip is held, as of a tick.

    Args:
        found: What votes say of the videos that the tick scores.
        grounds: What counts besides.
        above: By row: whether the tick before left the video at 50 or more.
        since_ms: By row: since when the flip is held by then, 0 when it is not.
        after: How far the tick before read the log.
        now_ms: Time of the tick, Unix milliseconds.
        first: Whether no tick had verdicts yet: then nothing has flipped.

    Returns:
        By row: Unix milliseconds, 0 when no flip is held.
    """
    begun = since_ms > 0
    over = begun & _over(found, grounds, since_ms, after=after, now_ms=now_ms)
    flips = _flips(found, grounds, above) & ~over
    since = np.where(flips & begun, since_ms, 0)
    if not first:
        since[_turned_by_few(found, grounds, above, flips, ~begun, now_ms=now_ms)] = now_ms
    return since


def still_held(found: Said, grounds: Grounds, *, now_ms: int) -> tuple[Ints, Mask]:
    """What is left at this moment of the flips that the last tick held.

    Returns:
        By row: since when the flip is held, 0 when it is not; and whether its old side is 50 or more.
    """
    flips, keys = grounds.round.flips, found.videos.video
    since, above = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
    if not len(flips.video):
        return since, above
    place = np.minimum(np.searchsorted(flips.video, keys), len(flips.video) - 1)
    known = flips.video[place] == keys
    since[known], above[known] = flips.since_ms[place[known]], flips.above[place[known]]
    over = _over(found, grounds, since, after=flips.position, now_ms=now_ms)
    return np.where(_flips(found, grounds, above) & ~over, since, 0), above


def _flips(found: Said, grounds: Grounds, above: Mask) -> Mask:
    """By row: whether votes take the video to the other side, and nobody whose word goes before votes says so."""
    verdicts, videos = found.verdicts, found.videos
    decided = (videos.audit >= 0) | np.isin(videos.video, np.union1d(grounds.locks[0], grounds.hidden))
    crossed = (above_side(verdicts) != above) & ~decided & (verdicts.voters > 0)
    crossed &= ~(above & found.unflagged())  # without a flag of its own it may not stay at 50
    rows = np.flatnonzero(crossed)
    if len(rows):
        moderators = np.flatnonzero(np.isin(found.words.voter, grounds.moderators))
        row = np.searchsorted(videos.video, found.words.video[moderators])
        crossed[row[_flags(found)[moderators] != above[row]]] = False
    return np.asarray(crossed)


def _over(found: Said, grounds: Grounds, since_ms: Ints, *, after: int, now_ms: int) -> Mask:
    """By row: whether a hold has lapsed, or a moderator has released the video since the tick that read `after`."""
    keys, positions = grounds.released
    return np.asarray((since_ms + HOLD_MS <= now_ms) | np.isin(found.videos.video, keys[positions > after]))


def _turned_by_few(found: Said, grounds: Grounds, above: Mask, flips: Mask, fresh: Mask, *, now_ms: int) -> Ints:
    """Rows of fresh flips that would not be without the voters who take part in very many.

    Args:
        found: What votes say.
        grounds: What counts besides.
        above: By row: whether the old side is 50 or more.
        flips: By row: all flips that voters may take part in, those that are held already included.
        fresh: By row: whether no tick before held it.
        now_ms: Time of the tick, Unix milliseconds.
    """
    if int(flips.sum()) <= FLIPS_AT_ONCE:
        return np.empty(0, np.int64)
    words, held, videos = found.words, found.held, found.videos
    row = np.searchsorted(videos.video, words.video)
    part = flips[row] & (_flags(found) != above[row]) & ~held
    part[flips[row]] &= _recent(found, grounds, videos.video[flips], now_ms=now_ms)
    many = np.flatnonzero(np.bincount(words.voter[part]) > FLIPS_AT_ONCE)
    theirs = part & np.isin(words.voter, many)
    asked = fresh & (np.bincount(row[theirs], minlength=len(videos)) > 0)
    rest = asked[row] & ~theirs
    some = Videos(videos.video[asked], videos.prior[asked], videos.audit[asked])
    without = verdicts_of(words.take(rest), held[rest], grounds.voters, some)
    return np.asarray(np.flatnonzero(asked)[above_side(without) == above[asked]], np.int64)


def _recent(found: Said, grounds: Grounds, videos: Keys, *, now_ms: int) -> Mask:
    """By standing vote on these videos: whether its side was first said within the last three days and not released.

    Saying the same side again keeps a voter's place: else one more vote would make an old word recent.
    """
    first = first_said(found.counting.take(np.isin(found.counting.video, videos)))
    looked = looked_at(first.video, grounds.released)
    return np.asarray((first.cast_at_ms > now_ms - HOLD_MS) & (first.position > looked))


def _flags(found: Said) -> Mask:
    return np.asarray(found.words.categories < NOT_AI_BIT)
