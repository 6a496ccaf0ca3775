"""Synchronisation of existing clients at its promised size."""

from __future__ import annotations

from benchmarks.existing import CHANGED, ROWS, measure


def test_full_and_delta_are_complete_at_two_hundred_thousand_rows() -> None:
    """No row is missing, too many or old in a full answer, after a delta, or after the first delta ever.

    Bodies are compressed and tagged (`measure` insists), and what was made once is answered within 50 ms.
    """
    found = measure(ROWS, CHANGED)

    assert found.wrong == 0
    assert max(found.full_ms, found.delta_ms, found.same_ms) <= 50
    assert found.delta_bytes < found.full_bytes / 50
