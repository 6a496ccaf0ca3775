"""Files of votes become batches of columns; each bad row is reported with its line and a reason."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.input import textlines, votefile
from data.input.textlines import InputFileError
from data.input.votebatch import Reject, VoteBatch
from data.records import BIT_OF

NOW_MS = 1_790_000_000_000
HEADER = "cast_at_ms,voter_id,video_id,category,channel_id,network,voter_since_ms"
GOOD = "1789999999000,ab12,dQw4w9WgXcQ,fully_ai,UCchannel,net1,1780000000000"
HEX_VOTER, VIDEO_CHARACTERS = "1 to 64 hex digits", "1 to 16 characters of A-Z a-z 0-9 _ -"
MILLISECONDS = "whole Unix milliseconds, 0 to 253402300799999"
CATEGORY = "unknown category; expected one of fully_ai, ai_voiceover, ai_visuals, ai_thumbnails, ai_assisted, not_ai"

Vote = tuple[int, str, str, int, str, str, int]


def votes_of(batches: list[VoteBatch]) -> list[Vote]:
    """All votes as rows."""
    rows: list[Vote] = []
    for batch in batches:
        columns = (
            batch.cast_at_ms.tolist(), batch.voter_id.to_pylist(), batch.video_id.to_pylist(),
            batch.categories.tolist(), batch.channel_id.to_pylist(), batch.network.to_pylist(),
            batch.voter_since_ms.tolist(),
        )  # fmt: skip
        rows += zip(*columns, strict=True)
    return rows


def read_text(text: str | bytes) -> tuple[list[Vote], list[Reject]]:
    """Votes and rejects of a text file."""
    body = text.encode() if isinstance(text, str) else text
    batches = list(votefile.read_stream(io.BytesIO(body), "votes", NOW_MS))
    return votes_of(batches), [reject for batch in batches for reject in batch.rejects]


def read_row(**fields: str) -> tuple[list[Vote], list[Reject]]:
    """Votes and rejects of a CSV that holds the good row with some fields replaced."""
    row = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | fields
    return read_text(f"{HEADER}\n{','.join(row.values())}\n")


def test_csv_rows_become_columns() -> None:
    """Every column arrives in its unit and type."""
    assert read_text(f"{HEADER}\n{GOOD}\n") == (
        [(1_789_999_999_000, "ab12", "dQw4w9WgXcQ", 1, "UCchannel", "net1", 1_780_000_000_000)],
        [],
    )


def test_columns_stand_in_any_order_and_optional_ones_may_miss() -> None:
    """The header says where each column is; unknown columns are ignored; the last line needs no end."""
    votes, rejects = read_text("mood,category,video_id,voter_id,cast_at_ms\nsad,not_ai,v1,ab,5\nsad,,v1,ab,6")
    assert votes == [(5, "ab", "v1", BIT_OF["not_ai"], "", "", 0), (6, "ab", "v1", 0, "", "", 0)]
    assert rejects == []


def test_several_categories_are_one_vote() -> None:
    """Categories joined by | become one mask, repeats and spaces are harmless."""
    votes, _ = read_row(category="fully_ai | ai_visuals|fully_ai")
    assert [vote[3] for vote in votes] == [BIT_OF["fully_ai"] | BIT_OF["ai_visuals"]]


def test_ids_are_trimmed_and_hex_is_lower_cased() -> None:
    """Two spellings of a voter are one voter: the dictionary holds the id once."""
    text = "cast_at_ms,voter_id,video_id,category\n1, AB ,v1,fully_ai\n2,ab, v1 ,fully_ai\n"
    (batch,) = votefile.read_stream(io.BytesIO(text.encode()), "votes", NOW_MS)
    assert batch.voter_id.dictionary.to_pylist() == ["ab"]
    assert batch.video_id.dictionary.to_pylist() == ["v1"]


def test_byte_order_mark_carriage_returns_and_empty_lines_are_no_rows() -> None:
    """What editors leave in files changes nothing, and lines are numbered as an editor shows them."""
    text = "\ufeff" + HEADER + "\r\n" + GOOD + "\r\n\r\n" + GOOD.replace("ab12", "zz") + "\r\n\n"
    votes, rejects = read_text(text)
    assert len(votes) == 1
    assert [reject.line for reject in rejects] == [4]
    assert read_text(f"{HEADER}\n   \n\t\r\n{GOOD}")[0] == votes
    assert read_text(f"{HEADER}\n\r") == read_text(f"{HEADER}\n\n\n") == read_text(HEADER) == ([], [])


def test_quoted_fields_are_understood() -> None:
    """Quotes, and a comma inside them, are CSV; a quote that does not end in its line spoils only that line."""
    text = f'{HEADER},note\n{GOOD},"a, ""b"""\n{GOOD},"open\n{GOOD.replace("ab12", "cd")},x\n'
    votes, rejects = read_text(text)
    assert [vote[1] for vote in votes] == ["ab12", "cd"]
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (3, "line: expected each quoted field to end in its own line (unexpected end of data)")
    ]


