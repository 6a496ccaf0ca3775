"""What a tick does to the rows: what the votes say, nothing, or an earlier tick's state. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from data.columns import Keys
from data.formats.head import Frozen
from data.standing import Standing
from publisher.scoring.rescore import Scored
from publisher.scoring.verdicts import VerdictTable
from publisher.sync.published import Published

NO_KEYS = np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdicts of a tick, and what they follow from."""

    table: VerdictTable
    changed: Keys
    """Keys whose entries differ from the tick before, ascending."""
    through_position: int
    round_position: int
    round_ms: int
    learned: Standing | None = None
    """The reliabilities that were used, None when nothing was scored."""
    frozen: Frozen | None = None
    refused: tuple[str, ...] = ()
    """Why the guards did not let the votes' verdicts through; what is here instead is a heartbeat."""


def scored(found: Scored, through: int) -> Outcome:
    """What the votes say."""
    learned = found.standing
    return Outcome(found.table, found.changed, through, learned.round_position, learned.round_ms, learned)


def heartbeat(previous: Published, size: int, refused: tuple[str, ...] = ()) -> Outcome:
    """Nothing changes; the votes wait.

    Args:
        previous: The newest tick.
        size: How many keys the log has.
        refused: What the guards object to, should that be why.
    """
    head, listing = previous.head, previous.listing
    return Outcome(
        previous.table.grown(size), NO_KEYS, head.through_position, listing.round_position, listing.round_ms,
        frozen=head.frozen, refused=refused,
    )  # fmt: skip


def restored(previous: Published, table: VerdictTable, frozen: Frozen, *, size: int, now_ms: int) -> Outcome:
    """An earlier tick's verdicts, as changes against the newest tick's.

    Args:
        previous: The newest tick.
        table: The earlier tick's verdicts.
        frozen: What heads say from now on.
        size: How many keys the log has.
        now_ms: Time of the tick.
    """
    before, after = previous.table.grown(size), table.grown(size)
    differs = np.zeros(size, np.bool_)
    for field in fields(VerdictTable):
        if field.name != "changed_ms":
            column = getattr(before, field.name) != getattr(after, field.name)
            differs |= column.any(axis=1) if column.ndim == 2 else column
    changed = np.flatnonzero(differs).astype(np.int32)
    after = replace(after, changed_ms=np.where(differs, now_ms, before.changed_ms))
    return replace(heartbeat(previous, size), table=after, changed=changed, frozen=frozen)
