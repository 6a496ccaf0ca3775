"""`realtube import-votes` keeps every good row once, and reports every bad one."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.home import Home
from tests.homes import PROJECT, CommandLine, new_home

NOW_MS = 1_790_000_000_000
HEADER = "cast_at_ms,voter_id,video_id,category,channel_id,network,voter_since_ms"
GOOD = {"cast_at_ms": 5, "voter_id": "ab", "video_id": "v1", "category": "fully_ai", "channel_id": "UC", "network": "n",
        "voter_since_ms": 3}  # fmt: skip
ALL_VOTES = """
    SELECT position, cast_at_ms, voter_id, video_id, categories, channel_id, token, voter_since_ms
    FROM votes JOIN voters USING (voter) JOIN videos USING (video)
    LEFT JOIN channels USING (channel) LEFT JOIN networks USING (network) ORDER BY position
"""
HOSTILE: dict[str, list[Any]] = {
    "cast_at_ms": ["", "x", "-1", "1.5", "1e3", "0x1", "9" * 40, str(NOW_MS + 60_001), "253402300800000", "1\0", "NaN"],
    "voter_id": ["", "xyz", "-1", "1.5", "a" * 65, "a b", "a\0", "é", "' OR 1=1 --"],
    "video_id": ["", "a" * 17, "a b", "a\0", "é", "../etc", "a,b", "<script>", "a.b"],
    "category": ["AI", "fully_ai,not_ai", "fully_ai|not_ai", "fully_ai|", "1", "-1", "a" * 5_000, "not_ai\0", "é"],
    "channel_id": ["a" * 33, "a b", "a\0", "é", "a.b"],
    "network": ["a" * 65, "a b", "a\0", "é", "\x7f"],
    "voter_since_ms": ["x", "-1", "1.5", "9" * 40, str(NOW_MS + 60_001), "1\0", "NaN"],
}
NAMES = "cast_at_ms, voter_id, video_id, category"
WRONG_TYPES: list[Any] = [["a"], {"a": "b"}, True, 1.5, -1, 10**30]


@pytest.fixture
def site(tmp_path: Path) -> CommandLine:
    """An empty home."""
    return new_home(tmp_path)


def write(path: Path, *rows: str) -> Path:
    """A CSV with all columns."""
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def test_rows_become_votes(site: CommandLine, tmp_path: Path) -> None:
    """What a row says stands in the log, in file order, and the counts say what was done."""
    path = write(tmp_path / "a.csv", "7,ab,v1,fully_ai|ai_visuals,UC,n,3", "5,cd,v1,not_ai,,,", "9,AB,v1,,,,")
    done = site.run("import-votes", path)
    assert done.stdout == f"{path}: 3 imported, 0 already there, 0 rejected\n"
    assert site.rows(ALL_VOTES) == [
        (1, 7, "ab", "v1", 5, "UC", "n", 3),
        (2, 5, "cd", "v1", 32, None, None, 0),
        (3, 9, "ab", "v1", 0, None, None, 0),
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "root-keys", "var"]


def test_a_rerun_imports_nothing_twice(site: CommandLine, tmp_path: Path) -> None:
    """Identity of an imported vote is voter, video, time and categories, whatever file it comes from."""
    path = write(tmp_path / "a.csv", "7,ab,v1,fully_ai,UC,n,3", "8,ab,v1,,,,")
    site.run("import-votes", path)
    facts = site.facts(
        "import-votes", path, "-", stdin="cast_at_ms,voter_id,video_id,category\n7,ab,v1,not_ai\n8,ab,v1,"
    )
    assert facts == {
        "stored": 1, "already_there": 3, "rejected": 0,
        "files": [
            {"file": str(path), "stored": 0, "already_there": 2, "rejected": 0, "rejects_file": None, "error": None},
            {"file": "-", "stored": 1, "already_there": 1, "rejected": 0, "rejects_file": None, "error": None},
        ],
    }  # fmt: skip


def test_bad_rows_go_to_a_reject_file(site: CommandLine, tmp_path: Path) -> None:
    """They are shown with their line, counted, and kept whole in a private file; the good rows are kept."""
    path = write(tmp_path / "a.csv", *(f"{n},zz,v,fully_ai,,," for n in range(7)), "8,ab,v1,fully_ai,,,")
    done = site.run("import-votes", path)
    assert done.stdout == f"{path}: 1 imported, 0 already there, 7 rejected\n"
    shown = [f"{path} line {line}: voter_id: expected 1 to 64 hex digits; found 'zz'" for line in range(2, 7)]
    rejects = Path(f"{path}.rejects.ndjson")
    assert done.stderr.splitlines() == [*shown, f"{path}: rejected 7, shown 5, all of them in {rejects}"]
    written = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert len(written) == 7
    assert written[6] == {
        "file": str(path), "line": 8, "reason": "voter_id: expected 1 to 64 hex digits; found 'zz'",
        "text": "6,zz,v,fully_ai,,,",
    }  # fmt: skip
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600


def test_one_reject_file_takes_all(site: CommandLine, tmp_path: Path) -> None:
    """--rejects names it; it is emptied at the first reject of a run, and holds the run's rejects of all files."""
    paths = [write(tmp_path / name, "1,zz,v,,,,") for name in ("a.csv", "b.csv")]
    rejects = tmp_path / "bad.ndjson"
    for _ in range(2):
        site.run("import-votes", *paths, "--rejects", rejects)
        assert [json.loads(line)["file"] for line in rejects.read_text().splitlines()] == [str(path) for path in paths]


