"""Several origins of one tree: any of them may deliver a file, as every file's hash is known before it is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from clients.errors import Damaged, Missing, SourceError, TooLarge, Unreachable
from clients.head import FileEntry
from clients.source import Source

T = TypeVar("T")


@dataclass(slots=True)
class Origins:
    """Sources in the order in which they are asked."""

    sources: Sequence[Source]
    warnings: list[str] = field(default_factory=list)
    """One for each answer that was of no use."""
    reread: bool = False
    """Whether a file came only past the caches."""
    elsewhere: bool = False
    """Whether a file came only from another origin than the first one."""
    silent: set[int] = field(default_factory=set)
    """Places of the sources that stopped answering; they are not asked again."""

    def get(self, key: str, *, limit_bytes: int, check: Callable[[bytes], T], prefix_bytes: int | None = None) -> T:
        """Read a file from the first origin that has it right: each is asked twice, the second time past caches.

        Args:
            key: the file.
            limit_bytes: its most bytes.
            check: takes the bytes; raises `Damaged` when they are not the right ones.
            prefix_bytes: read only the file's beginning.

        Returns:
            What `check` made of the bytes.

        Raises:
            Damaged: when no origin has it right, with the last failure.
            SourceError: the same; `Unreachable` only when no origin answers any more.
        """
        failure: Damaged | SourceError | None = None
        for place, source in enumerate(self.sources):
            for fresh in (False, True):
                if place in self.silent:
                    break
                try:
                    content = source.get(key, limit_bytes=limit_bytes, prefix_bytes=prefix_bytes, fresh=fresh)
                    checked = check(content)
                except Unreachable as error:
                    self.silent.add(place)
                    self.warnings.append(str(error))
                    failure = failure or error
                except (Damaged, Missing, TooLarge) as error:
                    self.warnings.append(str(error))
                    failure = error
                else:
                    self.reread |= fresh
                    self.elsewhere |= place > 0
                    return checked
        raise failure or Unreachable(key, "no origin answers any more")

    def fetch(self, key: str, entry: FileEntry) -> bytes:
        """Read a file whose size and hash are known.

        Raises:
            Damaged: when no origin has it right.
            SourceError: the same.
        """

        def check(content: bytes) -> bytes:
            found = FileEntry(len(content), hashlib.sha256(content).hexdigest())
            if found != entry:
                wanted = f"that are not the {entry.bytes} with the hash {entry.sha256}"
                raise Damaged(key, f"{found.bytes} bytes {wanted}")
            return content

        return self.get(key, limit_bytes=entry.bytes, check=check)
