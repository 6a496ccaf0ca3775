"""The runbooks of docs/operations.md, executed line by line."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from clients.reference import sync
from data.home import Home
from tests.factories import HOUR_MS, voter_id
from tests.homes import PROJECT, CommandLine, new_home

PAGE = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
BEGUN_MS = time.time_ns() // 1_000_000 - 50 * HOUR_MS
"""Runbooks know no clock but the true one: their sites begin two days ago."""
HEADER = "cast_at_ms,voter_id,video_id,category\n"


@pytest.fixture
def site(tmp_path: Path) -> CommandLine:
    """A home that has published two days, two ticks each."""
    made = new_home(tmp_path)
    made.run("moderator", "add", voter_id(1), "--reason", "tests")
    for tick in range(4):
        flag(made, f"video{tick}")
        made.run("publish", "--now-ms", BEGUN_MS + tick // 2 * 24 * HOUR_MS + tick % 2 * HOUR_MS)
    return made


def flag(site: CommandLine, *videos: str) -> None:
    """A moderator flags videos."""
    rows = "".join(f"{BEGUN_MS},{voter_id(1)},{video},fully_ai\n" for video in videos)
    site.run("import-votes", "-", stdin=HEADER + rows)


def head(site: CommandLine) -> Any:
    """The published head's payload."""
    return json.loads((site.home.public / "v1/head").read_bytes().split(b"\n")[0])


def oldest_verdicts(site: CommandLine) -> Path:
    """A Parquet file of the first day."""
    first = min((site.home.public / "v1/parquet").iterdir())
    return min(first.iterdir()).relative_to(site.home.public)


def commands(section: str) -> list[list[str]]:
    """The command lines of a section, as words."""
    body = PAGE.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for block in re.findall(r"```sh\n(.*?)```", body, re.DOTALL) for line in block.splitlines()]
    found = [shlex.split(line, comments=True) for line in lines]
    assert found
    assert {words[0] for words in found} == {"realtube"}
    return [words[1:] for words in found]


def execute(site: CommandLine, section: str, **places: object) -> list[str]:
    """Runs a section's commands, placeholders filled in; what each printed."""
    directory = site.home.directory.parent
    places |= {"TREE": site.home.public, "CLIENT": directory / "client"}
    places |= {f"ROOT_KEY_{n}": directory / "root-keys" / f"root-{n}.pem" for n in (1, 2)}
    printed = []
    for words in commands(section):
        filled = [re.sub(r"\b[A-Z]+(_[A-Z0-9]+)*\b", lambda m: str(places.get(m[0], m[0])), word) for word in words]
        assert not re.search(r"\b[A-Z]+_[A-Z0-9_]+\b", " ".join(filled)), filled
        printed.append(site.run(*filled).stdout)
    return printed


def test_guards(site: CommandLine) -> None:
    """An override is published with its reason."""
    execute(site, "Guards")

    assert head(site)["note"] == "a ring of voters was banned"


def test_a_bad_publish(site: CommandLine) -> None:
    """Back to the last good tick, and on again; the tree verifies at every step."""
    told = execute(site, "A bad publish", LAST_GOOD=3)

    assert told[0].startswith("published tick 5 of ")
    assert "3 rows" in told[0]
    assert "4 rows" in told[2]
    assert head(site)["note"] == "release 1.4.1 mends it"
    site.run("verify", site.home.public)


def test_a_video_must_not_be_shown(site: CommandLine) -> None:
    """Killed, shown again, and an old file buried: the tree verifies, and clients go on."""
    old = oldest_verdicts(site)
    execute(site, "A video must not be shown", VIDEO_ID="video1", OLD_FILE=old)

    assert "kill" not in head(site)
    assert b"erasure request 7" in (site.home.public / old).read_bytes()
    site.run("verify", site.home.public)


