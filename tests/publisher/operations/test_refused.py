"""A tick that changes too much is refused: a heartbeat goes out, and a person decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.formats.head import parse
from data.log.append import Decision
from publisher.commands import going_on
from publisher.operations.orders import Order
from publisher.refusals import GuardRefused
from publisher.run import publish
from publisher.settings import PublisherSettings
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote
from tests.homes import CommandLine, new_home

VIDEOS = [f"video{number}" for number in range(150)]
HEADER = "cast_at_ms,voter_id,video_id,category\n"


def full_site(directory: Path) -> Site:
    """A site that has published 150 rows."""
    site = new_site(directory)
    site.settings = PublisherSettings(guard_from_rows=100)
    site.appoint(1)
    site.cast(*(vote(1, video, "fully_ai") for video in VIDEOS))
    site.publish(START_MS + HOUR_MS)
    return site


def retract(site: Site, count: int, at_ms: int) -> None:
    """Takes flags back."""
    site.cast(*(vote(1, video, at_ms=at_ms) for video in VIDEOS[:count]))


def test_refused_tick_is_a_heartbeat(tmp_path: Path) -> None:
    """The old rows go on, `exp` does not lapse, votes wait; an override publishes with its reason."""
    site = full_site(tmp_path)
    before = parse(site.head())[0]
    retract(site, 120, START_MS + HOUR_MS)
    with pytest.raises(GuardRefused, match=r"120 of 150 rows \(80\.0 %\) would vanish.*--override REASON"):
        site.publish(START_MS + 2 * HOUR_MS)
    beat = parse(site.head())[0]
    with pytest.raises(GuardRefused):
        site.publish(START_MS + DAY_MS)  # the next day's first tick too
    midnight = parse(site.head())[0]
    publish(
        site.home, site.store, site.signer, site.settings,
        now_ms=START_MS + DAY_MS + HOUR_MS, order=Order(reason="retracted on purpose", override=True),
    )  # fmt: skip
    after = parse(site.head())[0]

    assert (beat.seq, beat.state, beat.n, beat.note) == (2, before.state, 150, None)
    assert beat.exp > before.exp
    assert beat.through_position == midnight.through_position == before.through_position
    assert (midnight.state, midnight.epoch > beat.epoch) == (before.state, True)
    assert (after.n, after.note) == (30, "retracted on purpose")
    assert after.through_position > before.through_position


def test_when_what_is_wrong_is_mended_ticks_go_on(tmp_path: Path) -> None:
    """A refusal leaves nothing behind: votes that put things right are enough."""
    site = full_site(tmp_path)
    retract(site, 120, START_MS + HOUR_MS)
    with pytest.raises(GuardRefused):
        site.publish(START_MS + 2 * HOUR_MS)
    site.cast(*(vote(1, video, "fully_ai", at_ms=START_MS + 2 * HOUR_MS) for video in VIDEOS[:100]))
    site.publish(START_MS + 3 * HOUR_MS)

    assert parse(site.head())[0].n == 130


def test_settings_widen_the_guards(tmp_path: Path) -> None:
    """Whoever allows everything but emptiness gets it."""
    site = full_site(tmp_path)
    site.settings = PublisherSettings(max_vanished=100, guard_from_rows=100)
    retract(site, 149, START_MS + HOUR_MS)
    site.publish(START_MS + 2 * HOUR_MS)
    retract(site, 150, START_MS + 3 * HOUR_MS)
    site.publish(START_MS + 4 * HOUR_MS)  # one row, then none

    assert parse(site.head())[0].n == 0


def test_all_rows_at_once_are_refused_whatever_is_set(tmp_path: Path) -> None:
    """Emptiness has no setting."""
    site = full_site(tmp_path)
    site.settings = PublisherSettings(max_vanished=100, guard_from_rows=100)
    retract(site, 150, START_MS + HOUR_MS)
    with pytest.raises(GuardRefused, match="all 150 rows would vanish"):
        site.publish(START_MS + 2 * HOUR_MS)


def test_dry_run_refuses_and_writes_nothing(tmp_path: Path) -> None:
    """The same message, no heartbeat."""
    site = full_site(tmp_path)
    before = site.head()
    retract(site, 120, START_MS + HOUR_MS)
    with pytest.raises(GuardRefused, match="would be published again"):
        publish(site.home, site.store, site.signer, site.settings, now_ms=START_MS + 2 * HOUR_MS, dry_run=True)

    assert site.head() == before


def lock(site: Site, count: int, score: int) -> None:
    """Fixes scores."""
    site.decide(
        *(Decision(START_MS, "lock", "tests", "tests", video_id=video, score=score) for video in VIDEOS[:count])
    )


def test_flips_are_refused(tmp_path: Path) -> None:
    """Rows that change sides of 50 are counted; rows that appear, and flips of few, are not."""
    site = full_site(tmp_path)
    site.cast(*(vote(1, f"new{number}", "fully_ai") for number in range(1000)))
    site.publish(START_MS + 2 * HOUR_MS)
    assert parse(site.head())[0].n == 1150
    lock(site, 99, score=30)
    site.publish(START_MS + 3 * HOUR_MS)
    lock(site, 150, score=30)
    site.publish(START_MS + 4 * HOUR_MS)  # 51 more
    site.settings = PublisherSettings(max_flipped=13, guard_from_rows=100)
    lock(site, 150, score=90)
    with pytest.raises(GuardRefused, match=r"150 of 1,150 rows \(13\.0 %\) would change sides of 50, at most 13 %"):
        site.publish(START_MS + 5 * HOUR_MS)


def head_of(home: CommandLine) -> Any:
    """The published head's payload."""
    return json.loads((home.home.public / "v1/head").read_bytes().split(b"\n")[0])


def test_at_the_command_line(tmp_path: Path) -> None:
    """Exit code 3 and what to do; --override takes a reason; the loop goes on."""
    home = new_home(tmp_path)
    with (home.home.directory / "settings.env").open("a", encoding="utf-8") as settings:
        settings.write("REALTUBE_GUARD_FROM_ROWS=100\n")
    home.run("moderator", "add", f"{1:064x}", "--reason", "tests")
    flags = HEADER + "".join(f"{START_MS},{1:064x},{video},fully_ai\n" for video in VIDEOS)
    home.run("import-votes", "-", stdin=flags)
    home.run("publish", "--now-ms", START_MS + HOUR_MS)
    back = HEADER + "".join(f"{START_MS + 1},{1:064x},{video},\n" for video in VIDEOS[:120])
    home.run("import-votes", "-", stdin=back)
    said = home.run("publish", "--now-ms", START_MS + 2 * HOUR_MS, exit_code=3).stderr
    assert "Look at `realtube review`" in said
    assert "takes a reason" in home.run("publish", "--override", " ", exit_code=2).stderr
    home.run("publish", "--now-ms", START_MS + 3 * HOUR_MS, "--override", "checked by two of us")

    assert (head_of(home)["seq"], head_of(home)["n"], head_of(home)["note"]) == (3, 30, "checked by two of us")


def test_a_loop_survives_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    """`publish --every` says it and ticks on; anything else ends it."""

    def refused(_: int) -> None:
        raise GuardRefused(["too much"], dry_run=False)

    def broken(_: int) -> None:
        raise OSError("disk full")

    going_on(refused)(START_MS)
    assert "refused: too much" in capsys.readouterr().err
    with pytest.raises(OSError, match="disk full"):
        going_on(broken)(START_MS)
