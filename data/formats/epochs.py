"""The epochs file (`docs/formats.md`, section 12): an epoch's base, its shards, and the rolls that lead to it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from data.formats.head import File
from data.formats.tree import BASE_FORMS, FormatError, canonical, gzipped


@dataclass(frozen=True, slots=True)
class Shards:
    """The base's rows by hashed id."""

    digits: int
    """Hex digits of a shard's prefix."""
    top: str
    """The hash at the top of their tree."""


@dataclass(frozen=True, slots=True)
class RollFile:
    """The roll from an earlier epoch's base to this epoch's base."""

    epoch: str
    """The earlier epoch."""
    seq: int
    """The tick whose rows its base holds."""
    n: int
    """How many rows it has."""
    file: File | None
    """None when both bases hold the same rows."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """What an epoch's first tick says of it."""

    epoch: str
    seq: int
    """The tick whose rows the base holds."""
    n: int
    state: str
    files: Mapping[str, File]
    """The base's files, by form (`BASE_FORMS`)."""
    shards: Shards
    rolls: tuple[RollFile, ...]
    """The newest first."""

    def encode(self) -> bytes:
        """Writes the file."""
        forms = {_FIELD_OF[form]: _listed(file) for form, file in self.files.items()}
        return gzipped(canonical({
            "v": 1,
            "epoch": self.epoch,
            "base": {"seq": self.seq, "n": self.n, "state": self.state, **forms},
            "shards": {"digits": self.shards.digits, "root": self.shards.top},
            "rolls": [
                {"epoch": roll.epoch, "seq": roll.seq, "n": roll.n, **_listed(roll.file)} for roll in self.rolls
            ],
        }))  # fmt: skip


def parse(body: bytes) -> Epochs:
    """Reads an epochs file of our own store.

    Raises:
        FormatError: It is malformed.
    """
    try:
        value = orjson.loads(gzip.decompress(body))
        base, shards = value["base"], value["shards"]
        return Epochs(
            epoch=value["epoch"],
            seq=base["seq"],
            n=base["n"],
            state=base["state"],
            files={form: File(base[field]["file"], base[field]["bytes"]) for form, field in _FIELD_OF.items()},
            shards=Shards(shards["digits"], shards["root"]),
            rolls=tuple(_roll(roll) for roll in value["rolls"]),
        )
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"an epochs file cannot be read: {error!r}") from error


def _roll(value: dict[str, Any]) -> RollFile:
    file = None if value["file"] is None else File(value["file"], value["bytes"])
    return RollFile(value["epoch"], value["seq"], value["n"], file)


def _listed(file: File | None) -> dict[str, object]:
    return {"file": file.sha256, "bytes": file.bytes} if file else {"file": None, "bytes": 0}


_FIELD_OF = {form: form.split(".", maxsplit=1)[0] for form in BASE_FORMS}
