"""The browsable database says what the published files say, and nothing else."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from data.datasette import DIRECTORY
from data.formats import files
from data.formats.head import parse
from data.formats.tree import files_key, seq_of_verdicts, sha256
from data.records import CATEGORIES, STANCES
from publisher.research import site as sites
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, busy_site, new_site, vote
from tests.publisher.browsable import Row, build, rows
from tests.publisher.raids import TRUSTED, earn_trust


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site that no test changes."""
    return busy_site(tmp_path_factory.mktemp("busy"))


@pytest.fixture(scope="module")
def database(busy: Site) -> Path:
    """Its database."""
    path = busy.home.cache / "browse.db"
    assert build(busy, path)
    return path


def parquet_files(site: Site) -> Iterator[list[Row]]:
    """Rows of the newest tick's Parquet files, the oldest file first."""
    head = parse(site.head())[0]
    listing = site.store.read(files_key(head.seq, head.files.sha256))
    assert listing is not None
    keys = [key for key in files.parse(listing).files if "/videos-" in key]
    for key in sorted(keys, key=seq_of_verdicts):
        yield pq.read_table(io.BytesIO(site.store.read(key) or b"")).to_pylist()


def verdicts(site: Site) -> list[Row]:
    """What the Parquet files say together, by `docs/formats.md`, section 11, in the order of ids."""
    latest = {row["video_id"]: row for file in parquet_files(site) for row in file}
    return [latest[video_id] for video_id in sorted(latest) if latest[video_id]["voters"]]


