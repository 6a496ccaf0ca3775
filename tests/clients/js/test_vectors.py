"""The JavaScript client does with every conformance vector what docs/vectors says."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from benchmarks.tree_server import TreeServer
from tests.clients.js.running import CATEGORIES, Running
from tests.vectors.serving import CASES, MANIFEST, rows_of, serve

REASONS: dict[str, set[str]] = {
    "log": {"refused-log"}, "gen": {"refused-gen"}, "root": {"signature", "format"}, "damaged": {"damaged", "size"},
}  # fmt: skip
"""What this client calls a reason of the manifest, where it has other words."""
RUN = """
    const outcomes = [];
    for (const { root, steps } of args.cases) {
        const store = realtube.memoryStore();
        const ended = [];
        for (const { origins, now } of steps) {
            const record = await realtube.openRecord({ origins, root, store, now: () => now, random: () => 0.5 });
            const error = await record.sync().then(() => null, ({ code, message }) => ({ code, message }));
            const found = record.lookup(args.ids).filter((verdict) => verdict !== null);
            const shown = found.filter(({ hidden }) => !hidden);
            const hidden = found.filter((verdict) => verdict.hidden).map(({ id }) => id);
            const rows = shown.map(({ id, score, flags, locked, priorOnly }) => {
                const bits = args.categories.map((name, place) => flags[name] << place);
                return [id, score, bits.reduce((a, b) => a + b, 64 * locked + 128 * priorOnly)];
            });
            ended.push({ error, rows, hidden, status: record.status() });
        }
        outcomes.push(ended);
    }
    return outcomes;
"""


@pytest.fixture(scope="module")
def outcomes(page: Page, modules: TreeServer) -> dict[str, list[dict[str, Any]]]:
    """What became of each step of each case: all in one worker, each case in a store of its own."""
    expected = [step["expect"] for case in CASES.values() for step in case["steps"]]
    ids = sorted({row[0] for one in expected if "rows" in one for row in rows_of(one)})
    running = Running(page, modules)
    with serve() as served:
        cases = [
            {
                "root": case.get("root", MANIFEST["root"]),
                "steps": [{"origins": [*map(served.address, s["origins"])], "now": s["now"]} for s in case["steps"]],
            }
            for case in CASES.values()
        ]
        told = running.run(RUN, cases=cases, ids=ids, categories=CATEGORIES)
    running.stop()
    return dict(zip(CASES, told, strict=True))


def holds(outcome: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compare what is held with what should be."""
    status, hidden = outcome["status"], set(expected["hidden"])
    for name, field in (("seq", "seq"), ("gen", "gen"), ("n", "rows"), ("state", "state")):
        assert status[field] == expected[name], name
    assert [status[name] for name in ("frozen", "sunset")] == [expected.get(name) for name in ("frozen", "sunset")]
    assert set(outcome["hidden"]) == hidden
    assert sorted(outcome["rows"]) == sorted(row for row in rows_of(expected) if row[0] not in hidden)


@pytest.mark.parametrize("name", CASES)
def test_vector(outcomes: dict[str, list[dict[str, Any]]], name: str) -> None:
    """Each step ends as it should, and a refusal leaves what was held."""
    before = None
    for step, outcome in zip(CASES[name]["steps"], outcomes[name], strict=True):
        expected, error = step["expect"], outcome["error"]
        if "refused" in expected:
            reason = expected["refused"]
            assert error
            assert error["code"] in REASONS.get(reason, {reason}), error["message"]
        else:
            assert error is None
            assert outcome["status"]["stale"] == expected["stale"]
            before = expected
        if before:
            holds(outcome, before)
        else:
            assert outcome["status"]["seq"] is None
            assert outcome["rows"] == []
