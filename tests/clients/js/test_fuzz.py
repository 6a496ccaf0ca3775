"""The JavaScript client under fuzz, with the histories that fuzz the Python client (`benchmarks/fuzz.py`)."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fuzz import CLIENTS, TICKS
from benchmarks.tales import tell
from data.formats.tree import sha256
from tests.clients.js.running import CATEGORIES, JsError, Running

SEEDS, SYNCS_A_SEED = range(4), 500
BODY = (Path(__file__).parent / "fuzz.js").read_text(encoding="utf-8")
UNREAD = ("/shard/", "/m/", ".json.gz", ".jsonl.gz")
"""In the keys of files that this client reads none of, but the epochs file."""


def exported(seed: int) -> dict[str, Any]:
    """A history as JSON."""
    tale = tell(seed, TICKS)
    objects = {
        key: base64.b64encode(body).decode()
        for key, body in tale.history.objects.items()
        if "/epochs-" in key or not any(part in key for part in UNREAD)
    }
    ticks = []
    for tick in tale.ticks:
        head, rows = tick.stand.head, tick.rows
        ids = [one.decode() for one in rows.ids.tolist()]
        table = [list(row) for row in zip(ids, rows.scores.tolist(), rows.flags.tolist(), strict=True)]
        ticks.append({
            "gen": head.gen, "seq": head.seq, "ts": head.ts, "text": base64.b64encode(tick.text).decode(),
            "rows": table, "killed": sorted(tick.killed),
        })  # fmt: skip
    root = sha256(tale.history.objects["v1/root/1.json"])
    return {"objects": objects, "ticks": ticks, "root": root, "categories": CATEGORIES}


def fuzz(js: Running, seed: int, syncs: int, tale: dict[str, Any]) -> Counter[str]:
    """Syncs so often; how they ended."""
    return Counter(js.run(BODY, tale=tale, seed=seed, syncs=syncs, clients=CLIENTS))


def test_two_thousand_syncs(js: Running) -> None:
    """None leaves a wrong state or loses one; every way and every kind of failure occurs."""
    counts: Counter[str] = Counter()
    for seed in SEEDS:
        counts += fuzz(js, seed, SYNCS_A_SEED, exported(seed))
    ways = {"same", "head", "inline", "ring", "rebase", "finish", "roll", "base"}
    assert ways | {"rollback", "refused-gen", "format", "missing", "network", "damaged"} <= set(counts)


def test_a_mistake_is_found(js: Running) -> None:
    """When what is held differs in one score from what was published, the fuzzer says so with its seed."""
    tale = exported(1)
    other = json.loads(json.dumps(tale))
    for tick in other["ticks"][10:]:
        tick["rows"][0][1] ^= 1
    with pytest.raises(JsError, match=r"seed 1, sync .*other rows than tick"):
        fuzz(js, 1, 200, other)
