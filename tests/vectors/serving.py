"""Serves the vectors over HTTP: each origin of a step under an address of its own."""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.regenerate_vectors import VECTORS

MANIFEST: dict[str, Any] = json.loads((VECTORS / "vectors.json").read_bytes())
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in MANIFEST["cases"]}
PREFIX = re.compile(r"bytes=0-(\d+)")


@functools.cache
def read(name: str) -> bytes | None:
    """A file of docs/vectors, None where there is none."""
    path = VECTORS / name
    return path.read_bytes() if path.is_file() else None


@dataclass
class Served:
    """A running server, and the origins that it plays."""

    url: str = ""
    origins: list[dict[str, Any]] = field(default_factory=list)

    def address(self, origin: dict[str, Any]) -> str:
        """Where an origin is served from now on."""
        if origin not in self.origins:
            self.origins.append(origin)
        return f"{self.url}/{self.origins.index(origin)}"

    def find(self, path: str) -> tuple[bytes | None, bool]:
        """The file that a request means, and whether its origin knows ranges."""
        number, _, key = path.removeprefix("/").partition("/")
        origin = self.origins[int(number)]
        if key == "v1/head":
            return read(origin["head"]), False
        bodies = (read(f"{folder}/{key}") for folder in reversed(origin["folders"]))
        body = None if key in origin["missing"] else next((body for body in bodies if body is not None), None)
        return body, origin["ranges"]


@contextmanager
def serve() -> Iterator[Served]:
    """A server until the block ends."""
    served = Served()

    class Answering(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Answer with the file, or its beginning."""
            body, ranges = served.find(self.path)
            prefix = PREFIX.fullmatch(self.headers.get("Range", "")) if ranges and body else None
            status, sent = 200 if body is not None else 404, body or b""
            if prefix:
                status, sent = 206, sent[: int(prefix[1]) + 1]
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Content-Length", str(len(sent)))
            if prefix:
                self.send_header("Content-Range", f"bytes 0-{len(sent) - 1}/{len(body or b'')}")
            self.end_headers()
            self.wfile.write(sent)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads, server.block_on_close = True, False
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def rows_of(expected: dict[str, Any]) -> list[list[Any]]:
    """The rows that a client holds after a step: id, score, flags."""
    rows: list[list[Any]] = json.loads(read(expected["rows"]) or b"")
    return rows
