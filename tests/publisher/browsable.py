"""The browsable database and the running `realtube browse`, for tests."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from publisher.research import site as sites
from tests.factories import Site
from tests.homes import PROJECT, CommandLine

Row = dict[str, Any]


def build(site: Site, path: Path) -> bool:
    """Builds the newest tick."""
    source = sites.newest(site.store)
    assert source is not None
    return sites.build(site.store, source, path)


def rows(path: Path, query: str) -> list[Row]:
    """Asks the database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


@dataclass
class Browsing:
    """A running `realtube browse`."""

    process: subprocess.Popen[str]
    url: str
    facts: dict[str, Any]

    def read(self, path: str) -> bytes:
        """The body of a page."""
        with urlopen(self.url + path, timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def next_facts(self) -> dict[str, Any]:
        """What it prints when it shows another tick."""
        assert self.process.stdout is not None
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told


@contextmanager
def browsing(site: Site) -> Iterator[Browsing]:
    """Runs the command on a free port until the test is done, then asks it to end as a service manager would."""
    command = [sys.executable, "-c", "import cli; cli.main()", "browse", "--port", "0", "--json"]
    environment = CommandLine(site.home).environment()
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            facts = json.loads(process.stdout.readline())
            yield Browsing(process, facts["url"].rstrip("/"), facts)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
