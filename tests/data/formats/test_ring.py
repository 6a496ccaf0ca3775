"""Rings: packed and as JSON they hold the same blocks; damage is refused with a reason."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats import ring
from data.formats.ring import Block
from data.formats.rows import id_column, order
from data.formats.tree import FormatError, sha256

IDS = ["AAAAAAAAAAE", "dQw4w9WgXcQ", "__________8", "x", "short", "sixteencharacter"]


def block_of(seq: int, first: int, ids: list[str], numbers: list[int], cut: int) -> Block:
    """A block whose values follow from their row numbers; those from `cut` on are removed."""
    added = id_column(ids)
    rows, removed = sorted(numbers[:cut]), sorted(numbers[cut:])
    values = np.array(rows, np.int64)
    return Block(
        seq, first, added[order(added)], values, (values % 101).astype(np.uint8), (values % 7).astype(np.uint8),
        np.array(removed, np.int64),
    )  # fmt: skip


blocks = st.builds(
    block_of,
    seq=st.integers(1, 2**40),
    first=st.integers(0, 2**31),
    ids=st.lists(st.sampled_from(IDS), unique=True),
    numbers=st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=30),
    cut=st.integers(0, 30),
).filter(bool)


def plain(block: Block) -> dict[str, object]:
    """A block as JSON says it."""
    return {
        "v": 1, "seq": block.seq, "first": block.first, "added": [i.decode() for i in block.added.tolist()],
        "rows": block.rows.tolist(), "removed": block.removed.tolist(),
        "scores": base64.b64encode(block.scores.tobytes()).decode(),
        "flags": base64.b64encode(block.flags.tobytes()).decode(),
    }  # fmt: skip


def members(body: bytes) -> list[bytes]:
    """A file's gzip members."""
    found = []
    while body:
        inflate = zlib.decompressobj(31)
        inflate.decompress(body)
        found.append(body[: len(body) - len(inflate.unused_data)])
        body = inflate.unused_data
    return found


@given(st.lists(blocks, min_size=1, max_size=5), st.data())
def test_both_forms_read_back(made: list[Block], data: st.DataObject) -> None:
    """The packed ring and its JSON twin give the blocks, chained."""
    packed = ring.encode(made)
    sizes = [size for body in packed for size in [len(body), *[0] * data.draw(st.integers(0, 2))]]
    found = ring.decode(b"".join(packed), sizes, sha256(packed[0]))
    texts = members(ring.encode_json(made))
    following = [*map(sha256, texts[1:]), None]

    assert [plain(block) for block in found] == [plain(block) for block in made]
    assert [json.loads(zlib.decompress(text, 31)) for text in texts] == [
        plain(block) | {"next": after} for block, after in zip(made, following, strict=True)
    ]


ONE = ring.encode_block(block_of(7, 2, ["dQw4w9WgXcQ", "x"], [0, 2, 3, 5], 3))


@pytest.mark.parametrize("cut", range(len(ONE)))
def test_cut_block_is_refused(cut: int) -> None:
    """No beginning of a block is one."""
    with pytest.raises(FormatError):
        ring.decode_block(ONE[:cut])


@given(st.integers(0, len(ONE) - 1), st.integers(1, 255))
def test_flipped_byte_never_crashes(place: int, flip: int) -> None:
    """A flipped byte is refused, or it is another block."""
    with suppress(FormatError):
        other = ring.decode_block(bytes([*ONE[:place], ONE[place] ^ flip, *ONE[place + 1 :]]))
        assert other
        assert len(other.rows) == len(other.scores) == len(other.flags)


@pytest.mark.parametrize(
    "block",
    [
        block_of(1, 0, [], [], 0),
        Block(1, 0, id_column([]), np.array([3, 3]), np.zeros(2, np.uint8), np.zeros(2, np.uint8), np.array([1])),
        Block(1, 0, id_column([]), np.array([3]), np.zeros(1, np.uint8), np.zeros(1, np.uint8), np.array([3])),
        Block(1, 0, id_column(["x", "a"]), np.array([0]), np.zeros(1, np.uint8), np.zeros(1, np.uint8), np.array([1])),
    ],
    ids=["empty", "a row twice", "set and removed", "ids out of order"],
)
def test_senseless_block_is_refused(block: Block) -> None:
    """A block that says nothing, or two things of one row, is refused."""
    with pytest.raises(FormatError):
        ring.decode_block(ring.encode_block(block))


def test_what_follows_a_block_is_refused() -> None:
    """Nothing follows a block, and nothing follows a ring's blocks."""
    with pytest.raises(FormatError, match="goes on"):
        ring.decode_block(ONE + b"\0")
    with pytest.raises(FormatError, match="its blocks"):
        ring.decode(ONE + b"\0", [len(ONE)], sha256(ONE))
