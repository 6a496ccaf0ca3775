"""The pages of `realtube browse` in a real browser, on a phone and on a desk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.factories import CHANNELS, KNOWN_IDS, busy_site
from tests.publisher.browsable import Browsing, browsing

PHONE, DESK = 390, 1280
VIDEO = KNOWN_IDS[0]
PAGES = {
    "/": "Which videos are made by AI?",
    "/about": "How to read this",
    "/browse": "All tables and queries",
    "/browse/videos": "Videos",
    "/browse/videos?_all=1": "Videos",
    "/browse/videos?published=1&_sort_desc=score&_facet=top_category": "Videos",
    f"/browse/videos/{VIDEO}": VIDEO,
    "/browse/channels": "Channels",
    f"/browse/channels/{CHANNELS[0]}": CHANNELS[0],
    "/browse/categories": "Categories",
    "/browse/categories/fully_ai": "fully_ai",
    "/browse/ticks": "Ticks",
    "/browse/ticks/2": "2",
    "/browse/files": "Files",
    "/browse/newest_flags": "Newest flags",
    "/browse/most_disputed": "Most disputed videos",
    "/browse/channels_by_share": "Channels by share",
    f"/browse/one_video?video_id={VIDEO}": "One video",
    "/browse?sql=select+score,+count(*)+as+n+from+videos+group+by+score": "Your query",
}
"""Every kind of page, and its heading."""
LEFT_EARLY = "net::ERR_ABORTED"
"""What becomes of a request, say for the icon, when the test goes on to another page before it is answered."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsing]:
    """A busy site, shown for all tests that only look."""
    with browsing(busy_site(tmp_path_factory.mktemp("shown"))) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def window(chromium: Browser, running: Browsing, width: int, scheme: Any = "light") -> Iterator[Page]:
    """A browser window; at the end it has asked no other host for anything, and has nothing to complain of."""
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, base_url=running.url)
    context.set_default_timeout(10_000)
    page, complaints, hosts = context.new_page(), [], set()
    page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("requestfailed", lambda request: complaints.append(f"{page.url}: {request.url} {request.failure}"))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    yield page
    context.close()
    assert [text for text in complaints if not text.endswith(LEFT_EARLY)] == []
    assert hosts == {urlsplit(running.url).netloc}


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_page_in_a_browser(shown: Browsing, chromium: Browser, width: int) -> None:
    """Each kind of page opens with its heading, fits the window, asks nobody else for anything, and logs no error."""
    with window(chromium, shown, width) as page:
        for path, heading in PAGES.items():
            answer = page.goto(path)
            assert answer is not None
            assert (path, answer.status) == (path, 200)
            assert page.locator("h1").inner_text().splitlines()[0].startswith(heading)
            assert (path, overflow(page)) == (path, 0)


def test_pages_name_the_tick_and_the_licence(shown: Browsing, chromium: Browser) -> None:
    """The footer says which tick is shown and under which licence."""
    with window(chromium, shown, DESK) as page:
        page.goto("/browse/ticks")
        footer = page.locator("footer").inner_text()
        assert "Tick 5, published 2026-09-22 10:13 UTC" in footer
        assert "CC BY 4.0" in footer


def test_search_finds_a_video(shown: Browsing, chromium: Browser) -> None:
    """An id, its beginning, or a link to the video, typed on the front page, finds the video and no other."""
    links = (f"www.youtube.com/watch?v={VIDEO}&t=42s", f"youtu.be/{VIDEO}?si=abc", f"www.youtube.com/shorts/{VIDEO}")
    with window(chromium, shown, PHONE) as page:
        for typed in (VIDEO, VIDEO[:4], VIDEO.lower(), f"  {VIDEO} ", *(f"https://{link}" for link in links)):
            page.goto("/")
            page.get_by_role("searchbox").fill(typed)
            page.keyboard.press("Enter")
            page.wait_for_url("**/browse/videos?_search=*")
            found = page.locator("tbody a.watch").evaluate_all("all => all.map(a => a.href)")
            assert (typed, found) == (typed, [f"https://www.youtube.com/watch?v={VIDEO}"])


def test_search_by_any_kind_of_id(shown: Browsing) -> None:
    """Ids with signs, short ids and channel ids are found too; nonsense finds nothing, and is no error."""

    def found(typed: str) -> list[str]:
        answer = json.loads(shown.read(f"/browse/videos.json?_shape=array&_size=max&_search={typed}"))
        return [row["video_id"] for row in answer]

    of_channel = [
        row["video_id"]
        for row in json.loads(shown.read(f"/browse/videos.json?_shape=array&_size=max&channel_id={CHANNELS[1]}"))
    ]
    assert found("-abc_efgh-k") == ["-abc_efgh-k"]
    assert found("-ab") == ["-abc_efgh-k"]
    assert found("x1") == ["x1"]
    assert found("x") == []
    assert sorted(found(CHANNELS[1])) == sorted(of_channel) != []
    for nonsense in ("zzzz", "%22", "%22+OR+%22", "*", "%3A", "%27", "NEAR(", "%C3%A4%E2%82%AC"):
        assert found(nonsense) == []


