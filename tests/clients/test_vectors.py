"""The Python client does with every conformance vector what docs/vectors says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.errors import ClientError, Damaged, Missing, Refused, TooLarge
from clients.held import read_held
from clients.reference import sync
from tests.vectors.serving import CASES, MANIFEST, Served, rows_of, serve


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The vectors' origins."""
    with serve() as running:
        yield running


def held_as_told(dest: Path, expected: dict[str, Any]) -> None:
    """Compare what is held with what should be."""
    held = read_held(dest)
    assert held
    assert held.rows
    rows = held.rows.now.pick(held.rows.now.alive)
    found = zip(rows.ids.tolist(), rows.scores.tolist(), rows.flags.tolist(), strict=True)
    assert {(one.decode(), *values) for one, *values in found} == {tuple(row) for row in rows_of(expected)}
    hidden = [one.decode() for one in held.kill.ids.tolist()] if held.kill else []
    head = held.head
    assert (head.seq, head.gen, head.n, head.state) == tuple(expected[name] for name in ("seq", "gen", "n", "state"))
    assert hidden == expected["hidden"]
    told = {name: getattr(head, name) for name in ("frozen", "sunset")}
    assert {name for name, value in told.items() if value} == {*told} & {*expected}


def reason_of(error: ClientError) -> str:
    """In the words of the manifest."""
    if isinstance(error, Refused):
        return error.code
    return {Missing: "missing", Damaged: "damaged", TooLarge: "damaged"}[type(error)]


@pytest.mark.parametrize("name", CASES)
def test_vector(served: Served, tmp_path: Path, name: str) -> None:
    """Each step ends as it should, and a refusal leaves every byte of the state as it was."""
    case, dest = CASES[name], tmp_path / "dest"
    for step in case["steps"]:
        expected, origins = step["expect"], [served.address(origin) for origin in step["origins"]]
        before = (dest / "state").read_bytes() if (dest / "state").exists() else None
        if "refused" in expected:
            with pytest.raises(ClientError) as caught:
                sync(origins[0], dest, case.get("root", MANIFEST["root"]), mirrors=origins[1:], now_ms=step["now"])
            assert reason_of(caught.value) == expected["refused"], caught.value
            assert ((dest / "state").read_bytes() if before else None) == before
            assert before or not (dest / "state").exists()
            continue
        report = sync(origins[0], dest, MANIFEST["root"], mirrors=origins[1:], now_ms=step["now"])
        assert report.stale == expected["stale"]
        held_as_told(dest, expected)
