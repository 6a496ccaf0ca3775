"""Debian's Chromium, and a page with the client in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.tree_server import TreeServer, serve_tree
from tests.clients.js.running import CLIENT, Running


@pytest.fixture(scope="session")
def modules() -> Iterator[TreeServer]:
    """The client's files over HTTP."""
    with serve_tree(CLIENT) as server:
        yield server


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this package."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def page(chromium: Browser, modules: TreeServer) -> Page:
    """One page for all tests of this package: what a test stores it puts under a name of its own."""
    page = chromium.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{modules.url}/package.json")
    return page


@pytest.fixture
def js(page: Page, modules: TreeServer) -> Iterator[Running]:
    """A new worker."""
    running = Running(page, modules)
    yield running
    running.stop()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[TreeServer]:
    """A server of the folder that the test's tree is in."""
    (tmp_path / "tree").mkdir()
    with serve_tree(tmp_path / "tree") as server:
        yield server
