"""Answers that are files: the server sends them from the disk, without reading them into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from intake.answers import Header, Response

CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class FileBody(Iterable[bytes]):
    """The body of a file answer: a server that knows it sends `path`; any other WSGI server iterates."""

    path: Path

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


class FileAnswer(NamedTuple):
    """What a server needs to send a file by itself."""

    path: Path
    status: int
    headers: tuple[Header, ...]


class SentFile(Response):
    """Stands for a file that is sent. Called as a WSGI application it gives its `FileBody`."""

    def __init__(self, path: Path, headers: tuple[Header, ...]) -> None:  # nothing else of a response is needed
        self._body = FileBody(path)
        self._headers = [*headers, ("Content-Length", str(path.stat().st_size))]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """See `FileBody`."""
        start_response("200 OK", self._headers)
        return self._body if environ["REQUEST_METHOD"] != "HEAD" else ()
