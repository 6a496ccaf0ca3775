"""A burst is held, shown as held, and ends: by time alone, or when a moderator releases it."""

from __future__ import annotations

from pathlib import Path

from data.columns import NO_DECISIONS
from data.holds import HOLD_MS
from data.log.append import Decision
from data.log.read import open_columns
from publisher.scoring.trust import score_all
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote
from tests.publisher.test_rulings import verdict


def shown(site: Site) -> tuple[object, ...]:
    """Votes, held votes and counter-votes of video x."""
    row = verdict(site, "x")
    return row["voters"], row["held"], row["votes_not_ai"]


def besieged(directory: Path) -> Site:
    """A moderator flags x, which thirty newcomers counter within a second."""
    site = new_site(directory)
    site.appoint(1)
    site.cast(vote(1, "x", "fully_ai", at_ms=START_MS - 9 * DAY_MS))
    site.cast(*(vote(10 + n, "x", "not_ai", at_ms=START_MS - 1000 + n) for n in range(30)))
    site.publish(START_MS)
    return site


def test_a_burst_is_shown_as_held(tmp_path: Path) -> None:
    """All votes are counted; what is held is told beside them, and the score is that of twenty."""
    site = besieged(tmp_path / "thirty")
    few = new_site(tmp_path / "twenty")
    few.appoint(1)
    few.cast(vote(1, "x", "fully_ai", at_ms=START_MS - 9 * DAY_MS))
    few.cast(*(vote(10 + n, "x", "not_ai", at_ms=START_MS - 1000 + n) for n in range(20)))
    few.publish(START_MS)

    assert (shown(site), shown(few)) == ((31, 10, 30), (21, 0, 20))
    assert verdict(site, "x")["score"] == verdict(few, "x")["score"]


def test_holds_lapse_by_time_alone(tmp_path: Path) -> None:
    """Between two full rounds a tick looks again at what is held, though nobody votes."""
    site = besieged(tmp_path)
    site.publish(START_MS + HOLD_MS - HOUR_MS)
    before = shown(site)
    changed = site.publish(START_MS + HOLD_MS + HOUR_MS).changed

    assert (before, changed, shown(site)) == ((31, 10, 30), 1, (31, 0, 30))


def test_a_release_ends_the_hold_at_the_next_tick(tmp_path: Path) -> None:
    """What was cast before counts from then on; what comes after is carried by it."""
    site = besieged(tmp_path)
    site.decide(Decision(START_MS, "release", "tests", "tests", video_id="x"))
    site.publish(START_MS + HOUR_MS)
    released = shown(site)
    site.cast(*(vote(100 + n, "x", "not_ai", at_ms=START_MS + HOUR_MS + n) for n in range(160)))
    site.publish(START_MS + 2 * HOUR_MS)

    assert (released, shown(site)) == ((31, 0, 30), (191, 10, 190))


def test_a_file_of_votes_is_held_like_a_log(tmp_path: Path) -> None:
    """`realtube score` gives the score of a publish: forty flags of today weigh as much as the first twenty."""
    scores = []
    for size in (20, 40):
        site = new_site(tmp_path / str(size))
        cast = [vote(10 + n, "x", "fully_ai", at_ms=START_MS - 100 + n) for n in range(20)]
        cast += [vote(30 + n, "x", "fully_ai", at_ms=START_MS - 50 + n) for n in range(size - 20)]
        site.cast(*cast)
        with open_columns(site.home.votes_log) as log:
            found = score_all(log.votes(log.last_position()), NO_DECISIONS, now_ms=START_MS)
        scores.append(float(found.verdicts.score[0]))
        assert found.verdicts.held.tolist() == [size - 20]

    assert scores[0] == scores[1]
