"""Kill lists: ids that must not be shown, whatever their rows say (formats, section 14)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from clients.errors import Damaged, Malformed
from clients.head import FileEntry, Head
from clients.rows import ID, Ids, NumberedRows, check_order, ids_of
from clients.strict import Fields, read_json


@dataclass(frozen=True, slots=True, eq=False)
class Kill:
    """One kill list."""

    text: bytes
    ids: Ids

    @property
    def entry(self) -> FileEntry:
        """Its size and hash."""
        return FileEntry(len(self.text), hashlib.sha256(self.text).hexdigest())


def read_kill(text: bytes) -> Kill:
    """Parse a kill list.

    Raises:
        Malformed: when it breaks its format or its order.
    """
    fields = Fields.of(read_json(text))
    fields.integer("v", 1, 1)
    ids = ids_of(fields.texts("ids", ID))
    check_order(ids)
    return Kill(text, ids)


def decode_kill(text: bytes, head: Head) -> Kill:
    """The kill list that a head names.

    Raises:
        Damaged: when size, hash or content are not what the head says.
    """
    entry = head.kill
    if FileEntry(len(text), hashlib.sha256(text).hexdigest()) != entry:
        raise Damaged(head.kill_key, f"{len(text)} bytes that are not the list that the head names")
    try:
        return read_kill(text)
    except Malformed as error:
        raise Damaged(head.kill_key, str(error)) from None


def shown_rows(rows: NumberedRows, kill: Kill | None) -> NumberedRows:
    """The living rows that may be shown."""
    living = rows.pick(rows.alive)
    return living if kill is None else living.pick(~np.isin(living.ids, kill.ids))
