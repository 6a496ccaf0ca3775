"""The measurement of the JavaScript client, small."""

from __future__ import annotations

from benchmarks.browser import measure


def test_measures_every_step() -> None:
    """A base of this module's own writer is read, verified and looked up by the client; each step takes time."""
    steps: list[str] = []
    found = measure(20_000, 1, on_step=steps.append)
    assert found["resident"] == 200_000
    assert all(found[name] > 0 for name in ("decode", "check", "lookup", "write", "read"))
    assert steps == ["making 20,000 rows", "loading 20,000 rows, 1 of 1"]
