"""`docs/security.md`: every threat names a test, and every test that it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.homes import PROJECT

PAGE = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| Threat")]


def test_every_threat_has_an_answer_and_a_test() -> None:
    """No row lacks a part."""
    assert len(ROWS) >= 25
    assert all(re.fullmatch(r"\| [^|]+ \| [^|]+ \| `tests/[\w/]+\.py(::\w+)?` \|", row) for row in ROWS)


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[^`]+)`", PAGE))))
def test_every_test_that_is_named_is_there(named: str) -> None:
    """The file exists, has that test, and does not skip it."""
    path, _, name = named.partition("::")
    text = (PROJECT / path).read_text(encoding="utf-8")
    tests = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}

    assert name in tests if name else any(test.startswith("test_") for test in tests)
    assert "mark.skip" not in text