BAD_FIELDS = [
    *((name, bad, MILLISECONDS) for name in ("cast_at_ms", "voter_since_ms")
      for bad in ("x", "-1", "1.5", "1e12", "0x10", "१२", "253402300800000", "9" * 30, "true", "1 2")),
    ("cast_at_ms", "", MILLISECONDS),
    ("cast_at_ms", str(NOW_MS + 60_001), "no more than 60 s in the future"),
    ("voter_since_ms", str(NOW_MS + 60_001), "no more than 60 s in the future"),
    *(("voter_id", bad, HEX_VOTER) for bad in ("", "xyz", "a" * 65, "a b", "-1", "ab\x0b1", "é")),
    *(("video_id", bad, VIDEO_CHARACTERS) for bad in ("", "a" * 17, "a b", "a/b", "é", "a.b")),
    *(("channel_id", bad, "nothing, or 1 to 32 characters of A-Z a-z 0-9 _ -") for bad in ("a" * 33, "a b", "é")),
    *(("network", bad, "nothing, or 1 to 64 printable ASCII characters without a space")
      for bad in ("a" * 65, "a b", "é", "\x7f")),
    *(("category", bad, CATEGORY) for bad in ("AI", "FULLY_AI", "fully_ai|", "|", "fully_ai;not_ai", "1", "null", "é")),
    ("category", "fully_ai|not_ai", "not_ai says that nothing is AI, so it cannot stand beside others"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bad", "expected"), BAD_FIELDS)
def test_a_bad_field_is_rejected(name: str, bad: str, expected: str) -> None:
    """The reason names the field, what was expected, and what was found."""
    votes, rejects = read_row(**{name: bad})
    shown = bad if len(bad) <= 60 else bad[:60] + "…"
    assert votes == []
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (2, f"{name}: expected {expected}; found {shown!r}")
    ]


@pytest.mark.parametrize("name", HEADER.split(","))
def test_a_nul_anywhere_rejects_the_line(name: str) -> None:
    """A NUL byte is no text."""
    votes, rejects = read_row(**{name: "a\0b"})
    assert (votes, [reject.reason for reject in rejects]) == ([], ["line: expected no NUL byte"])


@pytest.mark.parametrize("at_ms", [0, NOW_MS, NOW_MS + 60_000])
def test_a_clock_may_be_a_minute_ahead(at_ms: int) -> None:
    """Sixty seconds in the future is good, one millisecond more is not."""
    votes, rejects = read_row(cast_at_ms=str(at_ms))
    assert ([vote[0] for vote in votes], rejects) == ([at_ms], [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,ab,v1", "line: expected 4 fields as in the header, found 3"),
        (b"1,ab,v1,fully_ai,", "line: expected 4 fields as in the header, found 5"),
        (b"1,ab,v1,fully\xff_ai", "line: expected UTF-8"),
        (b"1,ab,v1,fully\x00_ai", "line: expected no NUL byte"),
        (b"1,ab,v1," + b"x" * 70_000, "line: expected at most 65536 bytes"),
        (b"1,ab,v1,\rfully_ai,ab,v1,x", "line: expected 4 fields as in the header, found 7"),
        (b'1,ab,"v1"x,fully_ai', "line: expected each quoted field to end in its own line (',' expected after '\"')"),
    ],
)
def test_a_line_that_is_no_row_spoils_no_other(line: bytes, reason: str) -> None:
    """The rows before and after it are good, and have their own line numbers."""
    votes, rejects = read_text(b"cast_at_ms,voter_id,video_id,category\n7,aa,v,\n" + line + b"\n8,bb,v,\n9,zz,v,\n")
    assert [vote[0] for vote in votes] == [7, 8]
    assert [(reject.line, reject.reason.split(";")[0]) for reject in rejects] == [
        (3, reason), (5, f"voter_id: expected {HEX_VOTER}"),
    ]  # fmt: skip


def test_a_lone_carriage_return_ends_no_line() -> None:
    """Only a line feed ends a line: a carriage return in the middle cannot make two rows of one."""
    votes, rejects = read_text("cast_at_ms,voter_id,video_id,category\n1,ab,v1,\r2,ab,v1,\n")
    assert (votes, [reject.line for reject in rejects]) == ([], [2])


def test_a_reject_keeps_its_line() -> None:
    """The whole line can be mended and imported; bytes that are not UTF-8 are escaped."""
    _, rejects = read_text(f"{HEADER}\n".encode() + b"x\xff,y\r\n")
    assert rejects[0].text == "x\\xff,y"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "votes is empty: expected a header line with cast_at_ms, voter_id, video_id, category, or NDJSON"),
        ("voter_id,video_id\n", "it lacks cast_at_ms, category"),
        (f"{GOOD}\n", "it lacks cast_at_ms, voter_id, video_id, category"),
        (f"{HEADER},voter_id\n", "names voter_id more than once"),
        ("PAR1", "Parquet, which cannot be read from a pipe"),
        ("a\rb\n", "no header of a CSV file"),
    ],
)
def test_a_file_that_is_no_vote_file_is_refused_whole(text: str, message: str) -> None:
    """Without its columns nothing of a file can be trusted."""
    with pytest.raises(InputFileError, match=message):
        read_text(text)


