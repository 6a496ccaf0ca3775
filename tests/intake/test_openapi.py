"""`/openapi.json` is what the server does, `/docs` is that document for people."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from data import records
from data.log.appeals import A_NETWORK_A_DAY
from data.log.schema import open_for_reading
from intake import shapes
from intake.answers import STATUS
from intake.fields import CHANNEL_ID, HASH_PREFIX, VIDEO_ID, VOTER_ID, TextField, list_of, one_of
from intake.moderation.bodies import MESSAGE, REASON, FreeText
from intake.moments import SCHEMA as MOMENT
from tests.factories import START_MS, Site, vote
from tests.intake.conftest import Desk
from tests.intake.moderating import token_of
from tests.intake.serving import StartServer

EXAMPLES = 75
"""Cases of each operation and phase."""
SETTINGS = Path(__file__).with_name("schemathesis.toml")


def document(desk: Desk) -> Any:
    """The document that the server gives."""
    answer = desk.client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json


def test_a_fuzzer_finds_no_difference_between_document_and_server(site: Site, start: StartServer) -> None:
    """Thousands of requests, right and wrong, alone and in sequence, to a real server: each answer is described.

    All checks of schemathesis: no 5xx, documented statuses, types, headers and bodies only, right requests taken,
    wrong ones refused, unknown methods refused with 405.
    """
    site.appoint(1)
    site.cast(*(vote(1, f"v{n}", "fully_ai", channel_id="UC_one") for n in range(9)))
    site.publish(START_MS)
    token = token_of(site, "maintainer")
    server = start(min_free_mb=0)
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run",
        f"http://localhost:{server.port}/openapi.json", "--checks", "all", "--mode", "all",
        "--header", f"Authorization: Bearer {token}", "--max-examples", str(EXAMPLES),
        "--generation-deterministic", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=site.home.directory, check=False)

    assert done.returncode == 0, done.stdout[-8_000:]
    cases = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert cases is not None, done.stdout[-2_000:]
    assert int(cases[1]) == int(cases[2]) >= 2_000
    with closing(open_for_reading(site.home.votes_log)) as log:
        decided = {kind for (kind,) in log.execute("SELECT kind FROM decisions WHERE actor = 'ada'")}
        appeals = log.execute("SELECT count(*) FROM appeals").fetchone()
    assert decided >= {"lock", "confirm_human", "hide", "ban"}, "moderators' requests were not let in"
    assert appeals == (A_NETWORK_A_DAY,)


def test_every_route_is_described_and_no_other(desk: Desk) -> None:
    """Each method of each path of the application is an operation."""
    described = {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, methods in document(desk)["paths"].items()
        for method in methods
    }
    routes = {
        (method, re.sub(r"<\w+>", "{}", rule.rule))
        for rule in desk.intake.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert described == routes


def test_every_code_is_somewhere(desk: Desk) -> None:
    """Each code that an operation can be refused with stands at one with its status."""
    listed: dict[str, int] = {}
    for methods in document(desk)["paths"].values():
        for operation in methods.values():
            for status, said in operation["responses"].items():
                for schema in (one.get("schema", {}) for one in said.get("content", {}).values()):
                    for part in schema.get("allOf", [])[1:]:
                        codes = part["properties"]["error"]["properties"]["code"]["enum"]
                        listed |= dict.fromkeys(codes, int(status))

    assert listed == {code: status for code, status in STATUS.items() if code != "METHOD_NOT_ALLOWED"}


def test_every_reference_resolves(desk: Desk) -> None:
    """Whatever a schema names is among the components."""
    described = document(desk)
    named = set(re.findall(r"#/components/schemas/(\w+)", desk.client.get("/openapi.json").text))

    assert named <= set(described["components"]["schemas"])
    assert {shape.__name__ for shape in shapes.ALL} <= set(described["components"]["schemas"])


@pytest.mark.parametrize("field", [VIDEO_ID, VOTER_ID, CHANNEL_ID, HASH_PREFIX], ids=lambda field: field.name)
@pytest.mark.parametrize(
    "text",
    ["a", "abcd", "ABCD", " abcd\n", "\tabcd\r", "a b", "abcdefab", "abcdefabc", "g", "x" * 16, "x" * 17, "a" * 64,
     "a" * 65, "", " ", "\x0babcd", "\u00a0abcd", "abcd\u2028", "٣٣٣٣", "-_-_", "abcd\n\n"],
)  # fmt: skip
def test_a_pattern_takes_what_reading_takes(field: TextField, text: str) -> None:
    """The pattern of a field and the code that reads it are of one mind."""
    read = field.read(text)
    taken = isinstance(read, str) and read != ""

    assert bool(re.search(field.schema()["pattern"], text, re.ASCII)) == taken
    assert bool(re.search(field.schema(optional=True)["pattern"], text, re.ASCII)) == isinstance(read, str)


@pytest.mark.parametrize("field", [REASON, MESSAGE], ids=lambda field: field.name)
@pytest.mark.parametrize(
    "text",
    ["a", " a ", "a b", "a\nb", "\ta\r\n", "", " ", "\n", "\x00", "a\x00", "a\x1b[2Jb", "a\x7fb", "a\x85b", "\u2028",
     "a\u2029b", "\u00a0", "\u202ea", "🎬 é עברית", "a\u200db", "x" * 500, "x" * 501, "x" * 2_000, "x" * 2_001,
     " " * 499 + "x", " " * 500 + "x"],
)  # fmt: skip
def test_a_pattern_of_free_text_takes_what_reading_takes(field: FreeText, text: str) -> None:
    """So does that of what people write, with its greatest length."""
    read = field.read(text)
    for schema, taken in (
        (field.schema(""), isinstance(read, str) and read != ""),
        (field.schema("", optional=True), isinstance(read, str)),
    ):
        assert bool(re.search(schema["pattern"], text) and len(text) <= schema["maxLength"]) == taken


def test_examples_fit_their_patterns() -> None:
    """What is shown as an example is taken."""
    for schema in (
        *(field.schema() for field in (VIDEO_ID, VOTER_ID, CHANNEL_ID, HASH_PREFIX)),
        one_of(records.STANCES), list_of(records.STANCES), MOMENT,
    ):  # fmt: skip
        assert all(re.search(schema["pattern"], example) for example in schema["examples"])


class Page(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action"}]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        """Notes text."""
        self.text += data


def test_the_page_shows_everything_and_asks_nobody(desk: Desk) -> None:
    """Each operation and shape has its place, all links stay on the page, nothing runs or loads."""
    answer, described = desk.client.get("/docs"), document(desk)
    page = Page()
    page.feed(answer.text)

    assert answer.mimetype == "text/html"
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "style-src 'unsafe-inline'", "frame-ancestors 'none'"} <= set(policy)
    assert not {"script", "link", "img", "iframe", "form", "object"} & set(page.tags)
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    operations = [one for methods in described["paths"].values() for one in methods.values()]
    wanted = {one["operationId"] for one in operations} | set(described["components"]["schemas"])
    assert wanted == set(page.ids)
    assert len(page.ids) == len(wanted)
    assert all(one["summary"] in page.text for one in operations)
    assert "prefers-color-scheme: dark" in page.text
    assert "url(" not in page.text


def test_what_is_large_is_compressed(desk: Desk) -> None:
    """The document is sent with gzip to whoever takes it, under the same ETag."""
    small = desk.client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    plain = desk.client.get("/openapi.json")

    assert small.headers["Content-Encoding"] == "gzip"
    assert len(small.data) < len(plain.data) / 4
    assert small.headers["ETag"] == plain.headers["ETag"]
    assert small.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in plain.headers
