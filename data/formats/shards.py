"""Shards (`docs/formats.md`, section 13): a base's rows by hashed id, each file proven by one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.columns import Ints
from data.formats import merkle
from data.formats.rows import Ids, Rows
from data.formats.tree import canonical, gzipped

ROWS_OF_A_SHARD = 256
"""At most so many on average, unless `MOST_DIGITS` are not enough."""
MOST_DIGITS = 3
ALL = "all"
"""Name of the only shard when its prefix has no digits."""


@dataclass(frozen=True, slots=True)
class ShardSet:
    """The shards of one base."""

    digits: int
    """Hex digits of a prefix."""
    top: str
    """The hash at the top of their tree."""
    files: Mapping[str, bytes]
    """By prefix, in its order."""


def digits_for(n: int) -> int:
    """How many hex digits a prefix has for so many rows."""
    return next((digits for digits in range(MOST_DIGITS) if n <= ROWS_OF_A_SHARD << 4 * digits), MOST_DIGITS)


def encode(rows: Rows, *, epoch: str, seq: int) -> ShardSet:
    """Writes the shards of a base's rows."""
    digits = digits_for(len(rows))
    names = [f"{place:0{digits}x}" if digits else ALL for place in range(1 << 4 * digits)]
    places = _places(rows.ids, digits)
    by_place = np.argsort(places, kind="stable")
    bounds = np.searchsorted(places[by_place], np.arange(len(names) + 1)).tolist()
    ids, scores, flags = rows.ids[by_place].astype("U16"), rows.scores[by_place], rows.flags[by_place]
    bodies = [
        canonical({
            "v": 1, "epoch": epoch, "seq": seq, "prefix": name,
            "ids": ids[start:end].tolist(), "scores": scores[start:end].tolist(), "flags": flags[start:end].tolist(),
        })
        for name, start, end in zip(names, bounds, bounds[1:], strict=False)
    ]  # fmt: skip
    tree = merkle.levels([merkle.leaf(body) for body in bodies])
    proofs = [canonical([sibling.hex() for sibling in merkle.path(tree, place)]) for place in range(len(names))]
    files = {
        name: gzipped(body + b"\n" + proof + b"\n") for name, body, proof in zip(names, bodies, proofs, strict=True)
    }
    return ShardSet(digits, tree[-1][0].hex(), files)


def _places(ids: Ids, digits: int) -> Ints:
    """Which shard each id belongs to."""
    if not digits:
        return np.zeros(len(ids), np.int64)
    heads = b"".join(hashlib.sha256(video_id).digest()[:2] for video_id in ids.tolist())
    return np.frombuffer(heads, ">u2").astype(np.int64) >> (16 - 4 * digits)