def test_rejects_never_overwrite_the_votes(site: CommandLine, tmp_path: Path) -> None:
    """--rejects with an input file is a mistake of usage."""
    path = write(tmp_path / "a.csv", "1,zz,v,,,,")
    site.run("import-votes", path, "--rejects", path, exit_code=2)
    assert path.read_text().startswith(HEADER)


def hostile_rows() -> list[dict[str, Any]]:
    """The good row with each field made hostile in turn."""
    return [GOOD | {name: bad} for name, values in HOSTILE.items() for bad in values]


def test_hostile_csv_is_rejected_row_by_row(site: CommandLine, tmp_path: Path) -> None:
    """Every field times every hostile text is one reject with its line, and nothing of it enters the log."""
    rows = [",".join(str(value) for value in row.values()) for row in hostile_rows()]
    path = write(tmp_path / "a.csv", *rows)
    assert site.facts("import-votes", path, "--now-ms", NOW_MS)["rejected"] == len(rows) == 55
    rejects = [json.loads(line) for line in Path(f"{path}.rejects.ndjson").read_text().splitlines()]
    assert [reject["line"] for reject in rejects] == list(range(2, 57))
    for table in ("votes", "voters", "videos", "channels", "networks"):
        assert site.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_hostile_ndjson_is_rejected_row_by_row(site: CommandLine, tmp_path: Path) -> None:
    """Texts as in CSV, and every field times every wrong type."""
    texts = [GOOD | {name: bad} for name, values in HOSTILE.items() for bad in values if "_ms" not in name]
    types = [GOOD | {name: bad} for name in GOOD for bad in WRONG_TYPES if not (name.endswith("_ms") and bad == 1)]
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in texts + types))
    assert site.facts("import-votes", path, "--now-ms", NOW_MS)["rejected"] == len(texts) + len(types)
    assert site.rows("SELECT count(*) FROM votes") == [(0,)]


def test_hostile_parquet_is_rejected_row_by_row(site: CommandLine, tmp_path: Path) -> None:
    """Parquet's types keep texts out of times, but not what is out of range, null, or no id."""
    numbers = [-1, NOW_MS + 60_001, 2**63 - 1]
    rows = [GOOD | {name: bad} for name, values in HOSTILE.items() for bad in (numbers if "_ms" in name else values)]
    rows += [GOOD | {name: None} for name in ("cast_at_ms", "voter_id", "video_id", "category")]
    columns = {name: pa.array([row[name] for row in rows]) for name in GOOD}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert site.facts("import-votes", tmp_path / "a.parquet", "--now-ms", NOW_MS)["rejected"] == len(rows)
    assert site.rows("SELECT count(*) FROM votes") == [(0,)]


