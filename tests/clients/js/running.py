"""The JavaScript client in a module worker of a real browser, driven from Python."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from benchmarks.tree_server import TreeServer
from tests.clients.signing import START_MS, root_text, sha256
from tests.clients.tree import DAY_MS, Row, Tree

HERE = Path(__file__).parent
CLIENT = HERE.parents[2] / "clients/js"
CATEGORIES = ("fully_ai", "ai_voiceover", "ai_visuals", "ai_thumbnails", "ai_assisted")
FINGERPRINT = sha256(root_text())

START_WORKER = """(source) => {
    window.worker = new Worker(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})), {type: 'module'});
}"""
ASK = """(message) => new Promise((resolve, reject) => {
    window.worker.onmessage = ({data}) => resolve(data);
    window.worker.onerror = (event) => reject(new Error(event.message));
    window.worker.postMessage(message);
})"""
OPEN = """
    scope.memory ??= realtube.memoryStore();
    scope.now = args.now;
    scope.store = args.database === null ? scope.memory : realtube.indexedDBStore(args.database);
    scope.writes = 0;
    const store = {
        read: (names) => scope.store.read(names),
        write: (...given) => (scope.writes++, scope.store.write(...given)),
    };
    scope.record = await realtube.openRecord({
        origins: args.origins, root: args.root ?? undefined, store, now: () => scope.now, random: () => args.random,
    });
"""


class JsError(Exception):
    """What the worker threw."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['name']} {error.get('code')}: {error['message']}\n{error.get('stack')}")
        self.name, self.code, self.text = error["name"], error.get("code"), error["message"]
        self.evidence, self.next_poll_ms = error.get("evidence"), error.get("nextPollMs")


@dataclass
class Running:
    """A page's worker, and the record it holds; `modules` serves `clients/js`."""

    page: Page
    modules: TreeServer
    opened: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start the worker."""
        self.start()

    def start(self) -> None:
        """Start a worker."""
        self.page.evaluate(START_WORKER, (HERE / "worker.js").read_text())

    def stop(self) -> None:
        """End the worker at once, whatever it does."""
        self.page.evaluate("() => window.worker.terminate()")

    def kill(self) -> None:
        """End the worker at once and start another."""
        self.stop()
        self.start()

    def run(self, body: str, **args: Any) -> Any:
        """Run the body of an async function.

        Raises:
            JsError: what it throws.
        """
        told = self.page.evaluate(ASK, {"module": f"{self.modules.url}/realtube.js", "body": body, "args": args})
        if "error" in told:
            raise JsError(told["error"])
        return told.get("value")

    def open(
        self,
        *origins: str,
        root: str | None = FINGERPRINT,
        database: str | None = None,
        now: int = START_MS + DAY_MS // 2,
        random: float = 0.5,
    ) -> Running:
        """Open a record, which keeps to memory unless a database is named."""
        self.opened = {"origins": origins, "root": root, "database": database, "now": now, "random": random}
        self.run(OPEN, **self.opened)
        return self

    def reopen(self, **changes: Any) -> Running:
        """Open it anew, from what its store holds."""
        self.opened |= changes
        self.run(OPEN, **self.opened)
        return self

    def sync(self) -> dict[str, Any]:
        """Sync, and the report."""
        report: dict[str, Any] = self.run("return await scope.record.sync()")
        return report

    def status(self) -> dict[str, Any]:
        """What is held."""
        status: dict[str, Any] = self.run("return scope.record.status()")
        return status

    def lookup(self, ids: Iterable[str]) -> list[dict[str, Any] | None]:
        """What it says of some videos."""
        verdicts: list[dict[str, Any] | None] = self.run("return scope.record.lookup(args.ids)", ids=list(ids))
        return verdicts

    def rows(self, ids: Iterable[str]) -> dict[str, Row]:
        """Those of some ids that have rows, with flags as bits."""
        return {
            verdict["id"]: (
                verdict["score"],
                sum(verdict["flags"][name] << place for place, name in enumerate(CATEGORIES))
                + 64 * verdict["locked"] + 128 * verdict["priorOnly"],
            )
            for verdict in self.lookup(ids)
            if verdict is not None
        }  # fmt: skip

    def holds(self, tree: Tree, seq: int | None = None) -> None:
        """Check every row that any tick had against those of one tick."""
        seq = seq or len(tree.payloads)
        every = sorted({video_id for rows in tree.rows.values() for video_id in rows})
        status = self.status()
        assert (status["seq"], status["rows"]) == (seq, len(tree.rows[seq]))
        assert status["state"] == tree.payloads[seq - 1]["state"]
        assert self.rows(every) == tree.rows[seq]

    def stored(self) -> str:
        """Everything that is stored but when to poll, as text to compare."""
        stored = self.run("return await scope.store.read(['state', 'base', 'kill'])")
        return json.dumps(stored, sort_keys=True, default=str)


def refusal(js: Running) -> JsError:
    """Sync, which must be refused and must leave everything as it was."""
    before, status = js.stored(), js.status()
    with pytest.raises(JsError) as caught:
        js.sync()
    assert caught.value.name == "RealTubeError"
    assert js.stored() == before
    ignored = {"failures", "nextPollMs"}
    assert {k: v for k, v in js.status().items() if k not in ignored} == {
        k: v for k, v in status.items() if k not in ignored
    }
    return caught.value
