"""A store in memory that keeps the production rules and complains when they are broken: for tests and dry runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from publisher.store import AlreadyThere, Artifact, Listed, SwapLost, Tagged


class MemoryStore:
    """Objects in a dict."""

    def __init__(self, now_ms: Callable[[], int] = lambda: 0) -> None:
        """Starts empty; the clock says when objects are written."""
        self.objects: dict[str, bytes] = {}
        self.written_ms: dict[str, int] = {}
        self.now_ms = now_ms

    def read(self, key: str) -> bytes | None:
        """See `Store.read`."""
        return self.objects.get(key)

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        body = self.objects.get(key)
        return None if body is None else len(body)

    def create(self, artifact: Artifact) -> None:
        """See `Store.create`."""
        if self.objects.setdefault(artifact.key, artifact.body) != artifact.body:
            raise AlreadyThere(f"{artifact.key} holds other bytes")
        self.written_ms.setdefault(artifact.key, self.now_ms())

    def read_tagged(self, key: str) -> Tagged | None:
        """See `Store.read_tagged`."""
        body = self.objects.get(key)
        return None if body is None else Tagged(body, hashlib.sha256(body).hexdigest())

    def swap(self, artifact: Artifact, tag: str | None) -> None:
        """See `Store.swap`."""
        there = self.read_tagged(artifact.key)
        if (there.tag if there else None) != tag:
            raise SwapLost(f"{artifact.key} was moved by another publisher")
        self._put(artifact)

    def replace(self, artifact: Artifact) -> None:
        """See `Store.replace`."""
        self._put(artifact)

    def keys(self, prefix: str) -> Iterator[Listed]:
        """See `Store.keys`."""
        for key, body in list(self.objects.items()):
            if key.startswith(prefix):
                yield Listed(key, len(body), self.written_ms.get(key, 0))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self.objects.pop(key, None)
        self.written_ms.pop(key, None)

    def _put(self, artifact: Artifact) -> None:
        self.objects[artifact.key] = artifact.body
        self.written_ms[artifact.key] = self.now_ms()
