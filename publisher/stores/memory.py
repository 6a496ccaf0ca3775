"""A store in memory that keeps the production rules and complains when they are broken: for tests and dry runs."""

from __future__ import annotations

import hashlib

from publisher.store import AlreadyThere, Artifact, SwapLost, Tagged


class MemoryStore:
    """Objects in a dict."""

    def __init__(self) -> None:
        """Starts empty."""
        self.objects: dict[str, bytes] = {}

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

    def read_tagged(self, key: str) -> Tagged | None:
        """See `Store.read_tagged`."""
        body = self.objects.get(key)
        return None if body is None else Tagged(body, hashlib.sha256(body).hexdigest())

    def swap(self, artifact: Artifact, tag: str | None) -> None:
        """See `Store.swap`."""
        there = self.read_tagged(artifact.key)
        if (there.tag if there else None) != tag:
            raise SwapLost(f"{artifact.key} was moved by another publisher")
        self.objects[artifact.key] = artifact.body

    def replace(self, artifact: Artifact) -> None:
        """See `Store.replace`."""
        self.objects[artifact.key] = artifact.body