def test_a_named_pipe_is_read_like_stdin(site: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`<(zcat votes.csv.gz)` works; its rejects go to the working directory."""
    monkeypatch.chdir(tmp_path)
    reading, writing = os.pipe()
    os.write(writing, f"{HEADER}\n1,ab,v1,,,,\n1,zz,v1,,,,\n".encode())
    os.close(writing)
    facts = site.facts("import-votes", f"/dev/fd/{reading}")
    os.close(reading)
    assert (facts["stored"], facts["rejected"]) == (1, 1)
    assert (tmp_path / f"{reading}.rejects.ndjson").exists()


def test_the_clock_can_be_given(site: CommandLine, tmp_path: Path) -> None:
    """--now-ms is the clock by which future votes are told."""
    path = write(tmp_path / "a.csv", "60000,ab,v1,,,,", "60001,ab,v2,,,,")
    facts = site.facts("import-votes", path, "--now-ms", 0)
    assert (facts["stored"], facts["rejected"]) == (1, 1)


def test_an_unreadable_file_fails_the_command_but_not_the_others(site: CommandLine, tmp_path: Path) -> None:
    """Exit code 1, one line on stderr, and the good file is imported."""
    good = write(tmp_path / "good.csv", "1,ab,v1,,,,")
    headless = tmp_path / "headless.csv"
    headless.write_text("1,ab,v1,,,,\n")
    done = site.run("import-votes", tmp_path / "none.csv", headless, good, exit_code=1)
    assert done.stderr.splitlines() == [
        f"Error: {tmp_path}/none.csv cannot be read: No such file or directory",
        f"Error: {headless}: its first line must name the columns {NAMES}; it lacks {NAMES}",
    ]
    assert site.rows("SELECT count(*) FROM votes") == [(1,)]


def test_without_a_home_nothing_is_read(tmp_path: Path) -> None:
    """The message says how to make one."""
    path = write(tmp_path / "a.csv", "1,ab,v1,,,,")
    done = CommandLine(Home(tmp_path / "nowhere")).run("import-votes", path, exit_code=1)
    assert done.stderr == (
        f"Error: there is no votes log at {tmp_path}/nowhere/votes.db: run `realtube init`, "
        "or set REALTUBE_HOME to its home\n"
    )


def test_a_dry_run_writes_nothing(site: CommandLine, tmp_path: Path) -> None:
    """Rows are checked and counted; neither the log nor a reject file is written."""
    path = write(tmp_path / "a.csv", "1,ab,v1,,,,", "1,zz,v1,,,,")
    done = site.run("import-votes", path, "--dry-run")
    assert done.stdout == f"{path}: 1 good, none imported, 0 already there, 1 rejected\n"
    assert site.rows("SELECT count(*) FROM votes") == [(0,)]
    assert not Path(f"{path}.rejects.ndjson").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_import_is_completed_by_another(tmp_path: Path, number: signal.Signals) -> None:
    """Stopped between two batches, a rerun leaves exactly what one undisturbed run leaves, positions included."""
    body = HEADER + "\n" + "".join(f"{n},{n * 7919 % 5000:064x},v{n % 9000},not_ai,,," + "\n" for n in range(110_000))
    (tmp_path / "all.csv").write_text(body)
    interrupted, undisturbed = new_home(tmp_path / "a"), new_home(tmp_path / "b")
    begun = subprocess.Popen(
        [sys.executable, "-m", "cli", "import-votes", "-"], cwd=PROJECT, env=interrupted.environment(),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert begun.stdin is not None
    begun.stdin.write(body.encode()[:-100_000])  # more than one block; the pipe stays open: the rest never comes
    deadline = time.monotonic() + 60
    while interrupted.rows("SELECT count(*) FROM votes") == [(0,)] and time.monotonic() < deadline:
        time.sleep(0.02)
    begun.send_signal(number)
    assert begun.wait(30) == (-9 if number is signal.SIGKILL else 1)
    begun.stdin.close()

    stored = interrupted.rows("SELECT count(*) FROM votes")[0][0]
    assert 0 < stored < 110_000
    facts = interrupted.facts("import-votes", tmp_path / "all.csv")
    assert (facts["stored"], facts["already_there"]) == (110_000 - stored, stored)
    undisturbed.run("import-votes", tmp_path / "all.csv")
    assert interrupted.rows(ALL_VOTES) == undisturbed.rows(ALL_VOTES)
