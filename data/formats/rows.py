"""Rows: their ids, order and hash (`docs/formats.md`, section 6)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from data.columns import Bytes, Ints, Mask

Ids = npt.NDArray[np.bytes_]
"""Video ids as `S16`, zero-padded."""
Sorted = TypeVar("Sorted", Ids, npt.NDArray[np.uint64])

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
INTEGER_ID_LENGTH = 11
LOCKED = 64
PRIOR_ONLY = 128
STATE_HEADER = b"realtube/state/1\n"

NO_PAIR = 0xFFFF
"""What a pair of bytes stands for that are not both in the alphabet."""

_CHARACTERS = np.frombuffer(ALPHABET, np.uint8)
_SIX_BITS = np.full(256, 255, np.uint8)
_SIX_BITS[_CHARACTERS] = np.arange(64)
_NO_INTEGER_END = 0b1100_0011
"""Bits of a last character's value that are 0 in integer ids."""
_PAIR_OF_VALUE = (
    np.ascontiguousarray(np.stack([np.repeat(_CHARACTERS, 64), np.tile(_CHARACTERS, 64)], axis=1))
    .view(np.uint16)
    .reshape(64 * 64)
)
"""Two characters, as they stand in memory, by the twelve bits that they spell."""
_VALUE_OF_PAIR = np.full(1 << 16, NO_PAIR, np.uint16)
_VALUE_OF_PAIR[_PAIR_OF_VALUE] = np.arange(64 * 64)


class Places:
    """Where ids stand in a column in published order."""

    def __init__(self, ids: Ids) -> None:
        """Takes the column."""
        integer, values = integer_ids(ids)
        self._integers = int(np.count_nonzero(integer))
        self._values, self._others = values[: self._integers], ids[self._integers :]

    def of(self, wanted: Ids) -> Ints:
        """The row numbers of these ids, -1 for those that are not there."""
        integer, values = integer_ids(wanted)
        found = np.full(len(wanted), -1, np.int64)
        found[integer] = _found(self._values, values[integer])
        others = _found(self._others, wanted[~integer])
        found[~integer] = np.where(others < 0, -1, others + self._integers)
        return found


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
    pairs = _VALUE_OF_PAIR[characters.view(np.uint16)[:, : INTEGER_ID_LENGTH // 2]]
    last = _SIX_BITS[characters[:, INTEGER_ID_LENGTH - 1]]
    integer = (characters[:, INTEGER_ID_LENGTH] == 0) & ((last & _NO_INTEGER_END) == 0)
    values: npt.NDArray[np.uint64] = (last >> 2).astype(np.uint64)
    for place in range(INTEGER_ID_LENGTH // 2):
        integer &= pairs[:, place] != NO_PAIR
        values |= pairs[:, place].astype(np.uint64) << np.uint64(52 - 12 * place)
    return integer, np.where(integer, values, np.uint64(0))


def ids_of_integers(values: npt.NDArray[np.uint64]) -> Ids:
    """The ids that integers stand for: `integer_ids` back."""
    characters = np.zeros((len(values), 16), np.uint8)
    for place in range(INTEGER_ID_LENGTH // 2):
        twelve_bits = (values >> np.uint64(52 - 12 * place)) & np.uint64(0xFFF)
        characters.view(np.uint16)[:, place] = _PAIR_OF_VALUE[twelve_bits]
    characters[:, INTEGER_ID_LENGTH - 1] = _CHARACTERS[(values & np.uint64(15)) << np.uint64(2)]
    return characters.view("S16").reshape(len(values))


def order(ids: Ids) -> Ints:
    """Row numbers that put ids in published order: integer ids by value, then all others by bytes."""
    integer, values = integer_ids(ids)
    integers, others = np.flatnonzero(integer), np.flatnonzero(~integer)
    return np.concatenate([integers[np.argsort(values[integers])], others[np.argsort(ids[others])]])


def _found(ascending: Sorted, wanted: Sorted) -> Ints:
    if not len(ascending):
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.where(ascending[place] == wanted, place, -1)
