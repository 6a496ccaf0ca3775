"""Documents cannot drift: links resolve, generated pages are those of the code, settings exist."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import cli
from data.settings import PREFIX
from intake.settings import IntakeSettings
from publisher.settings import PublisherSettings
from tests import regenerate_docs

PROJECT = Path(__file__).resolve().parent.parent
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "deploy").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
OTHER_VARIABLES = {"REALTUBE_HOME", "REALTUBE_CHURN_FILE", "REALTUBE_CROWD_DIR"}
"""Read by commands and benchmarks; no service's settings."""


def shown(path: Path) -> str:
    """A path as people name it."""
    return str(path.relative_to(PROJECT))


def prose(path: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as they are made from their text."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_links_resolve(path: Path) -> None:
    """A link inside the repository leads to a file that is there, and to a heading that it has."""
    broken = []
    for link in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", list(regenerate_docs.pages()))
def test_generated_pages_are_those_of_the_code(name: str) -> None:
    """`make docs` would change nothing."""
    assert (PROJECT / "docs" / name).read_text(encoding="utf-8") == regenerate_docs.pages()[name]


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    """Who sets what a page names is understood."""
    known = {
        PREFIX + field.name.upper() for service in (IntakeSettings, PublisherSettings) for field in fields(service)
    }
    named = set(re.findall(r"REALTUBE_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8")))
    assert named <= known | OTHER_VARIABLES


def test_the_readme_lists_every_command() -> None:
    """The table of the README has each command once."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `realtube ([a-z-]+)", text, re.MULTILINE)
    assert sorted(listed) == sorted(cli.COMMANDS)


def test_every_make_target_of_the_readme_exists() -> None:
    """Whoever copies a line from the README gets what it says."""
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", (PROJECT / "README.md").read_text(encoding="utf-8")))
    assert named <= targets
    assert {"demo", "test"} <= named
