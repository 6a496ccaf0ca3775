"""Moderators' rulings hold at the next tick, and end when they are taken back."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq

from clients.verify import verify
from data.formats.head import parse
from data.log.append import Decision, DecisionKind
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote, voter_id


def rule(site: Site, kind: DecisionKind, *, video_id: str = "", voter: int | None = None, score: int = 0) -> None:
    """Appends one decision."""
    subject = "" if voter is None else voter_id(voter)
    site.decide(Decision(START_MS, kind, "tests", "tests", video_id=video_id, voter_id=subject, score=score))


def ticks(site: Site) -> int:
    """Publishes one more tick and returns its number."""
    seq = parse(site.head())[0].seq if site.store.read("v1/head") else 0
    return site.publish(START_MS + (seq + 1) * HOUR_MS).seq


def verdict(site: Site, video_id: str) -> dict[str, object]:
    """What the newest Parquet files say of a video."""
    found: dict[str, object] = {}
    files = sorted(
        (site.home.public / "v1/parquet").rglob("videos-*.parquet"),
        key=lambda path: int(path.name.removeprefix("videos-").removeprefix("delta-").split("-")[0]),
    )
    for path in files:
        found |= {row["video_id"]: row for row in pq.read_table(path).to_pylist()}
    return found.get(video_id, {})  # type: ignore[return-value]


def flagged_site(directory: Path) -> Site:
    """Two moderators flag x, two newcomers flag y."""
    site = new_site(directory)
    site.appoint(1, 2)
    site.cast(vote(1, "x", "fully_ai"), vote(2, "x", "fully_ai", "ai_visuals"))
    site.cast(vote(3, "y", "fully_ai"), vote(4, "y", "fully_ai"))
    ticks(site)
    return site


def test_lock(tmp_path: Path) -> None:
    """A locked video shows its lock's score whatever votes say; unlocked, votes decide again."""
    site = flagged_site(tmp_path)
    before = verdict(site, "x")["score"]
    rule(site, "lock", video_id="x", score=33)
    ticks(site)
    locked = verdict(site, "x")
    site.cast(vote(1, "x", "not_ai"))
    ticks(site)
    rule(site, "unlock", video_id="x")
    rule(site, "lock", video_id="nobody-voted", score=90)
    ticks(site)

    assert before == 100
    assert (locked["score"], locked["locked"], locked["published"]) == (33, True, True)
    assert (locked["score_fully_ai"], locked["score_ai_visuals"]) == (33, 17)
    assert verdict(site, "x")["locked"] is False
    assert verdict(site, "x")["score"] not in (33, 100)
    assert verdict(site, "nobody-voted") == {}


def test_confirm_human(tmp_path: Path) -> None:
    """A video that people were confirmed to have made scores 0 and leaves the published rows."""
    site = flagged_site(tmp_path)
    rule(site, "confirm_human", video_id="x")
    ticks(site)

    assert (verdict(site, "x")["score"], verdict(site, "x")["published"], verdict(site, "x")["locked"]) == (
        0,
        False,
        True,
    )


def test_hide(tmp_path: Path) -> None:
    """A hidden video leaves the rows, keeps its verdict, and comes back when it is shown again."""
    site = flagged_site(tmp_path)
    rows = [parse(site.head())[0].n]
    for kind in ("hide", "unhide"):
        rule(site, kind, video_id="x")
        ticks(site)
        rows.append(parse(site.head())[0].n)

    assert rows == [2, 1, 2]
    assert verdict(site, "x")["score"] == 100


def test_ban(tmp_path: Path) -> None:
    """A banned voter's votes, past and future, count for nothing, not even as votes; unbanned, they count again."""
    site = flagged_site(tmp_path)
    before = verdict(site, "y")
    rule(site, "ban", voter=3)
    ticks(site)
    banned = verdict(site, "y")
    rule(site, "unban", voter=3)
    ticks(site)

    assert (before["voters"], banned["voters"], verdict(site, "y")["voters"]) == (2, 1, 2)
    assert verdict(site, "y")["score"] == before["score"]
    assert int(str(banned["score"])) < int(str(before["score"]))


def test_banned_voters_teach_nothing(tmp_path: Path) -> None:
    """A full round after a ban learns as if the voter had never voted."""
    one, two = flagged_site(tmp_path / "one"), new_site(tmp_path / "two")
    two.appoint(1, 2)
    two.cast(vote(1, "x", "fully_ai"), vote(2, "x", "fully_ai", "ai_visuals"), vote(4, "y", "fully_ai"))
    rule(one, "ban", voter=3)
    for site in (one, two):
        site.publish(START_MS + 3 * DAY_MS)

    assert verdict(one, "x")["score"] == verdict(two, "x")["score"]
    assert verdict(one, "y")["score"] == verdict(two, "y")["score"]


def test_existing_clients_lose_what_has_no_category_left(tmp_path: Path) -> None:
    """They ignore updates without categories: such a video leaves them as removed, and comes back when flagged."""
    site = flagged_site(tmp_path)
    rule(site, "lock", video_id="y", score=90)
    told = []
    for stance in ("not_ai", "fully_ai"):
        site.cast(vote(3, "y", stance), vote(4, "y", stance))
        ticks(site)
        (entry,) = (one for one in delta_of(site)["videos"] if one["videoId"] == "y")
        told.append((entry["action"], parse(site.head())[0].n))
        verify(site.home.public)

    assert told == [("remove", 2), ("update", 2)]


def test_the_next_day_remembers_them_as_removed(tmp_path: Path) -> None:
    """A published video without a category is in the day's removal memory, not in its full set."""
    site = flagged_site(tmp_path)
    rule(site, "lock", video_id="y", score=90)
    site.cast(vote(3, "y", "not_ai"), vote(4, "y", "not_ai"))
    ticks(site)
    site.publish(START_MS + 2 * DAY_MS)
    (full,) = (site.home.public / "v1/compat" / parse(site.head())[0].epoch).glob("full-*")
    told = json.loads(gzip.decompress(full.read_bytes()))

    assert [one["videoId"] for one in told["videos"]] == ["x"]
    assert [one["videoId"] for one in told["removed"]] == ["y"]
    verify(site.home.public)


def delta_of(site: Site) -> dict[str, list[dict[str, str]]]:
    """The newest delta for clients of the HTTP interface."""
    files = (site.home.public / "v1/compat").rglob("delta-*")
    newest = max(files, key=lambda path: int(path.name.split("-")[1]))
    return json.loads(gzip.decompress(newest.read_bytes()))  # type: ignore[no-any-return]
