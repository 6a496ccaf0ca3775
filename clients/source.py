"""Where a tree's bytes come from: a directory or a web address."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from clients.errors import ClientError, Missing, TooLarge, Unreachable
from clients.web import HttpSource

OnChunk = Callable[[str, int, int | None], None]
"""Called while a file arrives with its key, the bytes so far, and its size where known."""


class Source(Protocol):
    """A place that holds a published tree."""

    requests: int
    """How many files were asked for."""
    received_bytes: int
    """How many bytes of files were read."""

    @property
    def where(self) -> str:
        """The place, for messages."""

    def get(self, key: str, *, limit_bytes: int, prefix_bytes: int | None = None, fresh: bool = False) -> bytes:
        """Read one file, or its beginning.

        Args:
            key: place of the file, such as `v1/head`.
            limit_bytes: a larger file is refused; with `prefix_bytes` only the prefix counts.
            prefix_bytes: read no more than this; a shorter file gives what it has.
            fresh: ask caches on the way to look at the origin again.

        Raises:
            Missing: when there is no such file.
            TooLarge: when the file is larger than `limit_bytes`.
            Unreachable: when the place does not answer, answers too slowly or stops in the middle.
        """

    def keys(self) -> Iterator[str] | None:
        """Every key under `v1/`, in any order; None where the place cannot list them."""


@dataclass(slots=True)
class DirectorySource:
    """A tree in the file system."""

    directory: Path
    """The one that holds `v1/`."""
    requests: int = 0
    received_bytes: int = 0

    @property
    def where(self) -> str:
        """The directory's name."""
        return str(self.directory)

    def get(self, key: str, *, limit_bytes: int, prefix_bytes: int | None = None, fresh: bool = False) -> bytes:
        """Read one file, or its beginning; see `Source.get`."""
        wanted = limit_bytes + 1 if prefix_bytes is None else min(prefix_bytes, limit_bytes)
        self.requests += 1
        try:
            with (self.directory / key).open("rb") as file:
                content = file.read(wanted)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise Missing(key, f"not in {self.where}, which must be the directory that holds v1/") from None
        except OSError as error:
            raise Unreachable(key, f"cannot be read: {error.strerror}") from None
        self.received_bytes += len(content)
        if prefix_bytes is None and len(content) > limit_bytes:
            raise TooLarge(key, f"larger than the {limit_bytes} bytes that it may have")
        return content

    def keys(self) -> Iterator[str]:
        """Every key under `v1/`, in any order."""
        for folder, _, names in os.walk(self.directory / "v1"):
            place = Path(folder).relative_to(self.directory).as_posix()
            yield from (f"{place}/{name}" for name in names)


def _web(where: str, clock: Callable[[], float] | None, on_chunk: OnChunk | None) -> Source:
    return HttpSource(where.rstrip("/"), clock=clock, on_chunk=on_chunk)


def _file_url(where: str, clock: Callable[[], float] | None, on_chunk: OnChunk | None) -> Source:
    return DirectorySource(Path(urllib.request.url2pathname(urllib.parse.urlsplit(where).path)))


SCHEMES: dict[str, Callable[[str, Callable[[], float] | None, OnChunk | None], Source]] = {
    "http": _web,
    "https": _web,
    "file": _file_url,
}
"""How each kind of address is opened; another kind is one more entry."""


def open_source(
    where: str | Path, *, clock: Callable[[], float] | None = None, on_chunk: OnChunk | None = None
) -> Source:
    """Name a source; nothing is read yet.

    Args:
        where: a directory that holds `v1/`, or an address with or without a slash at its end.
        clock: seconds that only grow; with it a server that trickles is given up. None: only silence is.
        on_chunk: told about the bytes of every download.

    Raises:
        ClientError: when the address has an unknown scheme.
    """
    scheme, colon, _ = str(where).partition("://")
    if isinstance(where, Path) or not colon:
        return DirectorySource(Path(where))
    opener = SCHEMES.get(scheme.lower())
    if opener is None:
        raise ClientError(f"{where}: expected a directory or an address with one of {', '.join(sorted(SCHEMES))}://")
    return opener(str(where), clock, on_chunk)
