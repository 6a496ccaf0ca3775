"""The static server answers as a CDN would."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.tree_server import TreeServer, serve_tree

IMMUTABLE = "public, max-age=31536000, immutable, no-transform"
LETTERS = b"abcdefghij"


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Iterator[TreeServer]:
    """A server over a few files, with a secret beside its directory."""
    root = tmp_path / "tree"
    for key, content in {
        "v1/head": LETTERS,
        "v1/c/1.json": LETTERS,
        "v1/e/2024-10-04/base-0123456789abcdef.json.gz": LETTERS,
        "v1/compat/2024-10-04/full-0123456789abcdef.json.gz": LETTERS,
        "v1/parquet/x.parquet": LETTERS,
        "SHA256SUMS": LETTERS,
        "empty": b"",
        ".hidden": LETTERS,
    }.items():
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(content)
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to(root / "loop")
    with serve_tree(root) as server:
        yield server


def ask(server: TreeServer, target: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request; underscores in header names are dashes."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        connection.request(method, target, headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("key", "kind", "cache", "encoding"),
    [
        ("v1/head", "text/plain; charset=utf-8",
         "public, max-age=30, s-maxage=60, stale-while-revalidate=30, stale-if-error=86400", None),
        ("v1/c/1.json", "application/json", IMMUTABLE, None),
        ("v1/e/2024-10-04/base-0123456789abcdef.json.gz", "application/gzip", IMMUTABLE, None),
        ("v1/compat/2024-10-04/full-0123456789abcdef.json.gz", "application/json", IMMUTABLE, "gzip"),
        ("v1/parquet/x.parquet", "application/vnd.apache.parquet", IMMUTABLE, None),
        ("SHA256SUMS", "text/plain; charset=utf-8", "public, max-age=60", None),
    ],
)  # fmt: skip
def test_each_kind_of_file_has_its_headers(
    server: TreeServer, key: str, kind: str, cache: str, encoding: str | None
) -> None:
    """Immutable files are kept for a year, the head for seconds; only compat files carry a Content-Encoding."""
    status, headers, body = ask(server, f"/{key}")
    assert (status, body) == (200, LETTERS)
    assert headers["Content-Type"] == kind
    assert headers["Cache-Control"] == cache
    assert headers.get("Content-Encoding") == encoding
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "status", "part", "content_range"),
    [
        ("bytes=0-3", 206, b"abcd", "bytes 0-3/10"),
        ("bytes=4-", 206, b"efghij", "bytes 4-9/10"),
        ("bytes=-2", 206, b"ij", "bytes 8-9/10"),
        ("bytes=-99", 206, LETTERS, "bytes 0-9/10"),
        ("bytes=8-99", 206, b"ij", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=3-1", 200, LETTERS, None),
        ("bytes=0-1,3-4", 200, LETTERS, None),
        ("lines=0-1", 200, LETTERS, None),
        ("bytes=", 200, LETTERS, None),
    ],
)
def test_ranges(server: TreeServer, asked: str, status: int, part: bytes, content_range: str | None) -> None:
    """One range is served, one behind the end is 416, anything else gets the whole file."""
    found, headers, body = ask(server, "/v1/c/1.json", Range=asked)
    assert (found, body, headers.get("Content-Range")) == (status, part, content_range)


def test_an_unchanged_file_is_not_sent_again(server: TreeServer) -> None:
    """The ETag answers 304 until the head is replaced, and guards a range by If-Range."""
    tag = ask(server, "/v1/head")[1]["ETag"]
    status, headers, body = ask(server, "/v1/head", If_None_Match=f'"other", W/{tag}')
    assert (status, body, headers["ETag"]) == (304, b"", tag)
    assert ask(server, "/v1/head", Range="bytes=0-1", If_Range=tag)[0] == 206
    assert ask(server, "/v1/head", Range="bytes=0-1", If_Range='"other"')[0] == 200


def test_head_requests_and_preflights(server: TreeServer) -> None:
    """HEAD tells the length without the body; a browser's preflight for Range is allowed."""
    status, headers, body = ask(server, "/v1/head", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "10", b"")
    status, headers, _ = ask(server, "/v1/head", "OPTIONS")
    assert status == 204
    assert "Range" in headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "target",
    [
        "/", "/v1", "/v1/", "/none", "/../secret", "/%2e%2e/secret", "/v1/../../secret", "/v1/%2e%2e/%2e%2e/secret",
        "/..%2fsecret", "/..\\secret", "/.hidden", "//secret", "/link", "/loop", "/v1/head%00", "/v1/head/",
        "/v1//head", "/" + "x" * 5000, "/%ff%fe",
    ],
)  # fmt: skip
def test_nothing_outside_the_tree_is_served(server: TreeServer, target: str) -> None:
    """Parents, hidden files, links out of the tree and odd names are all just not there, and not cached."""
    status, headers, body = ask(server, target)
    assert (status, body) == (404, b"")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Access-Control-Allow-Origin"] == "*"


def test_an_empty_file_is_a_file(server: TreeServer) -> None:
    """Zero bytes are served as such, and no range of them exists."""
    assert ask(server, "/empty")[0] == 200
    assert ask(server, "/empty", Range="bytes=0-0")[0] == 416


def test_connections_are_kept(server: TreeServer) -> None:
    """Several requests go through one connection."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    for target, status in (("/v1/head", 200), ("/none", 404), ("/v1/head", 200)):
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.will_close) == (status, False)
    connection.close()
