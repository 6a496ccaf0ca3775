"""Who may moderate over HTTP: only bearers of a token that is known and still valid, each what their role may."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from urllib.request import Request, urlopen

import pytest

from data.log import schema, tokens
from tests.factories import START_MS, Site, voter_id
from tests.intake.conftest import Desk, OpenDesk
from tests.intake.moderating import FAR_MS, Moderator, token_of
from tests.intake.serving import StartServer

LISTS = ("decisions", "review", "appeals")
ON_VIDEOS = ("lock", "unlock", "hide", "unhide", "confirm-human", "release")
ON_VOTERS = ("ban", "unban")
REASON = {"reason": "tests"}


def asks_everything(who: Moderator) -> dict[str, int]:
    """Asks for everything there is; the status of each."""
    found = {name: who.get(name).status_code for name in LISTS}
    found |= {name: who.post(name, videoId="a", score=90, **REASON).status_code for name in ON_VIDEOS}
    found |= {name: who.post(name, userId=voter_id(7), **REASON).status_code for name in ON_VOTERS}
    return found | {"answer": who.post(f"appeals/{'0' * 32}", state="accepted", answer="yes").status_code}


def test_without_a_token_nothing_is_told_and_nothing_happens(desk: Desk) -> None:
    """Each path is 401 with a challenge, and the body is not even looked at."""
    answer = desk.client.post("/api/moderation/lock", data=b"{no json")

    assert set(asks_everything(Moderator(desk.client, "")).values()) == {401}
    assert (answer.status_code, answer.json) == (401, {"error": {
        "code": "UNAUTHORIZED", "message": "a token must be given: Authorization: Bearer TOKEN",
    }})  # fmt: skip
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="realtube"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer {} {}", "Bearer {},Bearer {}", "Bearer {}x", "Token {}",
     "Bearer rt_1_" + "0" * 64, "Bearer ' OR 1=1 --", "Bearer " + "x" * 8_000, "Bearer rt_1_\u00e9"],
)  # fmt: skip
def test_headers_that_let_nobody_in(desk: Desk, header: str) -> None:
    """Half a header, two tokens, another scheme, a forged secret: 401, never 500."""
    token = token_of(desk.site, "maintainer")
    said = {"Authorization": header.replace("{}", token)}

    assert desk.client.get("/api/moderation/decisions", headers=said).status_code == 401


def test_the_scheme_may_be_written_in_any_case(desk: Desk) -> None:
    """As RFC 9110 has it."""
    said = {"Authorization": f"bEARER  {token_of(desk.site, 'moderator')} "}

    assert desk.client.get("/api/moderation/decisions", headers=said).status_code == 200


def test_each_role_may_do_its_part(desk: Desk) -> None:
    """Moderators decide about videos and answer appeals; of voters only maintainers decide."""
    desk.vote(1, "a", "fully_ai")
    moderator = asks_everything(Moderator(desk.client, token_of(desk.site, "moderator")))
    maintainer = asks_everything(Moderator(desk.client, token_of(desk.site, "maintainer", "bob")))
    nothing_there = {"answer": 404}

    assert moderator == dict.fromkeys((*LISTS, *ON_VIDEOS), 200) | dict.fromkeys(ON_VOTERS, 403) | nothing_there
    assert maintainer == dict.fromkeys((*LISTS, *ON_VIDEOS, *ON_VOTERS), 200) | nothing_there


def test_a_token_that_ends_lets_nobody_in_any_more(desk: Desk) -> None:
    """Expired or revoked while the server runs: the very next request is 401."""
    now_ms = time.time_ns() // 1_000_000
    expired = Moderator(desk.client, token_of(desk.site, "moderator", expires_ms=now_ms))
    revoked = Moderator(desk.client, token_of(desk.site, "moderator", "bob"))
    assert revoked.get("decisions").status_code == 200
    with closing(schema.open_for_append(desk.site.home.votes_log)) as log:
        tokens.revoke(log, 2, START_MS)

    assert expired.get("decisions").json == revoked.get("decisions").json
    assert expired.post("hide", videoId="a", **REASON).status_code == 401


def test_a_token_of_another_home_lets_nobody_in(open_desk: OpenDesk, site: Site) -> None:
    """Numbers are the same everywhere, secrets are not."""
    token = token_of(site, "maintainer")
    with closing(schema.open_for_append(site.home.votes_log)) as log:
        log.execute("DELETE FROM tokens")
        log.execute("DELETE FROM sqlite_sequence")
        tokens.create(log, "maintainer", "eve", secret=b"e" * 32, created_ms=START_MS, expires_ms=FAR_MS)

    assert Moderator(open_desk().client, token).get("decisions").status_code == 401


def test_no_log_line_holds_a_token(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither when it is refused, nor when the server is at fault while it is borne."""
    token = token_of(desk.site, "maintainer")
    monkeypatch.setattr("intake.moderation.told.decisions", lambda found: found[1])
    with caplog.at_level(logging.DEBUG):
        answer = Moderator(desk.client, token).get("decisions")
        Moderator(desk.client, token + "x").get("decisions")

    assert answer.status_code == 500
    assert "a request failed" in caplog.text
    assert token not in caplog.text
    assert token[-64:] not in caplog.text
    assert token not in answer.text


def test_a_real_server_takes_tokens(site: Site, start: StartServer) -> None:
    """Through granian and the bridge, and a decision shows in the next look-up."""
    token = token_of(site, "moderator")
    port = start(min_free_mb=0).port

    def asked(path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {token}"}
        with urlopen(Request(f"http://localhost:{port}{path}", body, headers), timeout=10) as answer:
            return bytes(answer.read())

    asked("/api/votes", b'{"videoId": "a", "userId": "ab", "category": "fully_ai"}')
    assert asked("/api/moderation/lock", b'{"videoId": "a", "score": 97, "reason": "r"}') == (
        b'{"success":true,"changed":true}'
    )
    assert b'"score":97' in asked("/api/videos?videoId=a")
    assert b'"actor":"ada"' in asked("/api/moderation/decisions")
