"""Requests with an Idempotency-Key are carried out once: whoever sends one again is told what the first was told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from data.log import replies
from data.log.replies import Reply


class Asked(Protocol):
    """A request that may come twice."""

    @property
    def name(self) -> bytes:
        """The same for the same request; empty when it may be carried out as often as it comes."""

    @property
    def at_ms(self) -> int:
        """When it came."""


Request = TypeVar("Request", bound=Asked)


def carry_out_once(
    connection: sqlite3.Connection, batch: Sequence[Request], carry_out: Callable[[Sequence[Request]], Sequence[Reply]]
) -> list[Reply]:
    """Carries out what was not carried out before; call it inside the transaction.

    Args:
        connection: In a transaction that writes.
        batch: In the order in which they came.
        carry_out: Answers each of some requests.

    Returns:
        One reply for each of the batch.
    """
    known: dict[bytes, Reply] = {}
    fresh, meant = [], set()
    for request in batch:
        if request.name and request.name not in meant:
            meant.add(request.name)
            reply = replies.find(connection, request.name, request.at_ms)
            if reply is None:
                fresh.append(request)
            else:
                known[request.name] = reply
        elif not request.name:
            fresh.append(request)
    answered = iter(carry_out(fresh))
    told = []
    for request in batch:
        reply = known.get(request.name)
        if reply is None:
            reply = next(answered)
            if request.name:
                known[request.name] = reply
                replies.keep(connection, request.name, reply, request.at_ms)
        told.append(reply)
    return told
