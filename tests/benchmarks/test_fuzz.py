"""The Python client under fuzz; and the fuzzer notices what it is there for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fuzz
from clients.errors import ClientError
from clients.held import STATE_FILE, read_held, write_held
from clients.reference import SyncReport, sync


def test_ten_thousand_syncs() -> None:
    """None leaves a wrong state or loses one; every way and every kind of failure occurs."""
    counts = fuzz.run(range(fuzz.SYNCS // fuzz.SYNCS_A_SEED))
    ways = {"same", "head", "inline", "ring", "rebase", "finish", "restart", "roll", "base", "reread", "mirror"}
    failures = {"rollback", "gen", "format", "equivocation", "signature", "root", "Unreachable", "Missing", "Damaged"}
    assert ways | failures <= set(counts)


def loses(*args: Any, **options: Any) -> SyncReport:
    """A client that drops its rows when a sync fails."""
    try:
        return sync(*args, **options)
    except ClientError:
        (Path(args[1]) / STATE_FILE).unlink(missing_ok=True)
        raise


def misreads(*args: Any, **options: Any) -> SyncReport:
    """A client that holds one other score."""
    report = sync(*args, **options)
    held = read_held(args[1])
    assert held
    assert held.rows
    scores = held.rows.now.scores.copy()
    scores[int(held.rows.now.alive.argmax())] ^= 1
    write_held(args[1], replace(held, rows=replace(held.rows, now=replace(held.rows.now, scores=scores))))
    return report


def stands_still(*args: Any, **options: Any) -> SyncReport:
    """A client that never leaves its first tick."""
    dest = Path(args[1])
    before = (dest / STATE_FILE).read_bytes() if (dest / STATE_FILE).exists() else None
    report = sync(*args, **options)
    if before:
        (dest / STATE_FILE).write_bytes(before)
        held = read_held(dest)
        assert held
        return replace(report, seq=held.head.seq, state=held.head.state)
    return report


@pytest.mark.parametrize(
    ("client", "found"),
    [(loses, "a failure changed what is held"), (misreads, "other scores than tick"), (stands_still, "the newest is")],
)
def test_a_mistake_is_found(monkeypatch: pytest.MonkeyPatch, client: Any, found: str) -> None:
    """A client with a mistake fails, and the message has the seed."""
    monkeypatch.setattr(fuzz, "sync", client)
    with pytest.raises(fuzz.Wrong, match=f"seed 3, sync .*{found}.*python -m benchmarks.fuzz 3 200"):
        fuzz.run_seed(3, 200)


def test_the_same_seed_tells_the_same() -> None:
    """A failure can be looked at again."""
    assert fuzz.run_seed(4, 60) == fuzz.run_seed(4, 60)