def test_from_the_front_page_to_a_video_and_its_channel(shown: Browsing, chromium: Browser) -> None:
    """By keyboard alone: skip to the content, then on to a query, a video, its channel, and the channel's videos."""
    with window(chromium, shown, DESK) as page:
        page.goto("/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        for link in ("Newest flags", VIDEO):
            page.get_by_role("link", name=link, exact=True).focus()
            page.keyboard.press("Enter")
            page.get_by_role("heading", level=1, name=link).wait_for()
        assert page.get_by_role("link", name="Watch on YouTube").get_attribute("href") == (
            f"https://www.youtube.com/watch?v={VIDEO}"
        )
        channel = page.locator("dd a.id").inner_text()
        page.get_by_role("link", name=channel).click()
        page.locator(".links a").click()
        page.get_by_role("heading", level=1, name="Videos").wait_for()
        assert set(page.locator("tbody .col-channel_id").all_inner_texts()) == {channel}


def test_sorting_and_filtering(shown: Browsing, chromium: Browser) -> None:
    """A heading sorts by its column, the form filters; the rows follow."""
    with window(chromium, shown, DESK) as page:
        page.goto("/browse/videos")
        page.get_by_role("link", name="Score", exact=True).click()
        scores = [int(text) for text in page.locator("tbody td.col-score .bar").all_inner_texts()]
        assert scores == sorted(scores, reverse=True)
        assert page.locator("th.col-score").get_attribute("aria-sort") == "descending"
        page.get_by_text("Filter and sort").click()
        new = page.get_by_role("group", name="New filter")
        new.get_by_label("Column").select_option("Voters")
        new.get_by_label("Comparison").select_option("≥")
        new.get_by_label("Value").fill("5")
        page.get_by_role("button", name="Apply").click()
        page.wait_for_url("**voters__gte=5**")
        assert min(int(text) for text in page.locator("tbody td.col-voters").all_inner_texts()) >= 5


def test_the_dark_palette(shown: Browsing, chromium: Browser) -> None:
    """Who prefers dark gets light text on a dark page, with a contrast of 7 to 1, and quiet text of 4.5 to 1."""
    ratio = """([ink, page]) => {
        const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(v => v / 255)
            .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, place) => sum + v * [.2126, .7152, .0722][place], 0);
        const of = (name, what) => light(getComputedStyle(document.querySelector(name))[what]);
        const pair = [of(ink, 'color'), of(page, 'backgroundColor')].sort((a, b) => b - a);
        return (pair[0] + .05) / (pair[1] + .05);
    }"""
    for scheme in ("light", "dark"):
        with window(chromium, shown, DESK, scheme) as page:
            page.goto("/")
            dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 19, 26)"
            assert dark == (scheme == "dark")
            assert page.evaluate(ratio, ["body", "body"]) >= 7
            assert page.evaluate(ratio, [".lead", "body"]) >= 4.5
            assert page.evaluate(ratio, [".bar.high", "body"]) >= 4.5
            assert page.evaluate(ratio, ["button", "button"]) >= 4.5
            assert page.evaluate(ratio, ["main a", "body"]) >= 4.5


def test_an_unknown_page(shown: Browsing, chromium: Browser) -> None:
    """A page that does not exist says so in the site's own frame."""
    context = chromium.new_context(base_url=shown.url)
    page = context.new_page()
    answer = page.goto("/browse/nothing")
    assert answer is not None
    assert answer.status == 404
    assert page.locator("h1").inner_text() == "Not found"
    assert page.locator("header nav a").first.inner_text() == "Videos"
    context.close()


def test_downloads(shown: Browsing) -> None:
    """The database, the published files and every row as CSV can be taken away."""
    head = shown.read("/files/v1/head")
    count = json.loads(shown.read("/browse.json"))["tables"]
    videos = next(table["count"] for table in count if table["name"] == "videos")

    assert head == (Path(shown.facts["database"]).parents[1] / "public/v1/head").read_bytes()
    assert shown.read("/browse.db") == Path(shown.facts["database"]).read_bytes()
    assert len(shown.read("/browse/videos.csv?_stream=on").splitlines()) == videos + 1
