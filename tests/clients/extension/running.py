"""A browser with the extension in it, a page with the site's element names, a real intake and a real published tree."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright

from benchmarks.tree_server import serve_tree
from data.log.append import Decision
from publisher.operations.orders import NOTHING, Order
from publisher.run import publish
from tests.clients.signing import sha256
from tests.factories import Site, new_site, vote
from tests.homes import PROJECT
from tests.intake.serving import Server, servers

HERE = Path(__file__).parent
PACK = PROJECT / "clients/extension/pack"
WAIT_MS = 15_000
AI, VOICE, PEOPLE = "AIvideo0001", "voicevideo2", "peoplevideo"
"""Of the first tick: scores 97, 88 and none."""

LOOK = """(() => {
    const marks = {};
    for (const item of document.querySelectorAll('[data-slot]')) {
        const host = item.querySelector(':scope > realtube-mark');
        const root = host && chrome.dom.openOrClosedShadowRoot(host);
        const text = (name) => {
            const found = root && root.querySelector(name);
            return found && !found.hidden ? found.textContent : null;
        };
        marks[item.dataset.slot] = host
            ? {action: host.dataset.action, badge: text('.badge'), vote: text('.vote'), show: text('.show')} : null;
    }
    return marks;
})()"""
PLACE = """(() => {
    const host = document.querySelector('[data-slot=%s] > realtube-mark');
    const found = chrome.dom.openOrClosedShadowRoot(host).querySelector(%s);
    found.scrollIntoView({block: 'nearest'});
    const {left, top, width, height} = found.getBoundingClientRect();
    return {x: left + width / 2, y: top + height / 2, width};
})()"""
FORGET = """async () => {
    const {lastSync} = await chrome.storage.local.get('lastSync');
    if (lastSync) await chrome.storage.local.set({lastSync: {...lastSync, at: lastSync.at - 120_000}});
}"""


def now_ms() -> int:
    """The browser's clock."""
    return int(time.time() * 1000)


