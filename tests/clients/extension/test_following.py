"""From an installation to marks on a page, and back: the record, votes, thresholds, what may not be shown."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Playwright

from publisher.operations.orders import Order
from tests.clients.extension.running import AI, FORGET, PEOPLE, VOICE, World, appoint, decided, now_ms, world
from tests.factories import DAY_MS

SLOWLY = """(() => {
    const send = chrome.runtime.sendMessage.bind(chrome.runtime);
    let late = true;
    chrome.runtime.sendMessage = async (message) => {
        const answer = await send(message);
        if (message.kind === 'look' && late) {
            late = false;
            await new Promise((done) => setTimeout(done, 600));
        }
        return answer;
    };
})()"""
"""Lets the next look's answer arrive late."""
IMAGE = "getComputedStyle(document.querySelector('[data-slot=%s] img')).%s"


def heads(running: World) -> int:
    """How often the head was asked for."""
    return sum(url.endswith("/v1/head") for url in running.requests)


def test_from_installation_to_retraction(playwright: Playwright, tmp_path: Path) -> None:
    """Installed, told the addresses, synced; hidden; voted through the button, published, shown; retracted, gone."""
    with world(playwright, tmp_path, configured=False) as running:
        for page in running.context.pages:
            page.wait_for_load_state()
        options = (
            next((page for page in running.context.pages if "options.html" in page.url), None) or running.options()
        )
        watched = running.open()
        assert watched.until(lambda marks: marks["ai"] is None)["voice"] is None
        assert heads(running) == 0

        options.bring_to_front()
        options.locator("#origins").fill(running.tree + "/\n")
        options.locator("#root").fill(running.root().upper())
        options.locator("#intake").fill(f"http://localhost:{running.intake.port}/")
        decided(options, fully_ai=("hide", 60))
        options.get_by_text("Up to date.").wait_for()
        assert "1 of 20" in options.locator("#figures").inner_text()

        watched.page.bring_to_front()
        mark = watched.shows("ai", "AI 97 %", "hide")
        assert mark["show"] == "Show"
        assert watched.page.locator("[data-slot=ai] img").is_hidden()
        assert watched.shows("voice", "AI voice 88 %", "badge")
        assert watched.shows("found", "AI 97 %", "hide")
        assert watched.shows("people", None)["vote"] == "AI?"

        watched.vote("beside", "ai_visuals")
        assert watched.until(lambda marks: marks["beside"]["vote"] == "You: AI pictures")["beside"]["badge"] is None
        running.until_named(options, "newvideo_01", ai_visuals=1)
        appoint(running.site, running.stored(options, "voter")["sentId"])
        running.publish()
        running.sync(options)
        watched.page.bring_to_front()
        watched.shows("beside", "AI pictures 88 %", "badge")

        watched.vote("beside", "retract")
        running.settle(options, 0, 0)
        watched.shows("beside", "AI pictures")
        running.publish()
        running.sync(options)
        watched.page.bring_to_front()
        assert watched.shows("beside", None)["vote"] == "AI?"
        assert running.named("newvideo_01") == {}


def test_thresholds_and_actions(playwright: Playwright, tmp_path: Path) -> None:
    """Each category's rule counts at once; what is asked for is shown; one's own counter-vote overrules."""
    with world(playwright, tmp_path) as running:
        watched, options = running.open(), running.options()
        watched.page.bring_to_front()
        watched.shows("ai", "AI 97 %", "badge")
        decided(options, fully_ai=("blur", 97), ai_voiceover=("hide", 89))
        watched.page.bring_to_front()
        watched.shows("ai", "AI 97 %", "blur")
        watched.shows("voice", None)
        assert "blur" in watched.page.evaluate(IMAGE % ("ai", "filter"))
        assert watched.page.evaluate(IMAGE % ("voice", "filter")) == "none"
        decided(options, fully_ai=("blur", 98), ai_voiceover=("hide", 88))
        watched.page.bring_to_front()
        watched.shows("ai", None)
        watched.shows("voice", "AI voice 88 %", "hide")
        assert watched.page.evaluate(IMAGE % ("ai", "filter")) == "none"

        watched.click("voice", ".show")
        assert watched.shows("voice", "AI voice 88 %", "badge")["show"] is None
        assert watched.page.locator("[data-slot=voice] img").is_visible()
        watched.vote("voice", "not_ai")
        assert watched.shows("voice", None, "none")["vote"].startswith("You: Made by people")
        running.until_named(options, VOICE, ai_voiceover=1, not_ai=1)

        watched.vote("people", "ai_voiceover")
        watched.click("people", "[data-choice=ai_thumbnails]")
        running.until_named(options, PEOPLE, not_ai=1, ai_voiceover=1, ai_thumbnails=1)
        watched.click("people", "[data-choice=ai_voiceover]")
        watched.until(lambda marks: marks["people"]["vote"] == "You: AI thumbnail")
        running.until_named(options, PEOPLE, not_ai=1, ai_thumbnails=1)


