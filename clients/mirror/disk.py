"""A mirror's directory: files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from clients.errors import HeldError
from clients.head import FileEntry

PRIVATE = ".mirror"
"""Beside `v1/`: the lock, what is being written, evidence. No web server shows hidden files."""
PART = "part"


@dataclass(frozen=True, slots=True)
class Disk:
    """A directory that holds, or will hold, `v1/`."""

    directory: Path

    @property
    def private(self) -> Path:
        """The mirror's own directory."""
        return self.directory / PRIVATE

    def read(self, key: str) -> bytes | None:
        """A file's bytes; None where there is none.

        Raises:
            HeldError: when it cannot be read.
        """
        path = self.directory / key
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HeldError(f"{path}: cannot be read: {error.strerror}") from None

    def has(self, key: str, sha256: str, size: int | None = None) -> bool:
        """Whether a file is there and is the right one."""
        path = self.directory / key
        try:
            if size is not None and path.stat().st_size != size:
                return False
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return False

    def has_entry(self, key: str, entry: FileEntry) -> bool:
        """The same, by size and hash."""
        return self.has(key, entry.sha256, entry.bytes)

    def put(self, key: str, content: bytes) -> None:
        """Put a file in place in one step, safe from a power cut.

        Raises:
            HeldError: when it cannot be written; what was there stands.
        """
        path, part = self.directory / key, self.private / PART
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise HeldError(f"{path}: cannot be written: {error.strerror}") from None
