"""Trees behind web servers: ranges, caches, silence, lies about lengths."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from benchmarks.tree_server import serve_tree
from clients.errors import ClientError, Missing, TooLarge, Unreachable
from clients.reference import sync
from clients.source import DirectorySource, open_source
from clients.web import HttpSource
from tests.clients.histories import grow, new_tree
from tests.clients.test_reference import held_rows


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_ring_prefix_comes_by_range(tmp_path: Path, slash: str) -> None:
    """Over HTTP a client some ticks behind receives the head and the prefix, to the byte."""
    tree, dest = new_tree(tmp_path / "tree", 2), tmp_path / "dest"
    with serve_tree(tree.directory) as server:
        sync(server.url + slash, dest)
        grow(tree, 3)
        report = sync(server.url + slash, dest)
        part = sum(tree.payloads[-1]["ring"]["sizes"][:3])
        assert part < sum(tree.payloads[-1]["ring"]["sizes"])
        assert (report.how, report.requests, report.bytes) == ("ring", 2, len(tree.read("v1/head")) + part)
        assert held_rows(dest) == tree.rows[5]


def test_a_server_without_ranges_is_read_up_to_the_prefix(tmp_path: Path) -> None:
    """A server may answer a Range with the whole file: the client stops reading after the part that it needs."""
    tree, dest = new_tree(tmp_path / "tree", 2), tmp_path / "dest"
    sync(tree.directory, dest)
    grow(tree, 3)
    with serve_tree(tree.directory, ignore_range=True) as server:
        report = sync(server.url, dest)
    part = sum(tree.payloads[-1]["ring"]["sizes"][:3])
    assert (report.how, report.requests, report.bytes) == ("ring", 2, len(tree.read("v1/head")) + part)
    assert held_rows(dest) == tree.rows[5]


def test_directories_and_file_addresses_are_sources(tmp_path: Path) -> None:
    """A directory by name, with a slash, as a path, as a file address: one and the same tree."""
    tree = new_tree(tmp_path / "a tree", 2)
    names = (
        tree.directory,
        f"{tree.directory}",
        f"{tree.directory}/",
        tree.directory.as_uri(),
        f"{tree.directory.as_uri()}/",
    )
    assert {sync(name, tmp_path / "dest").state for name in names} == {tree.payloads[-1]["state"]}
    with pytest.raises(ClientError, match=r"file, http, https"):
        open_source("gopher://example.org")
    with pytest.raises(Missing, match="must be the directory that holds v1/"):
        sync(tree.directory / "v1", tmp_path / "other")


@pytest.mark.parametrize("kind", ["directory", "web"])
def test_sources_keep_limits_and_count(tmp_path: Path, kind: str) -> None:
    """Both kinds of sources read the same bytes, refuse the same sizes and count alike."""
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "file").write_bytes(b"x" * 1000)
    with serve_tree(tmp_path) as server:
        source = DirectorySource(tmp_path) if kind == "directory" else HttpSource(server.url)
        assert source.get("v1/file", limit_bytes=1000) == b"x" * 1000
        assert source.get("v1/file", limit_bytes=1000, prefix_bytes=10) == b"x" * 10
        assert source.get("v1/file", limit_bytes=5000, prefix_bytes=2000) == b"x" * 1000
        assert (source.requests, source.received_bytes) == (3, 2010)
        with pytest.raises(TooLarge, match="999"):
            source.get("v1/file", limit_bytes=999)
        with pytest.raises(Missing):
            source.get("v1/other", limit_bytes=999)
        assert source.requests == 5
        assert source.received_bytes <= 2010 + 1000


@contextlib.contextmanager
def answering(*parts: bytes, pause: threading.Event | None = None) -> Iterator[str]:
    """A server that sends these bytes to one client, whatever it asks, and then hangs up or falls silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                for part in parts:
                    connection.sendall(part)
                if pause:
                    pause.wait(10)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            if pause:
                pause.set()
            thread.join()


ANSWERS: dict[str, tuple[type[ClientError], bytes]] = {
    "a server error": (Unreachable, b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
    "not found": (Missing, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    "an object store's not found": (Missing, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
    "no HTTP": (Unreachable, b"hello\r\n\r\n"),
    "nothing": (Unreachable, b""),
    "an end before its length": (Unreachable, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"),
    "a broken chunk": (Unreachable, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "an announced giant": (TooLarge, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 2000),
    "an endless body": (TooLarge, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_bad_answers_are_clear_errors(case: str) -> None:
    """Each way to answer badly is one of three errors, and names the file."""
    error, answer = ANSWERS[case]
    with answering(answer) as url, pytest.raises(error, match=r"^v1/head: "):
        HttpSource(url).get("v1/head", limit_bytes=1000)


def test_a_part_that_is_not_the_beginning_is_refused() -> None:
    """A 206 with another range than the one asked for is not taken for it."""
    answer = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nfghij"
    with answering(answer) as url, pytest.raises(Unreachable, match="asked for the beginning"):
        HttpSource(url).get("v1/head", limit_bytes=1000, prefix_bytes=5)


def test_a_silent_server_is_given_up() -> None:
    """Silence ends at the timeout."""
    with answering(b"HTTP/1.1 200 OK\r\n", pause=threading.Event()) as url, pytest.raises(Unreachable):
        HttpSource(url, timeout_s=0.2).get("v1/head", limit_bytes=1000)


def test_a_trickling_server_is_given_up() -> None:
    """A server that sends a byte now and then holds nobody: the whole download has a slowest rate."""
    ticks = count(step=20)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"x" * 80_000
    with answering(answer, pause=threading.Event()) as url, pytest.raises(Unreachable, match="slower than"):
        HttpSource(url, clock=lambda: float(next(ticks))).get("v1/head", limit_bytes=90_000)


def test_nobody_listens() -> None:
    """A refused connection is one clear error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="does not answer"):
        HttpSource(f"http://127.0.0.1:{port}").get("v1/head", limit_bytes=10)


def test_downloads_tell_how_far_they_are(tmp_path: Path) -> None:
    """A progress bar learns the file, the bytes so far and the size."""
    tree = new_tree(tmp_path / "tree")
    told: list[tuple[str, int, int | None]] = []
    with serve_tree(tree.directory) as server:
        source = open_source(server.url, on_chunk=lambda key, done, size: told.append((key, done, size)))
        size = len(source.get("v1/head", limit_bytes=1 << 20))
    assert told == [("v1/head", size, size)]
