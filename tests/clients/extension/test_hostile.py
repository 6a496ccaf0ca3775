"""Pages that change under the marks, and pages that mean harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright

from tests.clients.extension.running import AI, Watched, World, world

ADD = """(slots) => {
    for (const [slot, name, href, attributes] of slots) {
        const item = document.createElement(name);
        item.dataset.slot = slot;
        for (const [key, value] of Object.entries(attributes ?? {})) item.setAttribute(key, value);
        const link = document.createElement('a');
        if (href !== null) link.setAttribute('href', href);
        link.append(document.createElement('img'));
        item.append(link);
        document.querySelector('#grid').append(item);
    }
}"""
TURN = "([slot, href]) => document.querySelector(`[data-slot=${slot}] a`).setAttribute('href', href)"
HARMLESS = "window.harmed === undefined && document.querySelectorAll('#harm, realtube-mark *').length === 0"

HOSTILE_LINKS = [
    "/watch?v=<img src=x id=harm onerror=harmed=1>",
    "/watch?v=%3Cimg%20src%3Dx%20id%3Dharm%20onerror%3Dharmed%3D1%3E",
    "/watch?v=" + "A" * 17,
    "/watch?v=",
    "/watch",
    "/watch?v=AIvideo0001%00",
    "/watch?x=AIvideo0001",
    "/shorts/",
    "/shorts/AIvideo0001/../../x",
    "/shorts/%41Ivideo0001",
    "/embed/AIvideo0001",
    "javascript:harmed=1//watch?v=AIvideo0001",
    "data:text/html,/watch?v=AIvideo0001",
    "https://elsewhere.example/watch?v=AIvideo0001",
    "//elsewhere.example/watch?v=AIvideo0001",
    "http://[/watch?v=AIvideo0001",
    "__proto__",
]


@pytest.fixture(scope="module")
def running(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for pages that only look."""
    with world(playwright, tmp_path_factory.mktemp("hostile")) as running:
        yield running


def added(watched: Watched, *slots: tuple[object, ...]) -> None:
    """More videos on the page."""
    watched.page.evaluate(ADD, [list(slot) for slot in slots])


def test_pages_that_change(running: World) -> None:
    """Items that come later, become another video, lose it, move, are nested, or are wiped, show the right mark."""
    watched = running.open()
    watched.shows("ai", "AI 97 %")
    added(
        watched,
        ("later", "ytd-compact-video-renderer", f"/watch?v={AI}&t=1"),
        ("bare", "ytd-compact-video-renderer", None),
        ("absolute", "ytd-rich-item-renderer", f"{running.pages}/watch?list=x&v={AI}"),
        ("other", "ytd-other-renderer", f"/watch?v={AI}"),
    )
    watched.shows("later", "AI 97 %")
    watched.shows("absolute", "AI 97 %")
    assert watched.marks()["bare"] is watched.marks()["other"] is None
    watched.page.evaluate(TURN, ["bare", f"/shorts/{AI}"])
    watched.shows("bare", "AI 97 %")

    watched.page.evaluate(TURN, ["later", "/watch?v=voicevideo2"])
    watched.shows("later", "AI voice 88 %")
    watched.page.evaluate(TURN, ["later", "/watch?v=unknownvid1"])
    assert watched.shows("later", None)["vote"] == "AI?"
    watched.page.evaluate(TURN, ["later", "/feed"])
    watched.until(lambda marks: marks["later"] is None)

    watched.page.evaluate("document.querySelectorAll('realtube-mark').forEach((mark) => mark.remove())")
    watched.shows("ai", "AI 97 %")
    watched.page.evaluate("document.querySelector('#grid').prepend(document.querySelector('[data-slot=ai]'))")
    watched.shows("ai", "AI 97 %")
    inner = "document.querySelector('[data-slot=ai]').append(document.querySelector('[data-slot=found]'))"
    watched.page.evaluate(inner)
    watched.page.wait_for_timeout(300)
    assert watched.page.locator("[data-slot=ai] > realtube-mark").count() == 1

    watched.page.evaluate("history.pushState(null, '', '/shorts/voicevideo2')")
    added(watched, ("reel", "ytd-reel-video-renderer", None, {"is-active": ""}))
    added(watched, ("next", "ytd-reel-video-renderer", None))
    watched.shows("reel", "AI voice 88 %")
    assert watched.marks()["next"] is None


def test_many_items_at_once(running: World) -> None:
    """Three thousand items get their marks, with a few messages, while the page stays usable."""
    watched = running.open()
    watched.shows("ai", "AI 97 %")
    many = [(f"s{number}", "ytd-rich-item-renderer", f"/watch?v=v{number:010}") for number in range(2999)]
    added(watched, *many, ("last", "ytd-rich-item-renderer", f"/watch?v={AI}"))
    watched.shows("last", "AI 97 %")
    watched.until(lambda marks: all(marks.values()))
    assert watched.page.evaluate("new Promise((done) => requestAnimationFrame(() => done(true)))")


def test_hostile_pages(running: World) -> None:
    """Links that are no videos get no mark and run nothing; scripts neither see marks nor vote; wrong messages end."""
    watched, options = running.open(), running.options()
    watched.page.bring_to_front()
    watched.shows("ai", "AI 97 %")
    links = [(f"h{place}", "ytd-rich-item-renderer", link) for place, link in enumerate(HOSTILE_LINKS)]
    added(watched, *links, ("good", "ytd-rich-item-renderer", f"/watch?v={AI}", {"data-realtube": "hide"}))
    watched.shows("good", "AI 97 %", "badge")
    assert {slot for slot, mark in watched.marks().items() if slot.startswith("h") and mark} == set()
    assert watched.page.evaluate(HARMLESS)

    pressed = """() => {
        const mark = document.querySelector('realtube-mark');
        for (const type of ['pointerdown', 'mousedown', 'click']) mark.dispatchEvent(new MouseEvent(type));
        mark.click();
        return [mark.shadowRoot, mark.textContent, mark.attributes.length];
    }"""
    assert watched.page.evaluate(pressed) == [None, "", 1]
    assert watched.page.evaluate("typeof chrome.runtime?.sendMessage + typeof idOfItem") == "undefinedundefined"
    click = "chrome.dom.openOrClosedShadowRoot(document.querySelector('realtube-mark')).querySelector('%s').click()"
    watched.inside(click % "[data-choice=fully_ai]")
    options.wait_for_timeout(300)
    assert running.stored(options, "votes") is None

    for message in (
        "{kind: 'vote', id: '../x', categories: ['fully_ai']}",
        "{kind: 'vote', id: 'x', categories: ['fully_ai', 'not_ai']}",
        "{kind: 'vote', id: 'x', categories: ['anything']}",
        "{kind: 'vote', id: 'x', categories: 'fully_ai'}",
        "{kind: 'vote', id: 7, categories: []}",
    ):
        assert watched.inside(f"chrome.runtime.sendMessage({message})") == {"taken": False}
    for message in ("{kind: 'sync'}", "{kind: 'status'}", "{kind: 'constructor'}", "null", "7", "[]"):
        assert watched.inside(f"chrome.runtime.sendMessage({message}).catch(() => 'nobody')") in (None, "nobody")
    looked = watched.inside("chrome.runtime.sendMessage({kind: 'look', ids: ['<b>', 7, null, 'x', {}]})")
    assert [mark["id"] for mark in looked["marks"]] == ["x"]
    assert running.stored(options, "votes") is None
    running.complaints.clear()  # of the page's own broken images