def test_a_late_answer_takes_no_vote_away(playwright: Playwright, tmp_path: Path) -> None:
    """What the worker answered before a vote, and arrives after it, does not undo the vote."""
    with world(playwright, tmp_path) as running:
        watched, options = running.open(), running.options()
        watched.page.bring_to_front()
        watched.shows("ai", "AI 97 %")
        watched.inside(SLOWLY)
        watched.inside("lookAtAll()")
        watched.page.wait_for_timeout(300)
        watched.vote("people", "ai_voiceover")
        watched.page.wait_for_timeout(600)
        watched.click("people", "[data-choice=ai_thumbnails]")
        running.until_named(options, PEOPLE, not_ai=1, ai_voiceover=1, ai_thumbnails=1)


def test_a_killed_video_shows_nothing(playwright: Playwright, tmp_path: Path) -> None:
    """No badge, no button, no vote of one's own, though its row and vote stand; it comes back when it is taken off."""
    with world(playwright, tmp_path) as running:
        watched, options = running.open(), running.options()
        decided(options, fully_ai=("hide", 50))
        watched.page.bring_to_front()
        watched.shows("ai", "AI 97 %", "hide")
        watched.vote("ai", "ai_visuals")
        running.settle(options, 1, 0)
        running.publish(Order(reason="court order", kill=frozenset({AI})))
        running.sync(options)
        watched.page.bring_to_front()
        marks = watched.until(lambda marks: marks["ai"] is None)
        assert marks["found"] is None
        assert watched.page.locator("[data-slot=ai] img").is_visible()
        assert watched.page.locator("[data-slot=ai]").get_attribute("data-realtube") is None
        assert "Withheld\n1" in options.locator("#figures").inner_text()

        running.publish(Order(reason="looked again", unkill=frozenset({AI})))
        running.publish(Order(reason="bad release", rollback_to=1))
        running.sync(options)
        options.get_by_text("The publisher keeps the rows of tick 1: bad release").wait_for()
        watched.page.bring_to_front()
        assert watched.shows("ai", "AI 97 %", "hide")["vote"] == "You: AI pictures"


def test_the_worker_is_ended_and_wakes(playwright: Playwright, tmp_path: Path) -> None:
    """An ended worker answers again, from what is stored and without a request; alarms sync only for who watches."""
    with world(playwright, tmp_path) as running:
        watched, options = running.open(), running.options()
        watched.page.bring_to_front()
        watched.shows("ai", "AI 97 %")
        asked = heads(running)
        for _ in range(2):
            running.end_worker()
            watched.page.bring_to_front()
            watched.page.reload()
            watched.shows("ai", "AI 97 %")
            watched.shows("voice", "AI voice 88 %")
        assert heads(running) == asked == 1

        options.evaluate("chrome.storage.local.set({lastSync: {at: Date.now() + 9e9}})")
        watched.page.bring_to_front()
        watched.page.reload()
        watched.shows("ai", "AI 97 %")
        options.wait_for_function("async () => (await chrome.storage.local.get('lastSync')).lastSync.at <= Date.now()")
        asked += 1
        assert heads(running) == asked
        options.evaluate(FORGET)

        ring = "chrome.alarms.create('sync', {when: Date.now()})"
        running.publish()
        running.end_worker()
        watched.page.close()
        options.evaluate(ring)
        options.wait_for_timeout(1500)
        assert heads(running) == asked
        watched = running.open()
        watched.shows("ai", "AI 97 %")
        options.evaluate(ring)
        watched.page.bring_to_front()
        options.get_by_text("2 of 20").wait_for(timeout=10_000)
        assert heads(running) == asked + 1


def test_old_rows_and_failures_are_told(playwright: Playwright, tmp_path: Path) -> None:
    """Rows of an expired head are marked as old; a tree that is gone or rolled back is told, and the rows stay."""
    with world(playwright, tmp_path, published_ms=now_ms() - 3 * DAY_MS) as running:
        watched, options = running.open(), running.options()
        watched.page.bring_to_front()
        watched.shows("ai", "AI 97 %")
        root = "chrome.dom.openOrClosedShadowRoot(document.querySelector('realtube-mark'))"
        assert "nothing newer is there" in watched.inside(f"{root}.querySelector('.badge.old').title")
        options.get_by_text("marks are shown as old").wait_for()

        old = (running.site.home.public / "v1/head").read_bytes()
        running.publish()
        running.sync(options)
        options.get_by_text("2 of 20").wait_for()
        assert options.get_by_text("marks are shown as old").count() == 0
        (running.site.home.public / "v1/head").write_bytes(old)
        options.evaluate("chrome.storage.local.remove('lastSync')")
        options.locator("#sync").click()
        options.get_by_text("The last sync failed (rollback)").wait_for()
        assert "2 of 20" in options.locator("#figures").inner_text()
        watched.page.bring_to_front()
        watched.page.reload()
        watched.shows("ai", "AI 97 %")
        assert watched.inside("document.querySelectorAll('realtube-mark').length") == len(watched.marks())
        options.locator("#sync").click()
        options.get_by_text("Synced just now. Again in").wait_for()
