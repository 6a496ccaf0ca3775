"""What happened to the rows between two ticks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clients.choose import choose
from clients.climb import Climb, Stand
from clients.kill import Kill, shown_rows
from clients.reference import fetch_kill, past_choice
from clients.rows import Ints, NumberedRows
from clients.source import Source, open_source
from clients.trust import read_pin

Value = tuple[int, int]
"""Score and flags."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is not the same in both ticks."""

    video_id: str
    before: Value | None
    after: Value | None

    @property
    def kind(self) -> str:
        """`added`, `removed` or `changed`."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Two ticks' rows, side by side."""

    a: NumberedRows
    """Sorted by the bytes of their ids, as `b`."""
    b: NumberedRows
    added: Ints
    """Places in `b`."""
    removed: Ints
    """Places in `a`."""
    changed: tuple[Ints, Ints]
    """Places in both."""
    warnings: tuple[str, ...]

    def changes(self) -> Iterator[Change]:
        """Every row that differs, sorted by the bytes of its id."""
        ids = np.concatenate([self.b.ids[self.added], self.a.ids[self.removed], self.a.ids[self.changed[0]]])
        nowhere = np.int64(-1)
        in_a = np.concatenate([np.full(len(self.added), nowhere), self.removed, self.changed[0]])
        in_b = np.concatenate([self.added, np.full(len(self.removed), nowhere), self.changed[1]])
        for place in np.argsort(ids, kind="stable").tolist():
            yield Change(ids[place].decode(), _value(self.a, int(in_a[place])), _value(self.b, int(in_b[place])))


def _value(rows: NumberedRows, place: int) -> Value | None:
    return None if place < 0 else (int(rows.scores[place]), int(rows.flags[place]))


def compare(a: NumberedRows, b: NumberedRows, warnings: tuple[str, ...] = ()) -> Difference:
    """Put living rows side by side, whatever their numbers."""
    a, b = (rows.pick(rows.ids.argsort(kind="stable")) for rows in (a, b))
    _, in_a, in_b = np.intersect1d(a.ids, b.ids, assume_unique=True, return_indices=True)
    other = (a.scores[in_a] != b.scores[in_b]) | (a.flags[in_a] != b.flags[in_b])
    removed = np.setdiff1d(np.arange(a.numbers), in_a, assume_unique=True)
    added = np.setdiff1d(np.arange(b.numbers), in_b, assume_unique=True)
    return Difference(a, b, added, removed, (in_a[other], in_b[other]), warnings)


def diff(source: Source | str | Path, a: int, b: int, root: str | Path | None = None) -> Difference:
    """Compare the rows of two ticks that are still published.

    The second tick is reached from the first one where it is the later one, so that little is read.

    Args:
        source: the tree.
        a: a tick.
        b: another one, earlier or later.
        root: file of root 1, or its fingerprint; None trusts the first one seen.

    Returns:
        The difference; ids that the newest kill list hides are in neither.

    Raises:
        Refused: the head must not be followed, or a tick is not one of this tree.
        Damaged: a file is not what the head says.
        SourceError: a file is not there any more, or the source does not answer.
    """
    opened = open_source(source) if isinstance(source, (str, Path)) else source
    pin = read_pin(root) if root is not None else None
    newest = choose([opened], None, None, pin)
    kill: Kill | None = fetch_kill(newest.origins, newest.head, None)
    heads = [past_choice(newest, seq, pin).head for seq in (a, b)]
    first, _ = Climb(newest.origins, heads[0], None).reach()
    stand = Stand(heads[0], first) if a <= b else None
    second, _ = Climb(newest.origins, heads[1], stand).reach()
    shown = [shown_rows(rows.now, kill) for rows in (first, second)]
    return compare(shown[0], shown[1], tuple(newest.warnings))
