"""`docs/api.md` says what the code does: every code with its status, every route, every field of a result."""

from __future__ import annotations

import re
from pathlib import Path

from intake.answers import STATUS
from tests.intake.conftest import Desk

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_error_code_has_its_row() -> None:
    """The table of codes is the one that answers use."""
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \| (\d{3}) \|", PAGE, re.MULTILINE)
    listed = {code: int(status) for codes, status in rows for code in re.findall(r"[A-Z_]+", codes)}

    assert listed == STATUS


def test_every_route_is_described(desk: Desk) -> None:
    """Each route of the application, and no other, has a paragraph of its own."""
    described = set(re.findall(r"\*\*`(GET|POST|DELETE) (/[^`?]*)", PAGE))
    routes = {
        (method, re.sub(r"_(\w)", lambda letter: letter[1].upper(), re.sub(r"<(\w+)>", r"{\1}", rule.rule)))
        for rule in desk.intake.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert described == routes


def test_every_field_of_a_result_is_described(desk: Desk) -> None:
    """The table of a result's fields is complete and in the order of the answer."""
    desk.vote(1, "a", "fully_ai")

    assert fields_of("A result:", "## Channels") == list(desk.look_up("a"))


def test_every_field_of_a_voter_and_of_the_statistics_is_described(desk: Desk) -> None:
    """Their tables are complete too."""
    user, stats = desk.client.get("/api/users/a").json, desk.client.get("/api/stats").json

    assert fields_of("## Voters", "**`DELETE /api/users/{userId}`**") == list(user or {})
    assert set(fields_of("## Statistics", "## Synchronisation")) == set(stats or {})


def fields_of(start: str, end: str) -> list[str]:
    """The fields in the tables of a part of the page."""
    rows = re.findall(r"^\| (`[\w`, ]+`) \|", PAGE[PAGE.index(start) : PAGE.index(end)], re.MULTILINE)
    return [name for row in rows for name in re.findall(r"\w+", row)]
