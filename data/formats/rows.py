"""Rows: their ids, order and hash, and the base file (`docs/formats.md`, section 6)."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson

from data.columns import Bytes, Ints, Mask
from data.formats.tree import FormatError, canonical, packed

Ids = npt.NDArray[np.bytes_]
"""Video ids as `S16`, zero-padded."""

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
INTEGER_ID_LENGTH = 11
LOCKED = 64
PRIOR_ONLY = 128
STATE_HEADER = b"realtube/state/1\n"

_SIX_BITS = np.full(256, 255, np.uint8)
_SIX_BITS[np.frombuffer(ALPHABET, np.uint8)] = np.arange(64)


@dataclass(frozen=True, slots=True)
class Rows:
    """What is published of videos; one a row, in the order of `order`."""

    ids: Ids
    scores: Bytes
    """0-100."""
    flags: Bytes
    """Category bits of `records.BIT_OF`, `LOCKED`, `PRIOR_ONLY`."""

    def __len__(self) -> int:
        return len(self.ids)

    def state(self) -> str:
        """The hash that says what a client holds."""
        integer, values = integer_ids(self.ids)
        table = np.empty(int(integer.sum()), np.dtype([("id", ">u8"), ("score", "u1"), ("flags", "u1")]))
        table["id"], table["score"], table["flags"] = values[integer], self.scores[integer], self.flags[integer]
        digest = hashlib.sha256(STATE_HEADER)
        digest.update(len(table).to_bytes(8, "big"))
        digest.update(table.tobytes())
        digest.update(int((~integer).sum()).to_bytes(8, "big"))
        for row in np.flatnonzero(~integer):
            video_id = bytes(self.ids[row])
            digest.update(bytes([len(video_id), *video_id, self.scores[row], self.flags[row]]))
        return digest.hexdigest()


def id_column(texts: npt.NDArray[np.object_] | list[str]) -> Ids:
    """Turns text ids into the column type."""
    return np.asarray(texts, dtype="S16")


def integer_ids(ids: Ids) -> tuple[Mask, npt.NDArray[np.uint64]]:
    """Which ids are 64-bit integers, and their values (0 for the others)."""
    characters = np.ascontiguousarray(ids, dtype="S16").view(np.uint8).reshape(len(ids), 16)
    six = _SIX_BITS[characters]
    eleven = (characters[:, INTEGER_ID_LENGTH - 1] != 0) & (characters[:, INTEGER_ID_LENGTH] == 0)
    integer = eleven & (six[:, :INTEGER_ID_LENGTH] != 255).all(axis=1) & ((six[:, INTEGER_ID_LENGTH - 1] & 3) == 0)
    values: npt.NDArray[np.uint64] = np.zeros(len(ids), np.uint64)
    for place in range(INTEGER_ID_LENGTH - 1):
        values = (values << np.uint64(6)) | six[:, place].astype(np.uint64)
    values = (values << np.uint64(4)) | (six[:, INTEGER_ID_LENGTH - 1] >> 2).astype(np.uint64)
    return integer, np.where(integer, values, np.uint64(0))


def order(ids: Ids) -> Ints:
    """Row numbers that put ids in published order: integer ids by value, then all others by bytes."""
    integer, values = integer_ids(ids)
    return np.lexsort((ids, values, ~integer)) if not integer.all() else np.argsort(values)


def encode_base(rows: Rows, *, epoch: str, seq: int, state: str) -> bytes:
    """Writes a base file of rows in order."""
    integers = int(integer_ids(rows.ids)[0].sum())
    return packed(canonical({
        "v": 1,
        "epoch": epoch,
        "seq": seq,
        "n": len(rows),
        "state": state,
        "ids": rows.ids[:integers].astype(f"S{INTEGER_ID_LENGTH}").tobytes().decode(),
        "others": [video_id.decode() for video_id in rows.ids[integers:].tolist()],
        "scores": base64.b64encode(rows.scores.tobytes()).decode(),
        "flags": base64.b64encode(rows.flags.tobytes()).decode(),
    }))  # fmt: skip


def decode_base(body: bytes) -> Rows:
    """Reads a base file of our own store.

    Raises:
        FormatError: It is malformed.
    """
    try:
        value = orjson.loads(gzip.decompress(body))
        integers = np.frombuffer(value["ids"].encode(), f"S{INTEGER_ID_LENGTH}").astype("S16")
        rows = Rows(
            ids=np.concatenate([integers, id_column(value["others"])]) if value["others"] else integers,
            scores=np.frombuffer(base64.b64decode(value["scores"]), np.uint8),
            flags=np.frombuffer(base64.b64decode(value["flags"]), np.uint8),
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"a base file cannot be read: {error!r}") from error
    if not len(rows.ids) == len(rows.scores) == len(rows.flags) == value["n"]:
        raise FormatError("a base file's columns differ in length")
    return rows
