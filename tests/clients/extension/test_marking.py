"""The rule that says what becomes of a video, by itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from benchmarks.tree_server import serve_tree
from tests.clients.extension.running import PACK

CATEGORIES = ("fully_ai", "ai_voiceover", "ai_visuals", "ai_thumbnails", "ai_assisted")
RULES = {
    "fully_ai": {"action": "blur", "from": 50},
    "ai_voiceover": {"action": "hide", "from": 90},
    "ai_visuals": {"action": "badge", "from": 20},
    "ai_thumbnails": {"action": "none", "from": 17},
}
MARK = """async ([verdict, own, settings]) => {
    const {markOf} = await import('/src/marking.js');
    const {asSettings} = await import('/src/settings.js');
    return markOf('x', verdict, own, asSettings(settings));
}"""


@pytest.fixture(scope="module")
def page(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page that can import the extension's modules."""
    unpacked = tmp_path_factory.mktemp("marking") / "extension"
    subprocess.run([sys.executable, PACK, unpacked], check=True)
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    with serve_tree(unpacked) as server:
        page = browser.new_page()
        page.goto(f"{server.url}/manifest.json")
        yield page
    browser.close()


def verdict(score: int, *flagged: str, **more: bool) -> dict[str, Any]:
    """A verdict as the client gives it."""
    flags = {name: name in flagged for name in CATEGORIES}
    return {"id": "x", "score": score, "flags": flags, "locked": False, "priorOnly": False, "hidden": False} | more


@pytest.mark.parametrize(
    ("score", "flagged", "action", "categories"),
    [
        (50, ["fully_ai"], "blur", ["fully_ai"]),
        (49, ["fully_ai"], "none", []),
        (90, ["ai_visuals", "ai_voiceover", "ai_thumbnails"], "hide", ["ai_voiceover", "ai_visuals"]),
        (89, ["ai_visuals", "ai_voiceover"], "badge", ["ai_visuals"]),
        (100, ["ai_thumbnails"], "none", []),
        (50, [], "blur", ["fully_ai"]),
        (49, [], "none", []),
    ],
)
def test_thresholds(page: Page, score: int, flagged: list[str], action: str, categories: list[str]) -> None:
    """A flag counts from its threshold on, and the strongest rule decides; a row without flags is judged as a whole."""
    mark = page.evaluate(MARK, [verdict(score, *flagged), None, {"categories": RULES}])
    assert (mark["action"], mark["categories"]) == (action, categories)
    assert mark["score"] == (None if action == "none" else score)


def test_a_prior_alone_is_badged_at_most(page: Page) -> None:
    """What only the channel speaks against is shown when asked for, as such, whatever the rules say."""
    rules = {name: {"action": "hide", "from": 17} for name in CATEGORIES}
    lifted = verdict(49, "fully_ai", priorOnly=True)
    mark = page.evaluate(MARK, [lifted, None, {"categories": rules}])
    assert (mark["action"], mark["channelOnly"], mark["score"]) == ("none", False, None)
    mark = page.evaluate(MARK, [lifted, None, {"categories": rules, "channels": True}])
    assert (mark["action"], mark["channelOnly"], mark["score"], mark["categories"]) == ("badge", True, 49, [])


def test_own_votes(page: Page) -> None:
    """One's own counter-vote takes every mark away, another vote changes nothing; a hidden video has none."""
    settings, certain = {"categories": RULES}, verdict(100, "fully_ai", locked=True)
    people = {"categories": ["not_ai"], "state": "waiting"}
    voice = {"categories": ["ai_voiceover"], "state": "sent"}
    mark = page.evaluate(MARK, [certain, people, settings])
    assert (mark["action"], mark["own"], mark["score"]) == ("none", people, None)
    mark = page.evaluate(MARK, [certain, voice, settings])
    assert (mark["action"], mark["own"], mark["locked"]) == ("blur", voice, True)
    assert page.evaluate(MARK, [None, voice, settings])["action"] == "none"
    hidden = page.evaluate(MARK, [verdict(100, "fully_ai", hidden=True), voice, settings])
    assert (hidden["hidden"], hidden["own"], hidden["score"], hidden["action"]) == (True, None, None, "none")
