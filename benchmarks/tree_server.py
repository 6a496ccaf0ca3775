"""A static web server for published trees, as a CDN would serve them: `python -m benchmarks.tree_server DIR PORT`."""

from __future__ import annotations

import http.server
import os
import re
import sys
import threading
import urllib.parse
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, cast

IMMUTABLE = "public, max-age=31536000, immutable, no-transform"
HEAD = "public, max-age=30, s-maxage=60, stale-while-revalidate=30, stale-if-error=86400"
SHORT = "public, max-age=60"
"""For the unsigned copies outside `v1/`."""

CONTENT_TYPES = {
    ".json": "application/json",
    ".gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
PLAIN = "text/plain; charset=utf-8"
ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
CHUNK_BYTES = 1 << 16
POLL_S = 0.02
"""How long closing may have to wait."""


@dataclass(slots=True)
class TreeServer:
    """A running server; leaving its `with` block closes it."""

    server: http.server.ThreadingHTTPServer
    thread: threading.Thread

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        host, port = self.server.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop answering and free the port."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self) -> TreeServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    directory: Path
    ignore_range: bool

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are no news."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def serve_tree(
    directory: str | Path, host: str = "127.0.0.1", port: int = 0, *, ignore_range: bool = False
) -> TreeServer:
    """Serve a directory until closed.

    Args:
        directory: the one that holds `v1/`.
        host: address to listen on.
        port: 0 takes a free one.
        ignore_range: answer every GET with the whole file, as servers may.

    Raises:
        OSError: when the port is taken.
    """
    server = _Server((host, port), _Handler)
    server.directory, server.ignore_range = Path(directory).resolve(), ignore_range
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), name="tree-server", daemon=True)
    thread.start()
    return TreeServer(server, thread)


def cache_control(key: str) -> str:
    """How long a file may be kept by caches."""
    if key == "v1/head":
        return HEAD
    return IMMUTABLE if key.startswith("v1/") else SHORT


def safe_key(target: str) -> str | None:
    """The key that a request target names; None for what could leave the tree or show hidden files."""
    key = urllib.parse.unquote(urllib.parse.urlsplit(target).path, errors="surrogateescape").removeprefix("/")
    segments = key.split("/")
    if any(not segment or segment.startswith(".") for segment in segments) or re.search(r"[\\\x00-\x1f\x7f]", key):
        return None
    return key


def open_inside(directory: Path, key: str) -> BinaryIO | None:
    """Open a file of the tree; None when there is none, or when a link leads out of the tree."""
    try:
        path = (directory / key).resolve()
        return path.open("rb") if key and path.is_relative_to(directory) and path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # too long a name, a link to itself
        return None


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The one range asked for, as (start, end) with the end left out.

    Returns:
        None when the whole file is to be sent: no range, several, or one that is not understood.

    Raises:
        ValueError: when the range begins behind the end of the file.
    """
    match = ONE_RANGE.fullmatch(header or "")
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise ValueError(header)
    return start, end


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "realtube-tree"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_OPTIONS(self) -> None:
        """Answer a preflight."""
        self.send_response(HTTPStatus.NO_CONTENT)
        self._cors()
        self.send_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
        self.send_header("Access-Control-Allow-Headers", "Range, If-None-Match, If-Range, Cache-Control")
        self.send_header("Access-Control-Max-Age", "86400")
        self.end_headers()

    def do_HEAD(self) -> None:
        """Answer as GET would, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Send a file, a part of it, or that it has not changed."""
        server = cast(_Server, self.server)
        key = safe_key(self.path) or ""
        file = open_inside(server.directory, key)
        if file is None:
            self._empty(HTTPStatus.NOT_FOUND, {"Cache-Control": "no-store"})
            return
        with file:
            try:
                self._answer(key, file, ignore_range=server.ignore_range)
            except (ConnectionError, TimeoutError):  # the client has read all it wants
                self.close_connection = True

    def _answer(self, key: str, file: BinaryIO, *, ignore_range: bool) -> None:
        opened = os.fstat(file.fileno())
        size, tag = opened.st_size, f'"{opened.st_mtime_ns:x}-{opened.st_size:x}"'
        headers = {"ETag": tag, "Cache-Control": cache_control(key), "Accept-Ranges": "bytes"}
        if tag in (self.headers.get("If-None-Match") or "").replace("W/", "").split(", "):
            self._empty(HTTPStatus.NOT_MODIFIED, headers)
            return
        asked = None if self.headers.get("If-Range", tag) != tag or ignore_range else self.headers.get("Range")
        try:
            part = byte_range(asked, size)
        except ValueError:
            self._empty(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{size}"})
            return
        start, end = part or (0, size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
        self._cors()
        if part:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        if key.startswith("v1/compat/"):
            headers["Content-Encoding"] = "gzip"
        headers["Content-Type"] = self._content_type(key)
        headers["Content-Length"] = str(end - start)
        self._send(headers)
        if self.command == "GET":
            self._body(file, start, end)

    def _body(self, file: BinaryIO, start: int, end: int) -> None:
        file.seek(start)
        for at in range(start, end, CHUNK_BYTES):
            self.wfile.write(file.read(min(CHUNK_BYTES, end - at)))

    def _content_type(self, key: str) -> str:
        inner = key.removesuffix(".gz") if key.startswith("v1/compat/") else key
        return CONTENT_TYPES.get(Path(inner).suffix, PLAIN)

    def _empty(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        self._cors()
        self._send(headers if status == HTTPStatus.NOT_MODIFIED else headers | {"Content-Length": "0"})

    def _send(self, headers: dict[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _cors(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Expose-Headers", "ETag, Content-Range, Content-Length, Accept-Ranges")
        self.send_header("X-Content-Type-Options", "nosniff")


def main(directory: str, port: str) -> None:
    """Serve until interrupted."""
    with serve_tree(directory, port=int(port)) as server:
        print(f"{directory} at {server.url}/ (Ctrl-C ends it)", flush=True)
        try:
            server.thread.join()
        except KeyboardInterrupt:
            print("ended")


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit("usage: python -m benchmarks.tree_server DIR PORT")
    main(sys.argv[1], sys.argv[2])