def as_shown(row: Row) -> Row:
    """A verdict as the `videos` table has it."""
    scores = {name: row[f"score_{name}"] for name in CATEGORIES}
    flags = row["voters"] - row["votes_not_ai"]
    return row | {
        "top_category": max(scores, key=lambda name: scores[name]) if any(scores.values()) else None,
        "minority_votes": min(row["votes_not_ai"], flags),
        "published": int(row["published"]),
        "locked": int(row["locked"]),
        "prior_only": int(row["prior_only"]),
        "channel_id": row["channel_id"] or None,
        "changed_at": row["changed_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "watch": f"https://www.youtube.com/watch?v={row['video_id']}",
    }


def test_videos_are_the_verdicts(busy: Site, database: Path) -> None:
    """Each voted video has one row with what the newest file says of it; a day's rows come from many files."""
    assert len(list(parquet_files(busy))) > 2
    assert rows(database, "SELECT * FROM videos ORDER BY video_id") == [as_shown(row) for row in verdicts(busy)]


def test_videos_without_votes_left_are_gone(tmp_path: Path) -> None:
    """A video whose last vote was retracted has no row any more."""
    site = new_site(tmp_path)
    site.cast(vote(1, "stays", "fully_ai"), vote(2, "goes", "fully_ai"))
    site.publish(START_MS)
    site.cast(vote(2, "goes", at_ms=START_MS + 1))
    site.publish(START_MS + HOUR_MS)
    build(site, tmp_path / "browse.db")

    assert rows(tmp_path / "browse.db", "SELECT video_id FROM videos") == [{"video_id": "stays"}]


def test_channels(busy: Site, database: Path) -> None:
    """A channel says what its videos say together."""
    videos_of = defaultdict(list)
    for video in map(as_shown, verdicts(busy)):
        videos_of[video["channel_id"]].append(video)
    del videos_of[None]
    (scored,) = busy.home.public.rglob(f"{parse(busy.head())[0].epoch}/channels-*.parquet")
    score_of = {row["channel_id"]: row for row in pq.read_table(scored).to_pylist()}
    expected = [
        {
            "channel_id": channel_id,
            "score": score_of[channel_id]["score"],
            "score_low": score_of[channel_id]["low"],
            "score_high": score_of[channel_id]["high"],
            "settled": score_of[channel_id]["settled"],
            "videos": len(videos),
            "published_videos": sum(video["published"] for video in videos),
            "published_ratio": round(sum(video["published"] for video in videos) / len(videos), 3),
            "mean_score": pytest.approx(sum(video["score"] for video in videos) / len(videos), abs=0.0501),
            "votes": sum(video["voters"] for video in videos),
            "changed_at": max(video["changed_at"] for video in videos),
        }
        for channel_id, videos in sorted(videos_of.items())
    ]

    assert len(expected) == 2
    assert rows(database, "SELECT * FROM channels ORDER BY channel_id") == expected


def test_a_channel_of_which_nothing_is_settled_has_no_score(tmp_path: Path) -> None:
    """It is listed with its counts all the same, behind those that have one."""
    site = new_site(tmp_path)
    earn_trust(site)
    for channel, voters in (("UC_known", TRUSTED), ("UC_new", range(3))):
        site.cast(*(
            vote(who, f"{channel[3:]}{n}", "fully_ai", at_ms=START_MS - 60 * DAY_MS, channel_id=channel)
            for who in voters for n in range(6)
        ))  # fmt: skip
    site.publish(START_MS)
    build(site, tmp_path / "browse.db")
    query = "SELECT channel_id, score IS NULL AS unknown, settled, videos FROM channels ORDER BY score DESC"

    assert rows(tmp_path / "browse.db", query) == [
        {"channel_id": "UC_known", "unknown": 0, "settled": 6, "videos": 6},
        {"channel_id": "UC_new", "unknown": 1, "settled": None, "videos": 6},
    ]


def test_categories(busy: Site, database: Path) -> None:
    """Each thing that a vote can say has one row, the counter-vote too."""
    videos = [as_shown(row) for row in verdicts(busy)]
    expected = [
        {
            "category": name,
            "videos": sum(video[f"votes_{name}"] > 0 for video in videos),
            "leads": sum(video["published"] and video["top_category"] == name for video in videos),
            "votes": sum(video[f"votes_{name}"] for video in videos),
        }
        for name in STANCES
    ]

    assert rows(database, "SELECT category, videos, leads, votes FROM categories ORDER BY rowid") == expected


def test_ticks_are_what_each_publish_left(tmp_path: Path) -> None:
    """A tick's row agrees with the publisher's report and with the files that appeared, shards excepted."""
    site, expected = new_site(tmp_path), []
    seen: set[Path] = set()
    for tick in range(4):
        if tick != 1:
            site.cast(*(vote(n, f"video{n}{tick}", "fully_ai", at_ms=START_MS + n) for n in range(tick + 3)))
        report = site.publish(START_MS + tick * 9 * HOUR_MS)
        created = {path for path in (site.home.public / "v1").rglob("*") if path.is_file()} - seen
        created -= {site.home.public / "v1/head", *(site.home.public / "v1/shard").glob("*/*.json.gz")}
        seen |= created
        expected.append((report.seq, report.rows, report.changed, report.through_position, len(created),
                         sum(path.stat().st_size for path in created)))  # fmt: skip
    build(site, tmp_path / "browse.db")

    query = "SELECT seq, published_videos, changed, through_position, files, bytes FROM ticks ORDER BY seq"
    assert [tuple(row.values()) for row in rows(tmp_path / "browse.db", query)] == expected
    times = [row["published_at"] for row in rows(tmp_path / "browse.db", "SELECT published_at FROM ticks ORDER BY seq")]
    assert times[:2] == ["2026-09-21T14:13:20.000Z", "2026-09-21T23:13:20.000Z"]
    log_rows = [row["log_rows"] for row in rows(tmp_path / "browse.db", "SELECT log_rows FROM ticks ORDER BY seq")]
    assert log_rows == [3, 0, 5, 6]


def test_files_are_those_of_the_tick(busy: Site, database: Path) -> None:
    """Every listed file stands in the tree with the size and hash that the table says."""
    listed = rows(database, "SELECT key, bytes, sha256 FROM files")
    found = [(busy.home.public / file["key"]).read_bytes() for file in listed]

    assert len(listed) > 6
    assert [(file["bytes"], file["sha256"]) for file in listed] == [(len(body), sha256(body)) for body in found]


def test_the_database_is_sound(database: Path) -> None:
    """References lead somewhere, pages are whole, and the planner has its statistics."""
    assert rows(database, "PRAGMA foreign_key_check") == []
    assert rows(database, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert rows(database, "SELECT * FROM sqlite_stat1 WHERE idx = 'videos_by_score'")


def test_inspection_counts_every_table(busy: Site, database: Path) -> None:
    """Datasette is told the number of rows of each table, and a hash that belongs to the tick."""
    source = sites.newest(busy.store)
    assert source is not None
    told: Any = sites.inspection(database, source)["browse"]

    assert told["size"] == database.stat().st_size
    assert told["tables"]["videos"] == {"count": len(verdicts(busy))}
    assert told["tables"]["ticks"] == {"count": 5}
    assert len(told["hash"]) == 64


def test_metadata_describes_every_column(database: Path) -> None:
    """What Datasette says of tables and columns fits the tables: none missing, none invented, every order possible."""
    described = yaml.safe_load((DIRECTORY / "metadata.yml").read_text())["databases"]["browse"]["tables"]
    assert described.pop("site") == {"hidden": True}
    for table, texts in described.items():
        columns = [row["name"] for row in rows(database, f"PRAGMA table_xinfo({table})")]
        assert list(texts["columns"]) == columns
        assert all(texts["columns"].values())
        assert set(texts["sortable_columns"]) <= set(columns)
        assert texts.get("sort_desc", texts.get("sort")) in texts["sortable_columns"]


def test_sort_orders_have_indexes(database: Path) -> None:
    """Every order of videos that Datasette offers is read from an index, tie-break and all; no page sorts all rows."""
    described = yaml.safe_load((DIRECTORY / "metadata.yml").read_text())["databases"]["browse"]["tables"]["videos"]
    for column in described["sortable_columns"]:
        tie_break = "" if column == "video_id" else ", video_id"
        query = f"EXPLAIN QUERY PLAN SELECT * FROM videos ORDER BY {column} DESC{tie_break} LIMIT 51"
        plan = [row["detail"] for row in rows(database, query)]
        assert len(plan) == 1
        assert "USING INDEX" in plan[0]
