"""The newest research export: a real Parquet file, from the disk or from the CDN."""

from __future__ import annotations

import io
import urllib.request

import pyarrow.parquet as pq

from tests.factories import DAY_MS, START_MS, Site, vote
from tests.intake.conftest import Desk, OpenDesk
from tests.intake.serving import StartServer

PATH = "/api/database/export"


def publish(site: Site) -> bytes:
    """Publishes a video, and a day later another one; gives the day's snapshot."""
    site.appoint(1)
    site.cast(vote(1, "a", "fully_ai"))
    site.publish(START_MS)
    site.cast(vote(1, "b", "fully_ai", at_ms=START_MS + 1))
    site.publish(START_MS + DAY_MS)
    (snapshot,) = site.home.public.glob("v1/parquet/2026-09-22/videos-1-*.parquet")
    return snapshot.read_bytes()


def test_before_the_first_tick_there_is_none(desk: Desk) -> None:
    """404 with the error body."""
    answer = desk.client.get(PATH)

    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (404, "NOT_FOUND")


def test_the_snapshot_is_sent_as_a_file(desk: Desk) -> None:
    """The day's snapshot, byte for byte, under its name, with ETag; the day before's is not."""
    snapshot = publish(desk.site)
    answer = desk.client.get(PATH)

    assert answer.status_code == 200
    assert answer.data == snapshot
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="realtube-videos-1-')
    assert answer.headers["Content-Length"] == str(len(snapshot))
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert pq.read_table(io.BytesIO(answer.data))["video_id"].to_pylist() == ["a"]
    again = desk.client.get(PATH, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = desk.client.head(PATH)
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(snapshot)))


def test_a_cdn_serves_it(open_desk: OpenDesk) -> None:
    """With a CDN address the answer is where it stands there."""
    desk = open_desk(cdn_url="https://cdn.example/tree")
    assert desk.client.get(PATH).status_code == 404
    snapshot = publish(desk.site)
    answer = desk.client.get(PATH)

    assert answer.status_code == 302
    assert desk.site.store.read(answer.headers["Location"].removeprefix("https://cdn.example/tree/")) == snapshot


def test_a_snapshot_that_is_gone_is_none(desk: Desk) -> None:
    """A file that somebody deleted is 404, not a fault."""
    publish(desk.site)
    assert desk.client.get(PATH).status_code == 200
    for path in desk.site.home.public.glob("v1/parquet/*/*"):
        path.unlink()

    assert desk.client.get(PATH).status_code == 404


def test_a_real_server_sends_the_file(site: Site, start: StartServer) -> None:
    """Granian sends it from the disk, whole, with its length; HEAD without it."""
    snapshot = publish(site)
    server = start(min_free_mb=0)
    url = f"http://localhost:{server.port}{PATH}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == snapshot
        assert int(answer.headers["Content-Length"]) == len(snapshot)
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=10) as answer:
        assert answer.read() == b""
        assert int(answer.headers["Content-Length"]) == len(snapshot)
