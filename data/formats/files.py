"""A tick's list of files (`docs/formats.md`, section 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from data.formats.head import File
from data.formats.tree import LICENCE, FormatError, canonical


@dataclass(frozen=True, slots=True)
class FileList:
    """What belongs to a tick."""

    seq: int
    round_position: int
    """How far the votes log was read for the voters' reliabilities."""
    round_ms: int
    """When, Unix milliseconds."""
    files: Mapping[str, File]
    """By key."""

    def encode(self) -> bytes:
        """Writes the list."""
        return canonical({
            "v": 1,
            "seq": self.seq,
            "licence": LICENCE,
            "round": [self.round_position, self.round_ms],
            "files": {key: {"bytes": file.bytes, "sha256": file.sha256} for key, file in self.files.items()},
        })  # fmt: skip


def parse(body: bytes) -> FileList:
    """Reads a list of files.

    Raises:
        FormatError: It is malformed.
    """
    try:
        value = orjson.loads(body)
        position, at_ms = value["round"]
        files = {key: File(file["sha256"], file["bytes"]) for key, file in value["files"].items()}
        return FileList(value["seq"], position, at_ms, files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"a list of files lacks or garbles a field: {error!r}") from error
