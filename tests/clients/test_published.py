"""What the publisher really publishes, read by all that was written from the page alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clients.history.diff import diff
from clients.history.ticks import ticks
from clients.mirror.run import mirror
from clients.reference import sync
from clients.verify import verify
from tests.clients.test_reference import held_rows
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote

TICKS, A_DAY = 12, 3


def cast(site: Site, tick: int) -> None:
    """Votes on old and new videos."""
    site.cast(*(vote(n, f"video{tick}", "fully_ai") for n in range(4)))
    site.cast(*(vote(n, f"AAAAAAA{tick:02}AA"[:10] + "A", "ai_visuals") for n in range(5)))
    site.cast(*(vote(n, f"video{tick // 2}", "not_ai") for n in range(4, 4 + tick)))


@pytest.fixture(name="published", scope="module")
def _published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tree of four days, and the destinations of clients that stopped at each tick."""
    directory = tmp_path_factory.mktemp("published")
    site = new_site(directory)
    for tick in range(TICKS):
        cast(site, tick)
        site.publish(START_MS + tick // A_DAY * DAY_MS + tick % A_DAY * HOUR_MS)
        sync(site.home.public, directory / f"at-{tick + 1}")
    return site.home.public, directory


def test_every_promise_holds(published: tuple[Path, Path]) -> None:
    """All ticks, all rolls, all shards."""
    report = verify(published[0])
    assert (report.first, report.seq, report.followed) == (1, TICKS, TICKS)
    assert report.epochs == TICKS // A_DAY
    assert report.shards == report.epochs


@pytest.mark.parametrize("a", range(1, TICKS + 1))
def test_clients_at_every_tick_arrive(published: tuple[Path, Path], tmp_path: Path, a: int) -> None:
    """From the origin and from a mirror of it alike, within the requests that the page promises."""
    public, directory = published
    mirror(public, tmp_path / "copy")
    for number, source in enumerate((public, tmp_path / "copy")):
        dest = tmp_path / f"dest-{number}"
        shutil.copytree(directory / f"at-{a}", dest)
        report = sync(source, dest)
        assert (report.from_seq, report.seq, report.warnings) == (a, TICKS, ())
        most = 1 if a == TICKS else 2 if a > TICKS - A_DAY else 4
        assert report.requests <= most + ("base" in report.how.split("+"))
        assert held_rows(dest) == held_rows(directory / f"at-{TICKS}")


def test_the_past_can_be_looked_at(published: tuple[Path, Path], tmp_path: Path) -> None:
    """Ticks, differences, past rows: as the clients of then held them."""
    public, directory = published
    assert [tick.seq for tick in ticks(public).ticks] == list(range(TICKS, 0, -1))
    for a, b in ((1, TICKS), (5, 6), (9, 4)):
        before, after = held_rows(directory / f"at-{a}"), held_rows(directory / f"at-{b}")
        changes = {change.video_id: (change.before, change.after) for change in diff(public, a, b).changes()}
        ids = {i for i in {*before, *after} if before.get(i) != after.get(i)}
        assert changes == {i: (before.get(i), after.get(i)) for i in ids}
    sync(public, tmp_path / "past", at=7)
    assert held_rows(tmp_path / "past") == held_rows(directory / "at-7")


def test_a_mirror_of_a_mirror_keeps_every_promise(published: tuple[Path, Path], tmp_path: Path) -> None:
    """The newest tick whole, the past as commits."""
    mirror(published[0], tmp_path / "one")
    mirror(tmp_path / "one", tmp_path / "two")
    report = verify(tmp_path / "two")
    assert (report.first, report.seq, report.followed) == (1, TICKS, 1)