def test_a_missing_file_is_named() -> None:
    """The message says which file and why."""
    with pytest.raises(InputFileError, match=r"/nowhere/votes\.csv cannot be read: No such file"):
        list(votefile.read(Path("/nowhere/votes.csv"), NOW_MS))


GOOD_JSON: dict[str, Any] = {"cast_at_ms": 5, "voter_id": "AB", "video_id": "v1", "category": "fully_ai"}


def test_ndjson_rows_become_columns() -> None:
    """Unknown fields are ignored, null is nothing, an empty category retracts."""
    rows = [
        GOOD_JSON | {"channel_id": "UC", "network": "n", "voter_since_ms": 3, "mood": {"a": [1]}},
        GOOD_JSON | {"category": "", "channel_id": None, "network": None, "voter_since_ms": None},
    ]
    votes, rejects = read_text("\n".join(json.dumps(row) for row in rows))
    assert votes == [(5, "ab", "v1", 1, "UC", "n", 3), (5, "ab", "v1", 0, "", "", 0)]
    assert rejects == []


@pytest.mark.parametrize("name", HEADER.split(","))
@pytest.mark.parametrize("bad", [["a"], {"a": 1}, True, 1.5, -1, "a\0b", "\ud800", "a" * 65, "x y"])
def test_a_bad_json_field_is_rejected(name: str, bad: object) -> None:
    """Every field times every wrong type is a reject, and the row after it is good."""
    votes, rejects = read_text(json.dumps(GOOD_JSON | {name: bad}) + "\n" + json.dumps(GOOD_JSON))
    assert len(votes) == 1
    assert [reject.line for reject in rejects] == [1]


@pytest.mark.parametrize("name", ["cast_at_ms", "voter_id", "video_id", "category"])
@pytest.mark.parametrize("given_null", [True, False])
def test_a_required_json_field_must_be_there(name: str, given_null: bool) -> None:
    """Null and absence are both no value."""
    row = GOOD_JSON | {name: None}
    if not given_null:
        del row[name]
    votes, rejects = read_text(json.dumps(GOOD_JSON) + "\n" + json.dumps(row))
    assert (len(votes), [reject.line for reject in rejects]) == (1, [2])


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"{}", b"1", b'{"a":' + b"[" * 60_000, b"\xff", b'{"voter_id":"\xff"}', b"{" + b" " * 70_000]
)
def test_a_line_that_is_no_json_vote_spoils_no_other(line: bytes) -> None:
    """Truncated, nested too deep, over-long: each is one reject."""
    good = json.dumps(GOOD_JSON).encode()
    votes, rejects = read_text(good + b"\n" + line + b"\n\n" + good + b"\n")
    assert (len(votes), [reject.line for reject in rejects]) == (2, [2])


def write_parquet(path: Path, **columns: pa.Array) -> Path:
    """A Parquet file of good votes, with some columns replaced, added, or (None) left out."""
    good = {
        "cast_at_ms": pa.array([1, 2, 3]),
        "voter_id": pa.array(["aa", "BB", "cc"]),
        "video_id": pa.array(["v1", "v1", "v2"]).dictionary_encode(),
        "category": pa.array(["fully_ai", "", "not_ai"], pa.large_string()),
    }
    kept = {name: column for name, column in (good | columns).items() if column is not None}
    pq.write_table(pa.table(kept), path)
    return path


