"""Rows as columns: their ids, their order, their numbers, their hash (formats, section 6)."""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clients.errors import Malformed

Ids = npt.NDArray[np.bytes_]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Values = npt.NDArray[np.uint64]

ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
ID_BYTES = 16
INTEGER_ID_CHARACTERS = 11
URL_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LAST_CHARACTERS = b"AEIMQUYcgkosw048"
"""The last of 11 characters carries four bits; these leave its two spare bits 0."""
STATE_CONTEXT = b"realtube/state/1\n"
MAX_SCORE = 100

CATEGORIES = {"fully_ai": 1, "ai_voiceover": 2, "ai_visuals": 4, "ai_thumbnails": 8, "ai_assisted": 16}
"""Flag bits of the categories."""
CATEGORY_FLAGS, LOCKED, PRIOR_ONLY = 31, 64, 128

_TO_STANDARD, _TO_URL = bytes.maketrans(b"-_", b"+/"), bytes.maketrans(b"+/", b"-_")
_IN_ALPHABET = np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(URL_ALPHABET, np.uint8))
_IS_LAST = np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(LAST_CHARACTERS, np.uint8))
_HASHED_ROW = np.dtype([("id", ">u8"), ("score", "u1"), ("flags", "u1")])


@dataclass(frozen=True, slots=True, eq=False)
class NumberedRows:
    """The rows of one epoch, each under its row number: entry i of every column belongs to number i."""

    ids: Ids
    scores: Bytes
    flags: Bytes
    alive: Mask
    """False for a row that was removed; its number still belongs to its id."""

    @property
    def numbers(self) -> int:
        """How many row numbers are taken."""
        return len(self.ids)

    @property
    def n(self) -> int:
        """How many rows there are."""
        return int(np.count_nonzero(self.alive))

    def pick(self, numbers: Ints | Mask) -> NumberedRows:
        """These rows, numbered from 0 in the order given."""
        return NumberedRows(self.ids[numbers], self.scores[numbers], self.flags[numbers], self.alive[numbers])


@dataclass(frozen=True, slots=True, eq=False)
class EpochRows:
    """The rows of one epoch twice: as its base has them, and as its newest tick left them."""

    base: NumberedRows
    """Every one alive; its ids are the first ones of `now`."""
    now: NumberedRows


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """What one tick changed."""

    seq: int
    next: str | None
    first: int
    added: Ids
    rows: Ints
    scores: Bytes
    flags: Bytes
    removed: Ints


def ids_of(texts: Sequence[str]) -> Ids:
    """Ids as a column; each must already match `ID`."""
    return np.array(texts, dtype="S16") if texts else np.zeros(0, "S16")


def integer_ids_of(joined: str) -> Ids:
    """Split integer ids that stand one behind the other.

    Raises:
        Malformed: when the text is no sequence of integer ids.
    """
    if len(joined) % INTEGER_ID_CHARACTERS or not joined.isascii():
        raise Malformed(f"ids must have {INTEGER_ID_CHARACTERS} ASCII characters each, found {len(joined)} in all")
    characters = np.frombuffer(joined.encode("ascii"), np.uint8).reshape(-1, INTEGER_ID_CHARACTERS)
    if not (_IN_ALPHABET[characters].all() and _IS_LAST[characters[:, -1]].all()):
        raise Malformed("ids has an id that is no integer")
    padded = np.zeros((len(characters), ID_BYTES), np.uint8)
    padded[:, :INTEGER_ID_CHARACTERS] = characters
    return padded.view("S16").reshape(-1)


def ids_from_values(values: Values) -> Ids:
    """The ids whose values these are: base64url of eight bytes, without padding."""
    nine = np.zeros((len(values), 9), np.uint8)
    nine[:, :8] = values.astype(">u8").view(np.uint8).reshape(-1, 8)
    twelve = binascii.b2a_base64(nine.tobytes(), newline=False).translate(_TO_URL)
    padded = np.zeros((len(values), ID_BYTES), np.uint8)
    padded[:, :INTEGER_ID_CHARACTERS] = np.frombuffer(twelve, np.uint8).reshape(-1, 12)[:, :INTEGER_ID_CHARACTERS]
    return padded.view("S16").reshape(-1)


