"""`realtube doctor` finds what is wrong and says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from data.home import Home
from data.log import schema
from publisher import doctor, keys
from tests.homes import CommandLine, new_home

FAR_FUTURE_MS = 4_102_444_800_000
"""2100-01-01."""


@pytest.fixture
def site(tmp_path: Path) -> CommandLine:
    """A home that has published one tick, its root keys offline."""
    made = new_home(tmp_path)
    made.run("import-votes", "-", stdin="cast_at_ms,voter_id,video_id,category\n1,ab,v1,fully_ai\n")
    made.run("publish")
    for name in keys.ROOT_KEYS:
        (tmp_path / "root-keys" / name).unlink()
    return made


def findings(site: CommandLine, exit_code: int) -> dict[str, Any]:
    """What doctor found, by the name of the check."""
    return {finding["name"]: finding for finding in site.facts("doctor", exit_code=exit_code)}


def test_a_healthy_home_is_all_ok(site: CommandLine) -> None:
    """Exit code 0, and nothing to do."""
    found = findings(site, 0)
    assert {finding["state"] for finding in found.values()} == {"ok"}
    assert {finding["advice"] for finding in found.values()} == {""}
    assert list(found) == [
        "python", "sqlite", "libraries", "home", "log file", "key file", "settings", "disk", "votes log", "schema",
        "online key", "root keys", "published", "clock",
    ]  # fmt: skip


def open_to_all(site: CommandLine) -> None:
    """Lets everyone read the online key."""
    site.home.online_key.chmod(0o644)


def bad_setting(site: CommandLine) -> None:
    """Writes a setting that no service takes."""
    site.home.settings.write_text("REALTUBE_MINIMUM_SCORE=many\n")


def another_key(site: CommandLine) -> None:
    """Puts a key in place that no root certifies."""
    site.home.online_key.unlink()
    keys.keep_or_make(site.home.online_key)


def no_key(site: CommandLine) -> None:
    """Loses the online key."""
    site.home.online_key.unlink()


def damaged_root(site: CommandLine) -> None:
    """Changes one byte of root 1."""
    path = site.home.roots / "1.json"
    path.write_bytes(path.read_bytes().replace(b'"threshold":2', b'"threshold":1'))


def no_log(site: CommandLine) -> None:
    """Loses the votes log."""
    site.home.votes_log.unlink()


def damaged_log(site: CommandLine) -> None:
    """Overwrites the middle of the votes log."""
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        log.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with site.home.votes_log.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 8 * 4096)


def newer_log(site: CommandLine) -> None:
    """Makes the log look as if a newer RealTube had written it."""
    with closing(sqlite3.connect(site.home.votes_log)) as log:
        log.execute("PRAGMA user_version = 99")


def another_log(site: CommandLine) -> None:
    """Gives the log another id."""
    with closing(sqlite3.connect(site.home.votes_log, isolation_level=None)) as log:
        log.execute("UPDATE log_identity SET log_id = ?", ("f" * 32,))


def damaged_head(site: CommandLine) -> None:
    """Cuts the head short."""
    (site.home.public / "v1/head").write_bytes(b"{}")


def forged_head(site: CommandLine) -> None:
    """Changes the head after it was signed."""
    path = site.home.public / "v1/head"
    path.write_bytes(path.read_bytes().replace(b'"seq":1', b'"seq":2'))


def future_vote(site: CommandLine) -> None:
    """Stores a vote from a time to come."""
    text = f"cast_at_ms,voter_id,video_id,category\n{FAR_FUTURE_MS},ab,v2,fully_ai\n"
    site.run("import-votes", "-", "--now-ms", FAR_FUTURE_MS, stdin=text)


BROKEN: list[tuple[Callable[[CommandLine], None], str, str, str]] = [
    (open_to_all, "key file", "mode 0644", "chmod 600"),
    (bad_setting, "settings", "REALTUBE_MINIMUM_SCORE must be a number, found 'many'", "correct the settings file"),
    (another_key, "online key", "root 1 does not certify it", "restore the online key"),
    (no_key, "online key", "online-key.pem", "from a backup"),
    (damaged_root, "online key", "root 1 needs 1 signatures of root keys, has 0", "from a backup"),
    (no_log, "votes log", "there is no votes log at", "from a backup"),
    (damaged_log, "votes log", "", "from a backup"),
    (newer_log, "schema", f"version 99, this RealTube has {schema.newest_version()}", "upgrade this RealTube"),
    (another_log, "published", f"not {'f' * 32}", "set REALTUBE_STORE to this home's store"),
    (damaged_head, "published", "a signed text needs", "realtube verify"),
    (forged_head, "published", "not signed by this home's keys", "set REALTUBE_STORE to this home's store"),
    (future_vote, "clock", "but the newest votes reach 2100-01-01T00:00:00.000Z", "set the clock"),
]


@pytest.mark.parametrize(("broken", "name", "found", "advice"), BROKEN)
def test_what_is_broken_fails(
    site: CommandLine, broken: Callable[[CommandLine], None], name: str, found: str, advice: str
) -> None:
    """The check that looks at it fails with what it found and what to do, and the command exits 1."""
    broken(site)
    finding = findings(site, 1)[name]
    assert finding["state"] == "fail"
    assert found in finding["found"]
    assert advice in finding["advice"]


def test_without_a_home_the_machine_is_checked(tmp_path: Path) -> None:
    """The first thing to do is to make one."""
    found = findings(CommandLine(Home(tmp_path / "var")), 1)
    assert list(found) == ["python", "sqlite", "libraries", "home"]
    assert found["home"]["advice"] == "run `realtube init`, or set REALTUBE_HOME"


def test_a_new_home_is_warned_of(tmp_path: Path) -> None:
    """Root keys beside the home and an empty store are no failure, but something to do."""
    found = findings(new_home(tmp_path), 0)
    warned = {name: finding["advice"] for name, finding in found.items() if finding["state"] == "warn"}
    assert warned == {"root keys": "move each to another offline place", "published": "run `realtube publish`"}


def test_people_get_a_list(site: CommandLine) -> None:
    """One line a check, and below it what to do."""
    open_to_all(site)
    lines = site.run("doctor", exit_code=1).stdout.splitlines()
    place = lines.index(f"fail  key file    {site.home.online_key}, mode 0644")
    assert lines[place + 1].strip() == f"-> others may read it: chmod 600 {site.home.online_key}"


@pytest.mark.parametrize(("free", "state"), [(10 << 30, "ok"), (1 << 30, "warn"), (100 << 20, "fail")])
def test_a_full_disk_fails(free: int, state: str) -> None:
    """Little room is a warning, none is a failure: the intake would refuse votes."""
    assert doctor.check_room(free).state == state


def test_a_stale_head_is_warned_of(site: CommandLine) -> None:
    """Past its expiry somebody forgot to publish."""
    text = (site.home.public / "v1/head").read_bytes()
    finding = doctor.check_store(site.home, text, FAR_FUTURE_MS)
    assert (finding.state, finding.advice) == ("warn", "run `realtube publish`")


def test_an_old_schema_is_no_failure() -> None:
    """The next writer brings it up to date."""
    assert doctor.check_schema(1, 2).state == "warn"


def test_a_missing_library_is_named() -> None:
    """With the command that installs it."""
    finding = doctor.check_libraries(["numpy", "no-such-distribution-of-realtube"])
    assert (finding.state, finding.found) == ("fail", "not installed: no-such-distribution-of-realtube")
