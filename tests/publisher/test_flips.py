"""A raid by trusted voters is held, shown as held, and let go: by time alone, or by a moderator."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from clients.verify import verify
from data.flips import FLIPS_AT_ONCE
from data.formats.tree import rfc3339
from data.holds import HOLD_MS
from data.log import lookup, schema
from intake.live import Newest, verdicts
from publisher.stores.local import LocalStore
from tests.factories import HOUR_MS, LOG_ID, START_MS, Site, new_site
from tests.homes import new_home
from tests.publisher.raids import earn_trust, raid, release
from tests.publisher.test_rulings import verdict

MANY = range(FLIPS_AT_ONCE + 5)


@pytest.fixture
def raided(tmp_path: Path) -> Site:
    """Trusted voters flag 25 videos after the first tick; the second tick has seen it."""
    site = new_site(tmp_path)
    earn_trust(site)
    site.publish(START_MS)
    raid(site, MANY, at_ms=START_MS + 1)
    site.publish(START_MS + HOUR_MS)
    return site


def shown(site: Site, n: int = 0) -> tuple[object, bool]:
    """Score of a raided video, and whether it is held."""
    row = verdict(site, f"r{n}")
    return row["score"], row["flip_held_since"] is not None


def live(site: Site, n: int, at_ms: int) -> int:
    """What a look-up shows of a raided video."""
    with closing(schema.open_for_reading(site.home.votes_log)) as log:
        newest = Newest(site.home.standing, LOG_ID, lambda: at_ms)
        return verdicts(log, newest, lookup.video_by_id(log, f"r{n}"))[0].score


def test_a_raid_is_held(raided: Site) -> None:
    """All of it stays at 49, in files and in look-ups, and strangers find nothing wrong."""
    assert {shown(raided, n) for n in MANY} == {(49, True)}
    assert live(raided, 0, START_MS + HOUR_MS) == 49
    assert verify(raided.home.public).seq == 2


def test_fewer_are_free(tmp_path: Path) -> None:
    """Twenty at one tick are no raid, nor are twenty more at the next."""
    site = new_site(tmp_path)
    earn_trust(site)
    site.publish(START_MS)
    raid(site, MANY[:FLIPS_AT_ONCE], at_ms=START_MS + 1)
    site.publish(START_MS + HOUR_MS)
    raid(site, range(100, 100 + FLIPS_AT_ONCE), at_ms=START_MS + HOUR_MS + 1)
    site.publish(START_MS + 2 * HOUR_MS)

    assert shown(site) == shown(site, 100)
    score, held = shown(site)
    assert isinstance(score, int)
    assert (score > 50, held) == (True, False)


def test_the_first_tick_holds_nothing(tmp_path: Path) -> None:
    """A new tree has no old side that its videos could be kept on."""
    site = new_site(tmp_path)
    earn_trust(site)
    raid(site, MANY, at_ms=START_MS - 1000)
    site.publish(START_MS)
    assert shown(site)[1] is False


def test_a_hold_lapses_by_time_alone(raided: Site) -> None:
    """Between two full rounds a tick looks again at what is held, though nobody votes."""
    first_ms = START_MS + HOUR_MS
    raided.publish(first_ms + HOLD_MS - HOUR_MS)
    before = shown(raided)
    changed = raided.publish(first_ms + HOLD_MS).changed
    score, held = shown(raided)

    assert (before, changed, held) == ((49, True), len(MANY), False)
    assert isinstance(score, int)
    assert score > 50
    assert live(raided, 0, first_ms + HOLD_MS) == score
    assert verify(raided.home.public).seq == 4


def test_a_release_lets_one_go(raided: Site) -> None:
    """At once in look-ups, at the next tick in files; the others go on waiting, and so does what comes next."""
    release(raided, 3)
    at_once = live(raided, 3, START_MS + HOUR_MS)
    raid(raided, range(200, 201), at_ms=START_MS + HOUR_MS + 1)
    raided.publish(START_MS + 2 * HOUR_MS)

    assert at_once == shown(raided, 3)[0] != 49
    assert (shown(raided, 3)[1], shown(raided, 4), shown(raided, 200)) == (False, (49, True), (49, True))


def test_a_lost_cache_changes_nothing(raided: Site) -> None:
    """What is held is read from the published files; the standing file only tells look-ups."""
    raided.home.standing.unlink()
    raided.publish(START_MS + 2 * HOUR_MS)
    assert shown(raided) == (49, True)
    assert live(raided, 0, START_MS + 2 * HOUR_MS) == 49


def test_review_and_explain_say_so(tmp_path: Path) -> None:
    """Each video is listed with the command that lets it go, which then does."""
    now_ms, home = time.time_ns() // 1_000_000, new_home(tmp_path)
    site = Site(home.home, LocalStore(home.home.public), new_site(tmp_path / "keys").signer)
    earn_trust(site, now_ms)
    site.publish(now_ms - HOUR_MS)
    raid(site, MANY, at_ms=now_ms - HOUR_MS + 1)
    site.publish(now_ms - 1)
    cases = {case["about"]: case for case in home.facts("review", "--limit", "99")}
    text, before = home.run("explain", "r7").stdout, home.facts("explain", "r7")
    home.run("review", "--release", "r7", "--reason", "they are right")
    after = home.facts("explain", "r7")

    assert {case["kind"] for case in cases.values()} == {"flips"}
    assert set(cases) == {f"r{n}" for n in MANY}
    assert cases["r7"]["command"] == "realtube review --release r7 --reason …"
    assert cases["r7"]["why"].startswith("one of 25 videos that few voters turned at once; let go, it moves from 49")
    assert f"held on its old side of 50 until {rfc3339(now_ms - 1 + HOLD_MS)}" in text
    assert (before["score"], after["flip_held_until"]) == (49, "")
    assert after["score"] > 50
    assert "r7" not in {case["about"] for case in home.facts("review", "--limit", "99")}
