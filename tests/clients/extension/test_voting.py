"""The user's votes on their way: who is said to vote, what waits, what is refused, what is never blocked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signal import SIGTERM
from typing import Any

from playwright.sync_api import Page, Playwright

from tests.clients.extension.running import AI, PEOPLE, VOICE, World, now_ms, world
from tests.factories import DAY_MS
from tests.intake.serving import servers

KNOWN_LOCAL = "11111111-2222-4333-a444-555555555555"
KNOWN_SENT = "b551fdf72b9892090dd33dd0e183063c739dbc6fa338137e2cf93e0e47ad6c09"
STORED = "async () => (await chrome.storage.local.get('votes')).votes.%s"
TAKEN = (200, "application/json", '{"success": true, "newScore": 50, "userTrust": 0.5}')

Answer = tuple[int, str, str]
Said = dict[str, Any]


@contextmanager
def answering(rule: Callable[[Said], Answer]) -> Iterator[tuple[str, list[Said]]]:
    """A server of our own in the place of the intake: its address, and what it was asked."""
    asked: list[Said] = []

    class Reply(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _send(self, status: int, kind: str, body: str) -> None:
            self.send_response(status)
            for name, value in (
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"),
                ("Access-Control-Allow-Headers", "Content-Type"),
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Access-Control-Expose-Headers", "Retry-After"),
                *([("Retry-After", "120")] if status == 429 else []),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def do_OPTIONS(self) -> None:
            self._send(204, "text/plain", "")

        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(said | {"method": self.command})
            self._send(*rule(said))

        def do_DELETE(self) -> None:
            self.do_POST()

    server = ThreadingHTTPServer(("localhost", 0), Reply)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def use_intake(running: World, options: Page, address: str) -> None:
    """Chooses another intake."""
    running.known.add(address)
    options.bring_to_front()
    options.locator("#intake").fill(address)
    options.get_by_role("button", name="Save").click()
    options.get_by_text("Saved.").wait_for()


def waiting_vote(*categories: str, **more: object) -> Said:
    """A vote as it is stored before it is sent."""
    stored = {"categories": categories, "channelId": "", "at": now_ms(), "state": "waiting"}
    return stored | {"tries": 0, "notBefore": 0, "why": ""} | more


def restart_with(running: World, options: Page, votes: dict[str, Said]) -> None:
    """Ends the worker, puts votes into its storage, and wakes it by a look at a page."""
    running.end_worker()
    options.evaluate("(votes) => chrome.storage.local.set({votes})", votes)
    running.open()


def test_the_voter(playwright: Playwright, tmp_path: Path) -> None:
    """The sent id is made as the contract says, is kept, and is out of the pages' reach; the channel goes along."""
    with world(playwright, tmp_path) as running:
        options, watched = running.options(), running.open()
        sent_id = "async (id) => (await import('/src/voter.js')).sentId(id)"
        assert options.evaluate(sent_id, KNOWN_LOCAL) == KNOWN_SENT
        assert running.stored(options, "voter") is None
        watched.shows("ai", "AI 97 %")
        watched.vote("ai", "fully_ai")
        running.settle(options, 1, 0)
        voter = running.stored(options, "voter")
        assert options.evaluate(sent_id, voter["localId"]) == voter["sentId"] != KNOWN_SENT
        running.end_worker()
        watched.page.bring_to_front()
        watched.vote("voice", "ai_voiceover")
        running.settle(options, 2, 0)
        assert running.stored(options, "voter") == voter
        refused = watched.inside("chrome.storage.local.get(null).then((all) => Object.keys(all).join(), String)")
        assert "not allowed" in refused
        with answering(lambda _: TAKEN) as (address, asked):
            use_intake(running, options, address)
            watched.page.bring_to_front()
            watched.vote("ai", "ai_visuals")
            for _ in range(300):
                if asked:
                    break
                options.wait_for_timeout(50)
            running.settle(options, 2, 0)
        assert asked == [
            {
                "videoId": AI, "userId": voter["sentId"], "categories": ["fully_ai", "ai_visuals"],
                "channelId": "UCaaaaaaaaaaaaaaaaaaaaaa", "method": "POST",
            }
        ]  # fmt: skip


