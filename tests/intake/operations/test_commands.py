"""The restore drill: a server under load, a backup, the worst, a restore, and on it goes."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import START_MS, Site, new_site, vote
from tests.homes import PROJECT, CommandLine, new_home
from tests.intake.crowd import Crowd, logged
from tests.intake.serving import Server, StartServer, environment, servers


async def back_up_under_load(server: Server, site: Site, target: Path, crowd: Crowd) -> set[int]:
    """Votes, backs the log up meanwhile, then kills the server; gives the votes answered before the backup began."""
    voting = asyncio.create_task(crowd.vote())
    while len(crowd.answered) < 300 and not voting.done():
        await asyncio.sleep(0.005)
    before = set(crowd.answered)
    command = [sys.executable, str(PROJECT / "cli.py"), "backup", str(target)]
    copying = await asyncio.create_subprocess_exec(*command, env=environment(site), stdout=subprocess.PIPE)
    said, _ = await copying.communicate()
    assert copying.returncode == 0, said
    assert b", checked" in said
    server.process.kill()
    await voting
    return before


def test_the_restore_drill(tmp_path: Path) -> None:
    """Every vote that was answered before the backup began is there again, is served, and is published."""
    line = new_home(tmp_path)
    site, target, crowd = new_site(tmp_path / "keys of its own"), tmp_path / "copy.db", Crowd(0, 0)
    site.home = line.home
    with servers(site) as start:
        server = start(vote_timeout_s=30)
        crowd.port = server.port
        before = asyncio.run(back_up_under_load(server, site, target, crowd))
        assert server.process.wait(10) == -signal.SIGKILL
    assert set(crowd.answered.values()) == {200}
    for path in line.home.directory.glob("votes.db*"):
        path.unlink()
    line.home.standing.write_bytes(b"of another log")

    restored = line.facts("restore", target)
    assert before <= set(logged(site)) <= set(range(crowd.sent))
    assert set(logged(site).values()) == {1}
    assert restored["last_position"] == len(logged(site))
    assert (restored["kept_aside"], restored["store_is_ahead"]) == (None, False)
    assert not line.home.standing.exists()
    with servers(site) as start:
        again = start()
        number = min(before)
        assert json.loads(again.get(f"/api/videos?videoId=v{number % 97}"))["totalVotes"] >= 1
        assert again.end(signal.SIGTERM) == (0, "")
    line.run("publish")
    assert line.facts("publish")["through_position"] == restored["last_position"]


def test_a_server_keeps_its_log(site: Site, start: StartServer, tmp_path: Path) -> None:
    """As long as a server runs, even one without a vote, nothing is put in its log's place: exit code 75."""
    line, target = CommandLine(site.home), tmp_path / "copy.db"
    site.cast(vote(1, "a", "fully_ai"))
    line.run("backup", target)
    server = start()
    refused = line.run("restore", "--replace", target, exit_code=75)
    assert "is in use: stop `realtube serve`" in refused.stderr
    assert server.end(signal.SIGTERM) == (0, "")
    kept = Path(line.facts("restore", "--replace", target)["kept_aside"])

    assert kept.name.startswith("votes.db.replaced-20")
    assert kept.exists()


def test_restore_says_what_to_do_next(site: Site, tmp_path: Path) -> None:
    """Without --replace a log stays; with an older log than was published it says that publishing will be refused."""
    line, target = CommandLine(site.home), tmp_path / "copy.db"
    site.cast(vote(1, "a", "fully_ai"))
    line.run("backup", target)
    site.cast(vote(2, "a", "fully_ai"))
    site.publish(START_MS)
    assert "--replace keeps it aside" in line.run("restore", target, exit_code=1).stderr
    said = line.run("restore", "--replace", target).stdout

    assert "published through position 2, the log ends at 1" in said
    assert "set REALTUBE_STORE to an empty store" in " ".join(said.split())
    assert "-> `realtube init` completes the home" in said, "this home was made without keys"
    assert "`realtube publish` goes on" not in said
    with pytest.raises(Exception, match="ahead of the votes log"):
        site.publish(START_MS + 1)


def test_a_home_without_a_log_has_no_backup(tmp_path: Path) -> None:
    """What is not there is told, and nothing is written."""
    line = new_home(tmp_path)
    shutil.rmtree(line.home.directory)
    assert "there is no votes log" in line.run("backup", tmp_path / "copy.db", exit_code=1).stderr
    assert not (tmp_path / "copy.db").exists()
