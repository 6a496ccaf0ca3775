"""`verify` compares the mark of what a prior alone lifts."""

from __future__ import annotations

from pathlib import Path

from tests.clients.exports import Exports
from tests.clients.histories import time_of
from tests.clients.test_verify import broken
from tests.clients.tree import Tree


def test_a_verdict_says_whether_it_is_prior_only(tmp_path: Path) -> None:
    """The column and bit 128 of the row say the same."""
    hiding = Exports(in_parquet=lambda rows: {i: row and (row[0], row[1] & ~128) for i, row in rows.items()})
    tree = Tree(tmp_path, exports=hiding)
    tree.tick(time_of(1), {"x": (40, 129), "y": (60, 1)})
    found = broken(tree)
    assert (found.promised, found.found) == ("x as in the rows: score 40, prior only", "score 40")
