"""Cases cross from the publisher to the server in a file that may be missing or damaged, never half read."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from data import cases
from data.cases import Case, Review
from data.log.appeals import Appeal

CASE = Case("burst", "dQw4w9WgXcQ", "because", 30, 10, 30, 55, 29.7, "realtube review --release dQw4w9WgXcQ --reason …")
REVIEW = Review("ab" * 16, 7, 1_790_000_000_000, 12, (CASE,))
APPEAL = Appeal("3f" * 16, "dQw4w9WgXcQ", "I filmed this.", "", 1, "open")


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Only its owner may read it, and nothing else is left beside it."""
    cases.write(tmp_path / "review.json", REVIEW)
    cases.write(tmp_path / "review.json", replace(REVIEW, position=8))

    assert cases.read(tmp_path / "review.json") == replace(REVIEW, position=8)
    assert stat.S_IMODE((tmp_path / "review.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["review.json"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"log_id": 3}', b"[" * 100_000])
def test_a_damaged_list_is_none(tmp_path: Path, body: bytes) -> None:
    """So is a missing one, and one of which the end is missing."""
    path = tmp_path / "review.json"
    assert cases.read(path) is None
    cases.write(path, REVIEW)
    path.write_bytes(path.read_bytes()[:-1])
    assert cases.read(path) is None
    path.write_bytes(body)
    assert cases.read(path) is None


def test_an_appeal_counts_as_fully_uncertain() -> None:
    """Its reach is the votes on its video, and one about a video without any is not lost below all others."""
    assert cases.of_appeal(APPEAL, votes=40, held=3, score=99).priority == 40.0
    assert cases.of_appeal(APPEAL, votes=0, held=0, score=0).priority == 1.0


def test_what_strangers_write_cannot_move_a_cursor() -> None:
    """On a terminal their text is one short line: no escapes, no second line, nothing turned around."""
    hostile = "x\x1b[2J\x1b]0;t\x07\r\nlock 0\u202e\u2066\u2028" + "y" * 2_000
    why = cases.of_appeal(replace(APPEAL, message=hostile), votes=1, held=0, score=0).why

    assert why.isprintable()
    assert len(why) <= len("appeal : ") + 32 + cases.SHOWN_CHARACTERS
    assert why.endswith("…")
