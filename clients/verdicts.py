"""Verdicts by video, as files for other readers tell them, laid over each other and compared with the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clients.errors import Malformed, VerifyError
from clients.rows import CATEGORY_FLAGS, ID, LOCKED, PRIOR_ONLY, Bytes, Ids, Ints, Mask, NumberedRows, ids_of, order_of

Column = npt.NDArray[Any]
MARKS = {"locked": (LOCKED, 256), "prior_only": (PRIOR_ONLY, 512)}
"""Columns that repeat a bit of the row's flags: the bit, and what stands for it beside a score in comparisons."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """Columns over videos, in the order of section 6, each video once."""

    ids: Ids
    columns: Mapping[str, Column]

    def pick(self, places: Ints | Mask) -> Verdicts:
        """These videos."""
        return Verdicts(self.ids[places], {name: column[places] for name, column in self.columns.items()})

    def overlay(self, newer: Verdicts) -> Verdicts:
        """Both, the newer one's row where both have a video."""
        ids = np.concatenate([self.ids, newer.ids])
        places, _ = order_of(ids)
        ordered = ids[places]
        last = np.ones(len(ordered), np.bool_)
        last[:-1] = ordered[1:] != ordered[:-1]
        places = places[last]
        columns = {name: np.concatenate([column, newer.columns[name]])[places] for name, column in self.columns.items()}
        return Verdicts(ids[places], columns)

    def same(self, other: Verdicts) -> bool:
        """Whether both say the same of the same videos."""
        return np.array_equal(self.ids, other.ids) and all(
            np.array_equal(column, other.columns[name]) for name, column in self.columns.items()
        )


def checked_ids(texts: Sequence[Any]) -> Ids:
    """Video ids as a column.

    Raises:
        Malformed: when one is no video id.
    """
    for text in texts:
        if not isinstance(text, str) or not ID.fullmatch(text):
            raise Malformed(f"expected a video id, found {str(text)[:40]!r}")
    return ids_of(texts)


def round_half_up(scores: npt.NDArray[np.float64]) -> Bytes:
    """Scores as the rows have them."""
    return np.floor(scores + 0.5).astype(np.uint8)


def check_against_rows(verdicts: Verdicts, rows: NumberedRows, where: str) -> None:
    """Check that verdicts and rows have the same videos, scores (rounded half up) and, where told, marks.

    Args:
        verdicts: with a column `score`, and perhaps `locked` and `prior_only`; only of published videos.
        rows: of the same tick.
        where: the file, for the message.

    Raises:
        VerifyError: with the first video that differs.
    """
    living = rows.pick(rows.alive)
    living = living.pick(order_of(living.ids)[0])
    scores = round_half_up(verdicts.columns["score"])
    told, expected = scores.astype(np.uint16), living.scores.astype(np.uint16)
    for name, (bit, mark) in MARKS.items():
        if name in verdicts.columns:
            told += np.where(verdicts.columns[name], mark, 0).astype(np.uint16)
            expected += np.where((living.flags & bit) > 0, mark, 0).astype(np.uint16)
    if np.array_equal(verdicts.ids, living.ids) and np.array_equal(told, expected):
        return
    ours = dict(zip(living.ids.tolist(), expected.tolist(), strict=True))
    theirs = dict(zip(verdicts.ids.tolist(), told.tolist(), strict=True))
    id_ = min(i for i in {*ours, *theirs} if ours.get(i) != theirs.get(i))
    promised = f"{id_.decode()} as in the rows: {_told(ours.get(id_))}"
    raise VerifyError(where, promised=promised, found=_told(theirs.get(id_)))


def _told(value: int | None) -> str:
    if value is None:
        return "not published"
    marks = [f", {name.replace('_', ' ')}" for name, (_, mark) in MARKS.items() if value & mark]
    return f"score {value % 256}" + "".join(marks)


def named(rows: NumberedRows) -> NumberedRows:
    """The rows that have a category: the others are none to clients of the HTTP interface."""
    return rows.pick(rows.alive & ((rows.flags & CATEGORY_FLAGS) > 0))


def without_votes(rows: NumberedRows, told: Ids) -> NumberedRows:
    """The rows less those that are *prior only* and not among the ids told: nobody voted on them."""
    silent = rows.alive & ((rows.flags & PRIOR_ONLY) > 0)
    if not silent.any():
        return rows
    silent[silent] = ~np.isin(rows.ids[silent], told)
    return NumberedRows(rows.ids, rows.scores, rows.flags, rows.alive & ~silent)