def integer_values(ids: Ids) -> tuple[Mask, Values]:
    """Which ids are integers, and the values of those alone."""
    characters = np.ascontiguousarray(ids).view(np.uint8).reshape(-1, ID_BYTES)
    integers = _IS_LAST[characters[:, INTEGER_ID_CHARACTERS - 1]] & (characters[:, INTEGER_ID_CHARACTERS] == 0)
    # Twelve characters are nine bytes of base64: a twelfth `A` adds the spare bits, and the ninth byte is dropped.
    twelve = np.full((np.count_nonzero(integers), 12), ord("A"), np.uint8)
    chosen = characters if len(twelve) == len(characters) else characters[integers]
    twelve[:, :INTEGER_ID_CHARACTERS] = chosen[:, :INTEGER_ID_CHARACTERS]
    nine = np.frombuffer(binascii.a2b_base64(twelve.tobytes().translate(_TO_STANDARD)), np.uint8).reshape(-1, 9)
    return integers, np.ascontiguousarray(nine[:, :8]).view(">u8").reshape(-1).astype(np.uint64)


def order_of(ids: Ids) -> tuple[Ints, Values]:
    """Where each id of the order stands now, and the values of the integer ids, which come first.

    Equal ids keep the order that they have.
    """
    integers, values = integer_values(ids)
    by_value = np.argsort(values, kind="stable")
    others = np.flatnonzero(~integers)
    others = others[np.argsort(ids[others], kind="stable")]
    return np.concatenate([np.flatnonzero(integers)[by_value], others]), values[by_value]


def _ordered(rows: NumberedRows) -> tuple[NumberedRows, Values]:
    living = rows if rows.alive.all() else rows.pick(rows.alive)
    places, values = order_of(living.ids)
    ordered = living.pick(places)
    rest = ordered.ids[len(values) :]
    if np.any(values[1:] == values[:-1]) or np.any(rest[1:] == rest[:-1]):
        raise Malformed("an id stands there twice")
    return ordered, values


def renumber(rows: NumberedRows) -> NumberedRows:
    """Drop removed rows, sort, number anew: what every client does when an epoch ends.

    Raises:
        Malformed: when an id stands there twice.
    """
    return _ordered(rows)[0]


def state_of(rows: NumberedRows) -> str:
    """The hash of the rows, whatever their numbers.

    Raises:
        Malformed: when an id stands there twice.
    """
    ordered, values = _ordered(rows)
    hashed = np.empty(len(values), _HASHED_ROW)
    hashed["id"], hashed["score"], hashed["flags"] = values, ordered.scores[: len(values)], ordered.flags[: len(values)]
    state = hashlib.sha256(STATE_CONTEXT + len(values).to_bytes(8, "big"))
    state.update(hashed.tobytes())
    others = ordered.ids[len(values) :].tolist()
    state.update(len(others).to_bytes(8, "big"))
    pairs = zip(ordered.scores[len(values) :].tolist(), ordered.flags[len(values) :].tolist(), strict=True)
    state.update(b"".join(bytes([len(id_)]) + id_ + bytes(pair) for id_, pair in zip(others, pairs, strict=True)))
    return state.hexdigest()


def check_order(ids: Ids) -> None:
    """Check that ids stand in the order of section 6, each once.

    Raises:
        Malformed: when they do not.
    """
    integers, values = integer_values(ids)
    rest = ids[len(values) :]
    if not integers[: len(values)].all() or np.any(values[1:] <= values[:-1]) or np.any(rest[1:] <= rest[:-1]):
        raise Malformed("ids are not in order, or one stands there twice")


def apply_blocks(rows: NumberedRows, blocks: Sequence[Block]) -> NumberedRows:
    """Bring rows up to the newest of some blocks.

    Args:
        rows: at the tick before the first block; left as they are.
        blocks: of successive changes, the oldest first.

    Raises:
        Malformed: when a block does not continue the numbers, or names one that nobody has.
    """
    count = rows.numbers
    total = count + sum(len(block.added) for block in blocks)
    ids = np.concatenate([rows.ids, *(block.added for block in blocks)])
    scores, flags = np.zeros(total, np.uint8), np.zeros(total, np.uint8)
    alive = np.zeros(total, np.bool_)
    scores[:count], flags[:count], alive[:count] = rows.scores, rows.flags, rows.alive
    for block in blocks:
        if block.first != count:
            raise Malformed(f"the block of tick {block.seq} numbers from {block.first}, expected {count}")
        count += len(block.added)
        if max(block.rows[-1:].max(initial=-1), block.removed[-1:].max(initial=-1)) >= count:
            raise Malformed(f"the block of tick {block.seq} names a row number beyond {count - 1}")
        scores[block.rows], flags[block.rows], alive[block.rows] = block.scores, block.flags, True
        scores[block.removed], flags[block.removed], alive[block.removed] = 0, 0, False
    return NumberedRows(ids, scores, flags, alive)
