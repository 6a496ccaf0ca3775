"""A tick's list of files (`docs/formats.md`, section 8)."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from data.formats.head import File
from data.formats.tree import FormatError, canonical


def encode(seq: int, files: Mapping[str, File]) -> bytes:
    """Writes the list of a tick's files, by key."""
    listed = {key: {"bytes": file.bytes, "sha256": file.sha256} for key, file in files.items()}
    return canonical({"v": 1, "seq": seq, "files": listed})


def parse(body: bytes) -> dict[str, File]:
    """Reads a list of files.

    Raises:
        FormatError: It is malformed.
    """
    try:
        return {key: File(file["sha256"], file["bytes"]) for key, file in orjson.loads(body)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"a list of files lacks or garbles a field: {error!r}") from error
