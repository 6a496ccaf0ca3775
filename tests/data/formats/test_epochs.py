"""Epochs files: what is written reads back, damage is refused."""

from __future__ import annotations

import json

import pytest

from data.formats import epochs
from data.formats.epochs import Epochs, RollFile, Shards
from data.formats.head import File
from data.formats.tree import BASE_FORMS, FormatError, gzipped

HASH = "0123456789abcdef" * 4
MADE = Epochs(
    epoch="2026-11-21",
    seq=7,
    n=3,
    state=HASH,
    files={form: File(HASH, size) for size, form in enumerate(BASE_FORMS)},
    shards=Shards(2, HASH),
    rolls=(RollFile("2026-11-20", 5, 2, File(HASH, 9)), RollFile("2026-11-18", 4, 3, None)),
)


def test_epochs_read_back() -> None:
    """An epochs file holds exactly what it was made of."""
    assert epochs.parse(MADE.encode()) == MADE


def test_roll_without_a_block_has_no_file() -> None:
    """Its size is 0 and its file null."""
    empty = RollFile("2026-11-18", 4, 3, None)
    text = Epochs("e", 1, 0, HASH, MADE.files, MADE.shards, (empty,)).encode()

    assert epochs.parse(text).rolls == (empty,)


LACKING = gzipped(json.dumps({"epoch": "e", "base": [], "shards": {}, "rolls": 0}).encode())


@pytest.mark.parametrize(
    "body", [b"", b"{}", gzipped(b""), gzipped(b"[]"), gzipped(b"{}"), MADE.encode()[:-9], LACKING]
)
def test_damaged_epochs_are_refused(body: bytes) -> None:
    """What is no epochs file is refused with a reason."""
    with pytest.raises(FormatError, match="cannot be read"):
        epochs.parse(body)
