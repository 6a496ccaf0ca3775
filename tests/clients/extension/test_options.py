"""The options page: on a phone and on a desk, light and dark, by keyboard, with wrong and hostile input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Playwright

from publisher.settings import PublisherSettings
from tests.clients.extension.running import world

WRONG = [
    "http://data.example.org",
    "data.example.org",
    "https://x.example/?q=1",
    "https://a:b@x.example",
    "ftp://x.example",
]
MARK = "chrome.dom.openOrClosedShadowRoot(document.querySelector('realtube-mark'))"
NAMELESS = """[...document.querySelectorAll('input, select, textarea, button')].filter(
    (one) => !one.labels?.length && !one.ariaLabel && !one.textContent).length"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
HOSTILE_WORDS = '<img src=x onerror="window.harmed = 1">'


def test_wrong_input_is_told(playwright: Playwright, tmp_path: Path) -> None:
    """What is no address or fingerprint is not saved; damaged settings are as at first; names are one form."""
    with world(playwright, tmp_path) as running:
        options = running.options()
        for wrong in WRONG:
            options.locator("#origins").fill(f"{running.tree}\n{wrong}")
            options.get_by_role("button", name="Save").click()
            assert wrong in options.locator("#origins-wrong").inner_text()
            assert options.evaluate("document.activeElement.id") == "origins"
        options.locator("#origins").fill(running.tree)
        options.locator("#root").fill("abc")
        options.locator("#intake").fill("localhost:8080")
        options.get_by_role("button", name="Save").click()
        assert options.locator("[aria-invalid=true]").count() == 2
        assert running.stored(options, "settings") is None
        options.locator("#root").fill("")
        options.locator("#intake").fill(" https://votes.example.org/a/ ")
        options.evaluate("chrome.permissions.request = (asked) => { window.asked = asked; }")
        options.get_by_role("button", name="Allow access").click()
        assert options.evaluate("asked.origins") == ["http://127.0.0.1/*", "https://votes.example.org/*"]
        options.get_by_role("button", name="Save").click()
        options.get_by_text("Saved.").wait_for()
        kept = running.stored(options, "settings")
        assert (kept["origins"], kept["root"], kept["intake"]) == ([running.tree], "", "https://votes.example.org/a")
        options.get_by_text("no root is pinned").wait_for()

        rules: list[Any] = [
            None, 7, [], {"origins": 7}, {"origins": ["javascript:alert(1)"], "categories": {"fully_ai": 3}},
            {"categories": {"fully_ai": {"action": "constructor", "from": 101}, "ai_visuals": {"from": "5"}}},
        ]  # fmt: skip
        read = "async (stored) => (await import('/src/settings.js')).asSettings(stored)"
        for stored in rules:
            settings = options.evaluate(read, stored)
            assert settings["categories"]["fully_ai"] == {"action": "badge", "from": 50}
            assert settings["origins"] in ([], [running.tree])


def test_by_keyboard_alone(playwright: Playwright, tmp_path: Path) -> None:
    """A rule is changed and saved, and a vote is cast and taken back, without a mouse."""
    with world(playwright, tmp_path) as running:
        options, watched = running.options(), running.open()
        options.bring_to_front()
        options.locator("#sync").focus()
        options.keyboard.press("Tab")
        assert options.evaluate("document.activeElement.id") == "action-fully_ai"
        options.keyboard.press("ArrowDown")
        options.keyboard.press("Tab")
        options.keyboard.press("End")
        assert options.get_by_text("100 %").is_visible()
        options.keyboard.press("Home")
        options.locator("#root").press("Enter")
        options.get_by_text("Saved.").wait_for()
        assert running.stored(options, "settings")["categories"]["fully_ai"] == {"action": "blur", "from": 17}

        watched.page.bring_to_front()
        watched.shows("ai", "AI 97 %", "blur")
        keyboard = watched.page.keyboard
        for _ in range(4):  # thumbnail, title, channel, then the mark
            keyboard.press("Tab")
        keyboard.press("Enter")
        chosen = (
            "chrome.dom.openOrClosedShadowRoot(document.querySelector('realtube-mark')).activeElement.dataset.choice"
        )
        assert watched.inside(chosen) == "fully_ai"
        for key, choice in {"ArrowUp": "not_ai", "ArrowDown": "fully_ai", "End": "not_ai", "Home": "fully_ai"}.items():
            keyboard.press(key)
            assert (key, watched.inside(chosen)) == (key, choice)
        keyboard.press("ArrowDown")
        keyboard.press("Enter")
        watched.until(lambda marks: marks["ai"]["vote"] == "You: AI voice")
        keyboard.press("End")
        keyboard.press("Enter")
        watched.until(lambda marks: marks["ai"]["vote"] == "AI?")
        keyboard.press("Tab")
        keyboard.press("Enter")
        watched.shows("ai", "AI 97 %", "badge")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_on_every_screen(playwright: Playwright, tmp_path: Path, width: int, scheme: str) -> None:
    """Nothing is wider than the window, every field has a name, and what strangers wrote is text."""
    shape: dict[str, Any] = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with world(playwright, tmp_path, **shape) as running:
        running.site.settings = PublisherSettings(sunset="2030-01-02", sunset_see=f"https://next.example/{'x' * 90}")
        running.publish()
        options = running.options()
        running.sync(options)
        options.get_by_text("see https://next.example/").wait_for()
        last = running.stored(options, "lastSync")
        last["report"]["warnings"] = [HOSTILE_WORDS]
        options.evaluate("(lastSync) => chrome.storage.local.set({lastSync})", last)
        options.get_by_text(HOSTILE_WORDS).wait_for()
        assert options.evaluate("window.harmed === undefined && document.images.length === 1")
        assert options.evaluate(OVERFLOW) == 0
        background = options.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(20, 20, 24)" if scheme == "dark" else "rgb(246, 246, 249)")
        assert options.evaluate(NAMELESS) == 0
        watched = running.open()
        watched.shows("ai", "AI 97 %")
        watched.click("ai", ".vote")
        box = json.loads(watched.inside(f"JSON.stringify({MARK}.querySelector('.menu').getBoundingClientRect())"))
        assert box["left"] >= 0
        assert box["right"] <= width
        assert watched.page.evaluate(OVERFLOW) == 0
