"""When and from what the browsable database is built."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from data.formats.tree import FormatError
from publisher.research import site as sites
from publisher.stores.local import LocalStore
from tests.factories import DAY_MS, START_MS, busy_site, new_site, vote
from tests.publisher.browsable import build, rows


def test_only_published_files_are_read(tmp_path: Path) -> None:
    """A copy of the tree alone, without home or log, gives the same tables."""
    site = busy_site(tmp_path)
    build(site, tmp_path / "ours.db")
    shutil.copytree(site.home.public, tmp_path / "copy")
    shutil.rmtree(site.home.directory)
    site.store = LocalStore(tmp_path / "copy")
    build(site, tmp_path / "theirs.db")

    for table in ("site", "videos", "channels", "categories", "ticks", "files"):
        query = f"SELECT * FROM {table}"
        assert rows(tmp_path / "ours.db", query) == rows(tmp_path / "theirs.db", query)


def test_a_tick_is_built_once(tmp_path: Path) -> None:
    """The same tick again leaves the file alone; a newer tick, or another layout of the tables, builds it."""
    site, path = busy_site(tmp_path), tmp_path / "browse.db"
    built = [build(site, path)]
    inode = path.stat().st_ino
    built.append(build(site, path))
    assert path.stat().st_ino == inode
    site.publish(START_MS + 3 * DAY_MS)
    built.append(build(site, path))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE site SET layout_sha256 = 'of another version'")
    built.append(build(site, path))
    path.write_bytes(b"no database")
    built.append(build(site, path))

    assert built == [True, False, True, True, True]
    assert rows(path, "SELECT seq FROM site") == [{"seq": 6}]


def test_readers_keep_the_old_tick(tmp_path: Path) -> None:
    """Who has the file open while it is built anew goes on reading the tick that they opened."""
    site, path = busy_site(tmp_path), tmp_path / "browse.db"
    build(site, path)
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as reader:
        before = reader.execute("SELECT seq FROM site").fetchall()
        site.publish(START_MS + 3 * DAY_MS)
        build(site, path)

        assert reader.execute("SELECT seq FROM site").fetchall() == before == [(5,)]


def test_a_damaged_file_keeps_the_old_tick(tmp_path: Path) -> None:
    """A published file with other bytes fails the build, says which file, and the database stays as it was."""
    site, path = busy_site(tmp_path), tmp_path / "browse.db"
    build(site, path)
    before = path.read_bytes()
    site.cast(vote(1, "another", "fully_ai", at_ms=START_MS + DAY_MS))
    site.publish(START_MS + DAY_MS)
    (delta,) = (site.home.public / "v1/parquet").rglob("videos-delta-6-*.parquet")
    delta.write_bytes(b"not what was published")

    with pytest.raises(FormatError, match=f"{delta.name}: expected"):
        build(site, path)
    assert path.read_bytes() == before


def test_what_a_killed_build_left_is_removed(tmp_path: Path) -> None:
    """An unfinished file beside the database does not get in the way, and does not stay."""
    site, path = busy_site(tmp_path), tmp_path / "browse.db"
    unfinished = tmp_path / "browse.db.new"
    unfinished.write_bytes(b"half a database")

    assert build(site, path)
    assert not unfinished.exists()


def test_before_and_after_the_first_vote(tmp_path: Path) -> None:
    """There is no tick before the first publish; a tick without votes is an empty database, not an error."""
    site = new_site(tmp_path)
    assert sites.newest(site.store) is None
    site.publish(START_MS)
    build(site, tmp_path / "browse.db")

    assert rows(tmp_path / "browse.db", "SELECT * FROM videos") == []
    assert [row["votes"] for row in rows(tmp_path / "browse.db", "SELECT votes FROM categories")] == [0] * 6
    assert rows(tmp_path / "browse.db", "SELECT published_videos, changed FROM ticks") == [
        {"published_videos": 0, "changed": 0}
    ]


def test_ticks_whose_files_are_gone(tmp_path: Path) -> None:
    """A tick whose list was pruned keeps what its commit says; the rest is unknown."""
    site = busy_site(tmp_path)
    for path in (site.home.public / "v1/m").glob("1-*.json"):
        path.unlink()
    build(site, tmp_path / "browse.db")

    query = "SELECT epoch, changed, files, bytes FROM ticks WHERE seq = 1"
    unknown = {"changed": None, "files": None, "bytes": None}
    assert rows(tmp_path / "browse.db", query) == [{"epoch": "2026-09-21"} | unknown]
