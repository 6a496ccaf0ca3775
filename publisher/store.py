"""What a store must do, so that a publish can be interrupted anywhere and readers never see a mixture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

IMMUTABLE = "public, max-age=31536000, immutable, no-transform"
HEAD_CACHE = "public, max-age=30, s-maxage=60, stale-while-revalidate=30, stale-if-error=86400"
COPY_CACHE = "public, max-age=300"


class StoreError(Exception):
    """The store failed; a write may or may not have happened, and the next run finds out."""


class AlreadyThere(StoreError):
    """The key holds other bytes; nothing was written."""


class SwapLost(StoreError):
    """The head is no longer the one that was read; nothing was written."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file to publish."""

    key: str
    body: bytes
    content_type: str = "application/octet-stream"
    content_encoding: str = ""
    cache_control: str = IMMUTABLE


@dataclass(frozen=True, slots=True)
class Tagged:
    """A mutable object as it was read."""

    body: bytes
    tag: str
    """Compare-and-swap token: changes with the bytes."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing shows it."""

    key: str
    bytes: int
    modified_ms: int
    """When it was written, Unix milliseconds by the store's clock."""


class Store(Protocol):
    """A place for published files. All methods raise `StoreError` when the store itself fails."""

    def read(self, key: str) -> bytes | None:
        """The bytes of an object, or None."""

    def size(self, key: str) -> int | None:
        """The size of an object in bytes, or None."""

    def create(self, artifact: Artifact) -> None:
        """Writes an immutable object, durably. The same bytes again are a success.

        Raises:
            AlreadyThere: The key holds other bytes.
        """

    def read_tagged(self, key: str) -> Tagged | None:
        """A mutable object and its tag, or None."""

    def swap(self, artifact: Artifact, tag: str | None) -> None:
        """Replaces a mutable object, atomically and durably, if its tag is still this one (None: if there is none).

        Raises:
            SwapLost: Somebody else was faster.
        """

    def replace(self, artifact: Artifact) -> None:
        """Writes a convenience copy, atomically, whatever was there."""

    def keys(self, prefix: str) -> Iterator[Listed]:
        """All objects whose keys begin like this, in any order; what is written meanwhile may be missing."""

    def delete(self, key: str) -> None:
        """Removes an object. One that is not there is a success."""
