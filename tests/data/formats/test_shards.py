"""Shards: every row in the shard of its hash, every shard proven by one hash."""

from __future__ import annotations

import gzip
import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats import merkle, shards
from data.formats.rows import Rows, id_column, order


def rows_of(count: int) -> Rows:
    """So many rows in published order."""
    ids = id_column([f"video-{number}" for number in range(count)] if count else [])
    numbers = order(ids)
    return Rows(ids[numbers], (numbers % 101).astype(np.uint8), (numbers % 32).astype(np.uint8))


def proven_top(body: bytes, path: list[str], place: int) -> str:
    """The hash at the top as the page says: 00 before a leaf, 01 before two nodes, siblings from below."""
    found = hashlib.sha256(b"\0" + body).digest()
    for sibling in map(bytes.fromhex, path):
        found = hashlib.sha256(b"\1" + (sibling + found if place % 2 else found + sibling)).digest()
        place //= 2
    return found.hex()


@pytest.mark.parametrize(("count", "digits"), [(0, 0), (1, 0), (256, 0), (257, 1), (4096, 1), (4097, 2)])
def test_shards_hold_the_rows(count: int, digits: int) -> None:
    """All shards together hold every row once, in its own shard and in order; each is proven."""
    rows = rows_of(count)
    made = shards.encode(rows, epoch="2026-11-21", seq=7)
    found = {}
    for place, (prefix, packed) in enumerate(made.files.items()):
        body, path, rest = gzip.decompress(packed).split(b"\n")
        value = json.loads(body)
        assert (rest, value["prefix"], value["epoch"], value["seq"]) == (b"", prefix, "2026-11-21", 7)
        assert proven_top(body, json.loads(path), place) == made.top
        for video_id, score, flags in zip(value["ids"], value["scores"], value["flags"], strict=True):
            digest = hashlib.sha256(video_id.encode()).hexdigest()
            assert digest.startswith(prefix) or prefix == "all"
            found[video_id] = score, flags
        column = id_column(value["ids"])
        assert order(column).tolist() == list(range(len(column)))

    assert (made.digits, list(made.files)) == (
        digits,
        [f"{n:0{digits}x}" for n in range(16**digits)] if digits else ["all"],
    )
    assert found == {
        video_id.decode(): (int(score), int(flags))
        for video_id, score, flags in zip(rows.ids.tolist(), rows.scores, rows.flags, strict=True)
    }


def test_digits_end_at_three() -> None:
    """However many rows, there are at most 4096 shards."""
    assert [shards.digits_for(n) for n in (256 * 256, 256 * 256 + 1, 1 << 28)] == [2, 3, 3]


@given(st.integers(0, 4), st.binary(max_size=4))
def test_other_leaves_lead_elsewhere(height: int, other: bytes) -> None:
    """A path proves its own leaf at its own place, and no other."""
    bodies = [b"leaf %d" % place for place in range(1 << height)]
    tree = merkle.levels([merkle.leaf(body) for body in bodies])
    top = tree[-1][0].hex()
    for place, body in enumerate(bodies):
        path = [sibling.hex() for sibling in merkle.path(tree, place)]
        assert proven_top(body, path, place) == top
        assert proven_top(other, path, place) != top
        assert not height or proven_top(body, path, place ^ 1) != top


def test_tree_is_that_of_the_rfc() -> None:
    """Known answers of certificate transparency: one leaf without bytes, and the first two and four test leaves."""
    leaves = [merkle.leaf(bytes.fromhex(text)) for text in ("", "00", "10", "2021")]

    assert leaves[0].hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.levels(leaves[:2])[-1][0].hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert merkle.levels(leaves)[-1][0].hex() == "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
