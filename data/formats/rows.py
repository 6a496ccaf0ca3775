"""Rows: their ids, order and hash (`docs/formats.md`, section 6)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.columns import Bytes, Ints, Mask

Ids = npt.NDArray[np.bytes_]
"""Video ids as `S16`, zero-padded."""

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
INTEGER_ID_LENGTH = 11
LOCKED = 64
PRIOR_ONLY = 128
STATE_HEADER = b"realtube/state/1\n"

_CHARACTERS = np.frombuffer(ALPHABET, np.uint8)
_SIX_BITS = np.full(256, 255, np.uint8)
_SIX_BITS[_CHARACTERS] = np.arange(64)


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


def ids_of_integers(values: npt.NDArray[np.uint64]) -> Ids:
    """The ids that integers stand for: `integer_ids` back."""
    characters = np.zeros((len(values), 16), np.uint8)
    for place in range(INTEGER_ID_LENGTH - 1):
        characters[:, place] = _CHARACTERS[(values >> np.uint64(58 - 6 * place)) & np.uint64(63)]
    characters[:, INTEGER_ID_LENGTH - 1] = _CHARACTERS[(values & np.uint64(15)) << np.uint64(2)]
    return characters.view("S16").reshape(len(values))


def order(ids: Ids) -> Ints:
    """Row numbers that put ids in published order: integer ids by value, then all others by bytes."""
    integer, values = integer_ids(ids)
    return np.lexsort((ids, values, ~integer)) if not integer.all() else np.argsort(values)
