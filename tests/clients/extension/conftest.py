"""One driver of browsers for all tests of this package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright, sync_playwright


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Starts browsers."""
    with sync_playwright() as started:
        yield started