def test_keys_change(site: CommandLine, tmp_path: Path) -> None:
    """Two rotations, one in one place, one in two: the next tick is under root 3."""
    copies = [tmp_path / "copy-1.json", tmp_path / "copy-2.json"]
    lines = commands("Keys change")
    at = next(place for place, words in enumerate(lines) if words == ["keys", "rotate"])
    for words in lines[: at + 1]:
        site.run(*[str(tmp_path / "root-keys" / f"root-{w[-1]}.pem") if w.startswith("ROOT_KEY") else w for w in words])
    for number, copy in enumerate(copies, 1):
        shutil.copy(site.home.unfinished_root, copy)
        site.run("keys", "sign", copy, "--root-key", tmp_path / "root-keys" / f"root-{number}.pem")
    assert lines[at + 1 : at + 3] == [
        ["keys", "sign", f"COPY_{number}", "--root-key", f"ROOT_KEY_{number}"] for number in (1, 2)
    ]
    assert lines[at + 3] == ["keys", "install", "COPY_1", "COPY_2"]
    site.run("keys", "install", *copies)
    site.run("publish")

    assert head(site)["gen"] == 3
    site.run("verify", site.home.public, "--root", site.home.roots / "1.json")


def test_the_online_key_is_stolen(site: CommandLine, tmp_path: Path) -> None:
    """A thief with home and store publishes on; the runbook ends it, and a client that pinned root 1 follows."""
    pinned = site.home.roots / "1.json"
    sync(site.home.public, tmp_path / "client", root=pinned)
    (tmp_path / "thief").mkdir()
    shutil.copytree(site.home.directory, tmp_path / "thief/var", ignore=shutil.ignore_patterns("public"))
    thief = CommandLine(Home(tmp_path / "thief/var"))
    thief.home.settings.write_text(f"REALTUBE_STORE={site.home.public}\n")
    flag(thief, *(f"innocent{number}" for number in range(30)))
    for hour in range(2, 5):
        thief.run("publish", "--now-ms", BEGUN_MS + (24 + hour) * HOUR_MS)
    sync(site.home.public, tmp_path / "client", root=pinned)
    assert head(site)["n"] == 34
    online = site.facts("keys", "show")["this_home"]
    shown = re.search(r"2\. Revoke.*?\n3\. ", PAGE, re.DOTALL)
    assert shown
    assert "publish` refuses" in shown[0]
    execute(site, "The online key is stolen", ONLINE_KEY_ID=online, LAST_GOOD=4)

    assert (head(site)["gen"], head(site)["n"], head(site)["seq"]) == (2, 4, 10)
    said = thief.run("publish", exit_code=3).stderr
    assert "not signed by this home's keys" in said
    assert sync(site.home.public, tmp_path / "client", root=pinned).seq == 10


def test_pruning(site: CommandLine) -> None:
    """A dry run, then the same; nothing of a young tree goes."""
    told, done = execute(site, "Pruning")

    assert told.startswith("would delete 0 files")
    assert done.startswith("deleted 0 files")


def test_wrong_usage(site: CommandLine) -> None:
    """What cannot be meant is refused before anything happens."""
    for words, says in (
        (["kill", "not an id", "--reason", "x"], "no video id"),
        (["kill", "video1", "--reason", " "], "must say something"),
        (["rollback", "--to", "0", "--reason", "x"], "range"),
        (["rollback", "--to", "1"], "--reason"),
        (["tombstone", "--reason", "x"], "KEY..."),
    ):
        assert says in site.run(*words, exit_code=2).stderr
    assert head(site)["seq"] == 4


def test_json_and_dry_runs(site: CommandLine) -> None:
    """Facts for machines; a dry run publishes nothing."""
    before = (site.home.public / "v1/head").read_bytes()
    old = oldest_verdicts(site)
    for words in (
        ["rollback", "--to", "1", "--reason", "x"],
        ["kill", "video1", "--reason", "x"],
        ["prune"],
        ["tombstone", old, "--reason", "x"],
        ["resume", "--reason", "x"],
    ):
        assert isinstance(site.facts(*words, "--dry-run"), dict)
    assert (site.home.public / "v1/head").read_bytes() == before
    assert site.facts("rollback", "--to", "1", "--reason", "x")["rows"] == 1
    assert site.facts("rollback", "--to", "1", "--reason", "x")["published"] is False
    assert site.facts("resume", "--reason", "x")["rows"] == 4