@dataclass
class World:
    """The site's pages, the intake, the tree and the browser."""

    site: Site
    intake: Server
    context: BrowserContext
    pages: str
    """Address of the site's pages."""
    tree: str
    extension: str
    """Address of the extension's files."""
    known: set[str] = field(default_factory=set)
    """More addresses that may be asked."""
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What was written to a console as an error, where nothing should be."""

    def hear(self, said: ConsoleMessage) -> None:
        """Keeps errors."""
        if said.type == "error":
            self.complaints.append(said.text)

    def publish(self, order: Order = NOTHING) -> None:
        """A tick now, with what a person orders."""
        site = self.site
        publish(site.home, site.store, site.signer, site.settings, now_ms=now_ms(), order=order)

    def root(self) -> str:
        """The fingerprint of root 1."""
        return sha256((self.site.home.public / "v1/root/1.json").read_bytes())

    def open(self, name: str = "page.html") -> Watched:
        """A page of the site."""
        page = self.context.new_page()
        page.goto(f"{self.pages}/{name}")
        return Watched(page)

    def options(self) -> Page:
        """The options page."""
        page = self.context.new_page()
        page.goto(f"{self.extension}/options/options.html")
        page.locator("#figures dd").first.wait_for()
        return page

    def sync(self, options: Page) -> None:
        """Presses the button, as if the last sync was a while ago."""
        options.evaluate(FORGET)
        options.locator("#sync").click()
        options.get_by_text("Up to date.").wait_for()

    def settle(self, options: Page, sent: int, waiting: int) -> None:
        """Waits until so many votes are sent and wait."""
        options.get_by_text(f"{sent} sent, {waiting} waiting").wait_for()

    def stored(self, options: Page, name: str) -> Any:
        """What the extension stores under a name."""
        return options.evaluate("async (name) => (await chrome.storage.local.get(name))[name]", name)

    def named(self, video_id: str) -> dict[str, int]:
        """How often each category stands at the intake; of what it knows nothing of, none."""
        try:
            found = json.loads(self.intake.get(f"/api/videos?videoId={video_id}&include=not_ai"))
        except HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return {}
        return {category: facts["votes"] for category, facts in found["categories"].items()}

    def until_named(self, options: Page, video_id: str, **expected: int) -> None:
        """Waits until each category stands so often, and no other one at all."""
        named: dict[str, int] = {}
        for _ in range(WAIT_MS // 100):
            named = self.named(video_id)
            if named == expected:
                return
            options.wait_for_timeout(100)
        raise AssertionError(named)

    def end_worker(self) -> None:
        """Ends the service worker, as the browser does when it was idle."""
        page = self.context.new_page()
        page.goto("chrome://serviceworker-internals/")
        page.get_by_text("Stop", exact=True).first.click()
        page.get_by_text("Running Status: STOPPED").first.wait_for()
        page.close()


@dataclass
class Watched:
    """A page of the site, with the extension's marks on it."""

    page: Page
    contexts: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find the world in which the content scripts run."""
        self.cdp = self.page.context.new_cdp_session(self.page)
        self.cdp.on("Runtime.executionContextCreated", lambda event: self.contexts.append(event["context"]))
        self.cdp.on("Runtime.executionContextsCleared", lambda _: self.contexts.clear())
        self.cdp.send("Runtime.enable")

    def inside(self, expression: str) -> Any:
        """What an expression gives among the content scripts."""
        ours: list[dict[str, Any]] = []
        for _ in range(WAIT_MS // 50):
            ours = [one for one in self.contexts if one["origin"].startswith("chrome-extension://")]
            if ours:
                break
            self.page.wait_for_timeout(50)
        told = self.cdp.send(
            "Runtime.evaluate",
            {"expression": expression, "contextId": ours[-1]["id"], "returnByValue": True, "awaitPromise": True},
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def marks(self) -> dict[str, Any]:
        """What every slot shows."""
        return cast(dict[str, Any], self.inside(LOOK))

    def until(self, right: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Waits until the marks are right."""
        marks: dict[str, Any] = {}
        for _ in range(WAIT_MS // 50):
            marks = self.marks()
            if right(marks):
                return marks
            self.page.wait_for_timeout(50)
        raise AssertionError(marks)

    def shows(self, slot: str, badge: str | None, action: str | None = None) -> dict[str, Any]:
        """Waits until a slot has a badge that begins so, or none."""

        def right(marks: dict[str, Any]) -> bool:
            mark = marks[slot]
            if mark is None or (action or mark["action"]) != mark["action"]:
                return False
            text = mark["badge"]
            return text is None if badge is None else text is not None and text.startswith(badge)

        return cast(dict[str, Any], self.until(right)[slot])

    def click(self, slot: str, inside: str) -> None:
        """A real click on something in a mark, given as a selector."""
        place = self.inside(PLACE % (slot, json.dumps(inside)))
        assert place["width"] > 0
        self.page.mouse.click(place["x"], place["y"])

    def vote(self, slot: str, choice: str) -> None:
        """Chooses in the menu; opens it when it is closed."""
        if not self.inside(f"({PLACE % (slot, json.dumps('.menu'))}).width"):
            self.click(slot, ".vote")
        self.click(slot, f"[data-choice={choice}]")


@contextmanager
def world(
    playwright: Playwright, directory: Path, *, configured: bool = True, published_ms: int = 0, **more: Any
) -> Iterator[World]:
    """Everything, running; at the end nobody else was asked for anything and nothing complained."""
    site = new_site(directory)
    site.appoint(1)
    before_ms = now_ms() - 60_000
    site.cast(*(vote(voter, AI, "fully_ai", at_ms=before_ms) for voter in range(1, 10)))
    site.cast(vote(1, VOICE, "ai_voiceover", at_ms=before_ms), vote(1, PEOPLE, "not_ai", at_ms=before_ms))
    site.publish(published_ms or now_ms())
    (directory / "pages").mkdir()
    shutil.copy(HERE / "page.html", directory / "pages")
    with ExitStack() as stack:
        pages = stack.enter_context(serve_tree(directory / "pages", "localhost")).url.replace("127.0.0.1", "localhost")
        tree = stack.enter_context(serve_tree(site.home.public)).url
        intake = stack.enter_context(servers(site))(min_free_mb=0)
        running = World(site, intake, None, pages, tree, "")  # type: ignore[arg-type]
        known = ("--origin", tree, "--root", running.root(), "--intake", f"http://localhost:{intake.port}")
        unpacked = directory / "extension"
        subprocess.run(
            [sys.executable, PACK, unpacked, "--match", f"{urlsplit(pages).scheme}://localhost/*", *known * configured],
            check=True,
        )
        loaded = (f"--disable-extensions-except={unpacked}", f"--load-extension={unpacked}")
        shape = {"viewport": {"width": 1280, "height": 900}} | more
        running.context = playwright.chromium.launch_persistent_context(
            directory / "profile",
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--headless=new", *loaded],
            **shape,
        )
        stack.callback(running.context.close)
        running.context.set_default_timeout(WAIT_MS)
        running.context.on(
            "console", lambda said: running.complaints.append(said.text) if said.type == "error" else None
        )
        running.context.on("weberror", lambda error: running.complaints.append(str(error.error)))
        running.context.on("request", lambda request: running.requests.append(request.url))
        workers = running.context.service_workers
        worker = workers[0] if workers else running.context.wait_for_event("serviceworker", timeout=WAIT_MS)
        running.extension = worker.url.removesuffix("/src/worker.js")
        yield running
        assert running.complaints == []
        running.known |= {running.pages, tree, running.extension, f"http://localhost:{intake.port}"}
        ours = {urlsplit(url).netloc for url in running.known}
        asked = {urlsplit(url).netloc for url in running.requests if not url.startswith(("data:", "chrome:"))}
        assert asked <= ours


def appoint(site: Site, voter_id: str) -> None:
    """Makes an installation's voter a moderator, whose word counts much."""
    site.decide(Decision(now_ms(), "moderator_add", "tests", "tests", voter_id=voter_id))


def decided(options: Page, **rules: tuple[str, int]) -> None:
    """Chooses what becomes of some categories, and saves."""
    options.bring_to_front()
    for category, (action, least) in rules.items():
        options.locator(f"#action-{category}").select_option(action)
        options.locator(f"#from-{category}").fill(str(least))
    options.get_by_role("button", name="Save").click()
    options.get_by_text("Saved.").wait_for()
