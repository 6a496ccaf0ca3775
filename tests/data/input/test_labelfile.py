"""Audited labels and lists of moderators are read line by line, bad lines reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.input.labelfile import read_audited, read_moderators
from data.input.textlines import InputFileError


def write(tmp_path: Path, text: str) -> Path:
    """A file with this text."""
    (tmp_path / "file").write_bytes(text.encode("utf-8", "surrogateescape"))
    return tmp_path / "file"


def test_the_later_label_wins(tmp_path: Path) -> None:
    """Columns stand in any order; the order of the labels is that of the last words."""
    audited = read_audited(write(tmp_path, "note,label,video_id\nx,1,a\nx,0,b\n\nx,0, a \n"))
    assert list(audited.labels.items()) == [("b", 0), ("a", 0)]
    assert audited.rejects == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a", "line: expected 2 fields as in the header, found 1"),
        ("a,1,1", "line: expected 2 fields as in the header, found 3"),
        (",1", "video_id: expected 1 to 16 characters of A-Z a-z 0-9 _ -; found ''"),
        ("a b,1", "video_id: expected 1 to 16 characters of A-Z a-z 0-9 _ -; found 'a b'"),
        ("a,", "label: expected 1 (AI) or 0 (made by people); found ''"),
        ("a,2", "label: expected 1 (AI) or 0 (made by people); found '2'"),
        ("a,1.0", "label: expected 1 (AI) or 0 (made by people); found '1.0'"),
        ("a,-1", "label: expected 1 (AI) or 0 (made by people); found '-1'"),
        ("a\0,1", "line: expected no NUL byte"),
        ("\udcff,1", "line: expected UTF-8"),
    ],
)
def test_a_bad_label_spoils_no_other(tmp_path: Path, line: str, reason: str) -> None:
    """The reject has the line's number, reason and text; the next line counts."""
    audited = read_audited(write(tmp_path, f"video_id,label\n{line}\nb,1\n"))
    assert [(reject.line, reject.reason) for reject in audited.rejects] == [(2, reason)]
    assert audited.labels == {"b": 1}


@pytest.mark.parametrize(
    ("text", "message"), [("", "is empty"), ("video_id\na\n", "lacks label"), ("a,1\n", "lacks video_id")]
)
def test_a_file_without_its_columns_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A file of something else is no list of labels."""
    with pytest.raises(InputFileError, match=message):
        read_audited(write(tmp_path, text))


def test_moderators_stand_one_a_line(tmp_path: Path) -> None:
    """Hex is lower-cased, repeats count once, what is no id is reported."""
    found = read_moderators(write(tmp_path, "AB\r\n\n ab \ncd\nxyz\n" + "a" * 65))
    assert found.voter_ids == ("ab", "cd")
    assert [reject.line for reject in found.rejects] == [5, 6]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message says which file and why."""
    with pytest.raises(InputFileError, match="nothing cannot be read: No such file"):
        read_moderators(tmp_path / "nothing")