def test_offline_votes_are_sent_later(playwright: Playwright, tmp_path: Path) -> None:
    """Votes without an intake are shown at once, survive the worker's end, and are sent when it is there again."""
    with world(playwright, tmp_path) as running:
        options, watched = running.options(), running.open()
        watched.shows("ai", "AI 97 %")
        running.intake.end(SIGTERM)
        watched.page.bring_to_front()
        watched.vote("voice", "ai_visuals")
        watched.until(lambda marks: marks["voice"]["vote"] == "You: AI pictures …")
        watched.page.keyboard.press("Escape")
        watched.vote("people", "ai_visuals")
        watched.page.keyboard.press("Escape")
        watched.vote("people", "not_ai")
        watched.until(lambda marks: marks["people"]["vote"] == "You: Made by people …")
        running.settle(options, 0, 2)
        options.wait_for_function(STORED % "voicevideo2.tries > 0")
        with servers(running.site) as start:
            start("--port", str(running.intake.port), min_free_mb=0)
            votes = running.stored(options, "votes")
            assert {state["state"] for state in votes.values()} == {"waiting"}
            restart_with(running, options, {name: state | {"notBefore": 0} for name, state in votes.items()})
            running.settle(options, 2, 0)
            watched.page.bring_to_front()
            watched.until(lambda marks: marks["voice"]["vote"] == "You: AI pictures")
            assert running.named(VOICE) == {"ai_voiceover": 1, "ai_visuals": 1}
            assert running.named(PEOPLE) == {"not_ai": 2}
        running.complaints.clear()


def test_one_bad_vote_blocks_nothing(playwright: Playwright, tmp_path: Path) -> None:
    """A vote that the intake refuses is told and not tried again; the others go through, retractions too."""
    with world(playwright, tmp_path) as running:
        options = running.options()
        votes = {
            "not an id": waiting_vote("fully_ai", at=1),
            "nocategory1": waiting_vote("ai_nothing", at=2),
            "nevervoted1": waiting_vote(at=3),
            AI: waiting_vote("ai_visuals"),
            "__proto__": waiting_vote("fully_ai"),
        }
        restart_with(running, options, votes)
        options.get_by_text("Your vote on not an id was not accepted").wait_for()
        options.get_by_text("Your vote on nocategory1 was not accepted").wait_for()
        running.settle(options, 1, 0)
        assert running.named(AI) == {"fully_ai": 9, "ai_visuals": 1}
        assert set(running.stored(options, "votes")) == {"not an id", "nocategory1", AI}
        running.complaints.clear()


def test_an_intake_that_errs(playwright: Playwright, tmp_path: Path) -> None:
    """Errors and captive portals lose no vote and do not keep the others back; a server that is busy is left alone."""
    fault = (500, "application/json", '{"error": {"code": "INTERNAL_ERROR", "message": "<b>no</b>"}}')
    portal = (200, "text/html", "<h1>Welcome to our hotel</h1>")
    wrong: dict[str, Answer] = {"errs0000001": fault, "portal00001": portal, "given_up_01": fault}
    start_ms = now_ms()
    votes = {
        "errs0000001": waiting_vote("fully_ai", at=start_ms),
        "portal00001": waiting_vote("fully_ai", at=start_ms + 1),
        AI: waiting_vote("fully_ai", at=start_ms + 2),
        VOICE: waiting_vote("fully_ai", at=start_ms + 3),
        "given_up_01": waiting_vote("fully_ai", at=start_ms - 8 * DAY_MS, notBefore=1),
    }
    with world(playwright, tmp_path) as running, answering(lambda said: wrong.get(said["videoId"], TAKEN)) as own:
        options = running.options()
        use_intake(running, options, own[0])
        restart_with(running, options, votes)
        running.settle(options, 2, 2)
        stored = running.stored(options, "votes")
        assert {name: vote["state"] for name, vote in stored.items()} == {
            "errs0000001": "waiting", "portal00001": "waiting", "given_up_01": "refused", AI: "sent", VOICE: "sent",
        }  # fmt: skip
        assert stored["errs0000001"]["why"] == "<b>no</b>"
        options.get_by_text("given up after a week: <b>no</b>").wait_for()
        assert 50_000 < stored["portal00001"]["notBefore"] - now_ms() <= 60_000
        assert [said["videoId"] for said in own[1]] == ["errs0000001", "portal00001", AI, VOICE, "given_up_01"]

        busy = (429, "application/json", '{"error": {"code": "RATE_LIMITED", "message": "slowly"}}')
        with answering(lambda _: busy) as (address, asked):
            use_intake(running, options, address)
            options.wait_for_function(STORED % "portal00001.tries == 1")
            asked.clear()
            restart_with(running, options, {f"video{number}": waiting_vote("fully_ai") for number in range(9)})
            options.wait_for_function(STORED % "video8.notBefore > 0")
            ring = options.evaluate("async () => (await chrome.alarms.get('votes')).scheduledTime")
            assert 100_000 < ring - now_ms() <= 120_000
            running.end_worker()
            running.open()
            running.settle(options, 0, 9)
            assert len(asked) == 1
        with answering(lambda _: TAKEN) as (address, asked):
            use_intake(running, options, address)
            running.settle(options, 9, 0)
            assert len(asked) == 9
        running.complaints.clear()