def test_parquet_rows_become_columns(tmp_path: Path) -> None:
    """Integers and every kind of text column are read."""
    path = write_parquet(tmp_path / "votes.bin", network=pa.array(["n", None, ""]))
    (batch,) = votefile.read(path, NOW_MS)
    assert votes_of([batch]) == [
        (1, "aa", "v1", 1, "", "n", 0), (2, "bb", "v1", 0, "", "", 0), (3, "cc", "v2", 32, "", "", 0),
    ]  # fmt: skip
    assert batch.line.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "values", "rows"),
    [
        ("cast_at_ms", [1, None, NOW_MS + 60_001], [2, 3]),
        ("cast_at_ms", [-5, 0, 253_402_300_800_000], [1, 3]),
        ("voter_id", ["zz", None, "a"], [1, 2]),
        ("video_id", ["v v", None, "a"], [1, 2]),
        ("category", ["AI", None, ""], [1, 2]),
        ("channel_id", ["U U", None, ""], [1]),
        ("network", ["n n", None, ""], [1]),
        ("voter_since_ms", [-1, None, 0], [1]),
    ],
)
def test_a_bad_parquet_value_is_rejected(tmp_path: Path, name: str, values: list[Any], rows: list[int]) -> None:
    """Null is nothing where a value may miss, and a reject where it must not."""
    (batch,) = votefile.read(write_parquet(tmp_path / "v.parquet", **{name: pa.array(values)}), NOW_MS)
    assert [reject.line for reject in batch.rejects] == rows
    assert json.loads(batch.rejects[0].text)[name] == values[rows[0] - 1]


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("category", None, "it lacks category"),
        ("cast_at_ms", pa.array(["1", "2", "3"]), "the column cast_at_ms must be an integer, found string"),
        ("cast_at_ms", pa.array([1.0, 2.0, 3.0]), "the column cast_at_ms must be an integer, found double"),
        ("voter_id", pa.array([1, 2, 3]), "the column voter_id must be text, found int64"),
        ("video_id", pa.array([b"a", b"b", b"c"]), "the column video_id must be text, found binary"),
        ("cast_at_ms", pa.array([1, 2, 2**64 - 1], pa.uint64()), "cannot be read as Parquet"),
    ],
)
def test_a_parquet_file_of_other_types_is_refused(tmp_path: Path, name: str, column: pa.Array, message: str) -> None:
    """A column of another type would be guessed at."""
    with pytest.raises(InputFileError, match=message):
        list(votefile.read(write_parquet(tmp_path / "v.parquet", **{name: column}), NOW_MS))


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    """A file cut short is an error of the file, not a crash."""
    path = write_parquet(tmp_path / "v.parquet")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputFileError, match="cannot be read as Parquet"):
        list(votefile.read(path, NOW_MS))


def test_blocks_may_end_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a read ends, the same votes with the same line numbers come out."""
    lines = [HEADER, *(f"{n},{n:x},v{n},{'zz' if n % 7 == 0 else 'fully_ai'},,," for n in range(40)), '1,"a",v,,,,']
    body = "\n".join(lines).encode()
    whole = read_text(body)
    for size in (1, 2, 7, 64, 200):
        monkeypatch.setattr(textlines, "BLOCK_BYTES", size)
        assert read_text(body) == whole
    assert [reject.line for reject in whole[1]] == [2, 9, 16, 23, 30, 37]
    assert len(whole[0]) == 35


def test_an_endless_line_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an over-long line no more is kept than its first 64 KiB."""
    monkeypatch.setattr(textlines, "BLOCK_BYTES", 1 << 16)
    body = b"cast_at_ms,voter_id,video_id,category\n" + b"x" * 3_000_000 + b"\n1,ab,v1,\n"
    votes, rejects = read_text(body)
    assert [vote[0] for vote in votes] == [1]
    assert [(reject.line, len(reject.text)) for reject in rejects] == [(2, 65_536)]
    assert max(len(block.body) for block in textlines.blocks(io.BytesIO(body))) < 3 << 16


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_are_votes_or_rejects(lines: list[bytes]) -> None:
    """Whatever follows a header, every line that is not empty is a vote or a reject, and nothing crashes."""
    body = b"cast_at_ms,voter_id,video_id,category\n" + b"\n".join(lines)
    votes, rejects = read_text(body)
    expected = sum(bool(line.strip()) for line in b"\n".join(lines).split(b"\n"))
    assert len(votes) + len(rejects) == expected


@given(st.lists(st.text(alphabet='1,ab"\r\u00e9 |', max_size=20), max_size=8))
def test_the_fast_and_the_careful_way_agree(lines: list[str]) -> None:
    """A block that can be read the fast way gives what the careful way gives."""
    body = "\n".join(line.replace('"', "") for line in lines)
    header = "cast_at_ms,voter_id,video_id,category\n"
    careful = read_text(header + body + '\n"')
    fast = read_text(header + body)
    assert (fast[0], len(fast[1])) == (careful[0], len(careful[1]) - 1)


def test_columns_have_the_types_of_the_log() -> None:
    """Numbers are int64 and masks are bytes, whichever way they came."""
    (batch,) = votefile.read_stream(io.BytesIO(f"{HEADER}\n{GOOD}\n".encode()), "votes", NOW_MS)
    assert [column.dtype for column in (batch.line, batch.cast_at_ms, batch.voter_since_ms)] == [np.int64] * 3
    assert batch.categories.dtype == np.uint8
