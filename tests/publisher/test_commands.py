"""`realtube publish` and `realtube score`, as a person or a script calls them."""

from __future__ import annotations

import csv
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data.home import Home
from tests.factories import DAY_MS, HOUR_MS, START_MS, voter_id
from tests.homes import PROJECT, CommandLine, new_home

HEADER = "cast_at_ms,voter_id,video_id,category\n"


def votes_file(directory: Path, *rows: str) -> Path:
    """A CSV file of votes."""
    path = directory / "votes.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def some_votes(directory: Path) -> Path:
    """Ten newcomers who flag one video, of which one retracts."""
    flags = [f"{START_MS + n},{voter_id(n)},flagged,fully_ai" for n in range(10)]
    return votes_file(directory, *flags, f"{START_MS + 50},{voter_id(3)},flagged,")


def test_publish_prints_what_it_did(tmp_path: Path) -> None:
    """A tick is a line for people and facts for machines."""
    home = new_home(tmp_path)
    home.run("import-votes", some_votes(tmp_path))
    text = home.run("publish", "--now-ms", START_MS + HOUR_MS).stdout
    facts = home.facts("publish", "--now-ms", START_MS + 2 * HOUR_MS)

    assert text.startswith("published tick 1 of 2026-09-21T15:13:20.000Z: 1 rows, 1 verdicts changed, ")
    assert (facts["seq"], facts["rows"], facts["changed"], facts["published"]) == (2, 1, 0, True)


def test_publish_again_at_the_same_time(tmp_path: Path) -> None:
    """A repeated call does nothing and says so, with exit code 0."""
    home = new_home(tmp_path)
    home.run("publish", "--now-ms", START_MS)

    assert "nothing new" in home.run("publish", "--now-ms", START_MS).stdout


def test_dry_run(tmp_path: Path) -> None:
    """A dry run leaves no file."""
    home = new_home(tmp_path)
    text = home.run("publish", "--dry-run", "--now-ms", START_MS).stdout

    assert text.startswith("would publish tick 1")
    assert not home.home.public.exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (["--every", "soon"], 2, "--every takes a time such as 90s, 30m or 1h"),
        (["--every", "0m"], 2, "--every takes a time"),
        (["--every", "1m", "--now-ms", "5"], 2, "no --now-ms beside it"),
        (["--now-ms", "-1"], 2, "range"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], exit_code: int, says: str) -> None:
    """What cannot be meant is refused before anything happens."""
    home = new_home(tmp_path)

    assert says in home.run("publish", *arguments, exit_code=exit_code).stderr


def test_without_a_home(tmp_path: Path) -> None:
    """A missing home says how to make one."""
    nowhere = CommandLine(Home(tmp_path / "nowhere"))

    assert "realtube init" in nowhere.run("publish", exit_code=1).stderr


def test_clock_behind_fails(tmp_path: Path) -> None:
    """A clock behind the last tick is exit code 1 with the next step."""
    home = new_home(tmp_path)
    home.run("publish", "--now-ms", START_MS)

    assert "set the clock" in home.run("publish", "--now-ms", START_MS - 1, exit_code=1).stderr


def test_foreign_store_is_refused(tmp_path: Path) -> None:
    """A store of another home is exit code 3, and nothing in it changes."""
    one, two = new_home(tmp_path / "one"), new_home(tmp_path / "two")
    one.run("publish", "--now-ms", START_MS)
    head = (one.home.public / "v1/head").read_bytes()
    two.home.settings.write_text(f"REALTUBE_STORE={one.home.public}\n")

    assert "not signed by this home" in two.run("publish", "--now-ms", START_MS + 1, exit_code=3).stderr
    assert (one.home.public / "v1/head").read_bytes() == head


def test_second_publish_is_busy(tmp_path: Path) -> None:
    """While one publish of a home runs, a second one ends with 75."""
    home = new_home(tmp_path)
    with home.home.publish_lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert "another publish holds" in home.run("publish", exit_code=75).stderr


def test_every_ticks_until_sigterm(tmp_path: Path) -> None:
    """`--every` ticks at once and at each multiple, and SIGTERM ends it with exit code 0 between two ticks."""
    home = new_home(tmp_path)
    command = [sys.executable, "-m", "cli", "publish", "--every", "1s", "--json"]
    process = subprocess.Popen(command, cwd=PROJECT, env=home.environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=20)[0]

    assert process.returncode == 0
    assert '"seq":1' in lines[0]
    assert '"seq":3' in lines[2]
    assert len(rest.splitlines()) <= 2
    home.run("verify", home.home.public)


def test_every_holds_the_lock(tmp_path: Path) -> None:
    """While `--every` runs, a single publish is busy; after SIGKILL of it the home is free."""
    home = new_home(tmp_path)
    command = [sys.executable, "-m", "cli", "publish", "--every", "1h", "--json"]
    process = subprocess.Popen(command, cwd=PROJECT, env=home.environment(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    home.run("publish", exit_code=75)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    time.sleep(0.01)

    assert home.facts("publish")["seq"] == 2


def test_score_writes_a_line_a_video(tmp_path: Path) -> None:
    """Scores come as CSV by video id; a moderator's and an audit's word count."""
    votes = votes_file(
        tmp_path,
        f"{START_MS},{voter_id(1)},b,fully_ai",
        f"{START_MS},{voter_id(2)},a,ai_visuals|ai_voiceover",
        f"{START_MS},{voter_id(2)},gone,fully_ai",
        f"{START_MS + 1},{voter_id(2)},gone,",
        f"{START_MS},{voter_id(3)},c,not_ai",
        "x,y",
    )
    (tmp_path / "audited.csv").write_text("video_id,label\na,0\nc,1\n")
    (tmp_path / "moderators.txt").write_text(f"{voter_id(1)}\n")
    home = new_home(tmp_path)
    out = tmp_path / "scores.csv"
    result = home.run(
        "score", "--votes", votes, "--audited", tmp_path / "audited.csv", "--moderators", tmp_path / "moderators.txt",
        "--now-ms", START_MS + DAY_MS, "--out", out,
    )  # fmt: skip
    rows = list(csv.DictReader(out.read_text().splitlines()))

    assert [row["video_id"] for row in rows] == ["a", "b", "c"]
    assert list(rows[0]) == ["video_id", "score", "evidence", "votes", "top_category"]
    assert [float(row["score"]) >= 50 for row in rows] == [False, True, True]
    assert [row["top_category"] for row in rows] == ["ai_voiceover", "fully_ai", ""]
    assert "line 7: line: expected 4 fields" in result.stderr


def test_score_from_stdin_to_parquet(tmp_path: Path) -> None:
    """Votes may come from a pipe, as NDJSON too; scores may go to Parquet."""
    home, out = new_home(tmp_path), tmp_path / "scores.parquet"
    line = f'{{"cast_at_ms": {START_MS}, "voter_id": "aa", "video_id": "x", "category": "fully_ai"}}\n'
    facts = home.facts("score", "--votes", "-", "--now-ms", START_MS, "--out", out, stdin=line)

    assert (facts["videos"], facts["rejected"]) == (1, 0)
    assert pq.read_table(out)["video_id"].to_pylist() == ["x"]


def test_score_of_no_votes(tmp_path: Path) -> None:
    """A file with a header and no votes gives a file with a header and no scores."""
    home, out = new_home(tmp_path), tmp_path / "scores.csv"
    home.run("score", "--votes", votes_file(tmp_path), "--out", out)

    assert out.read_text() == "video_id,score,evidence,votes,top_category\n"
