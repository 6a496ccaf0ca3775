"""`realtube browse` as a command: it shows the newest tick, follows the head, and ends when told to."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.factories import START_MS, busy_site, new_site
from tests.homes import CommandLine
from tests.publisher.browsable import browsing


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """A command that runs in this process leaves its signal handling behind: ours come back."""
    ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, answer in ours.items():
        signal.signal(number, answer)


def test_it_follows_the_head(tmp_path: Path) -> None:
    """A new tick appears by itself; while a head cannot be read the old tick stays; SIGTERM ends it all."""
    site = busy_site(tmp_path)
    with browsing(site) as running:
        assert b"Tick 5," in running.read("/")
        head = site.home.public / "v1/head"
        whole = head.read_bytes()
        head.write_bytes(b"half a he")
        assert running.process.stderr is not None
        assert running.process.stderr.readline().startswith("a new tick cannot be shown yet: a signed text needs")
        assert b"Tick 5," in running.read("/")
        head.write_bytes(whole)
        site.publish(START_MS + 10**9)
        assert running.next_facts()["seq"] == 6
        assert b"Tick 6," in running.read("/")
        assert json.loads(running.read("/browse/ticks.json?_shape=array&_size=1"))[0]["seq"] == 6
    assert running.process.returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", urlsplit(running.url).port or 0)) != 0


def test_build_only(tmp_path: Path) -> None:
    """`--build-only` builds the file and ends; a second call has nothing to do."""
    home = CommandLine(busy_site(tmp_path).home)
    path = home.home.cache / "browse.db"

    assert home.facts("browse", "--build-only") == {
        "seq": 5, "database": str(path), "bytes": path.stat().st_size, "built": True,
    }  # fmt: skip
    assert home.run("browse", "--build-only").stdout == f"tick 5 was already in {path}\n"


def test_before_the_first_tick(tmp_path: Path) -> None:
    """Without a published tick it fails, and says what to do."""
    home = CommandLine(new_site(tmp_path).home)

    assert "run `realtube publish`" in home.run("browse", exit_code=1).stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """A taken port is named, before anything is started."""
    home = CommandLine(busy_site(tmp_path).home)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = home.run("browse", "--port", port, exit_code=1).stderr

    assert f"127.0.0.1 port {port} cannot be used (Address already in use): choose another --port" in told
