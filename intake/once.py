"""Requests with an Idempotency-Key are carried out once: whoever sends one again is told what the first was told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from data.log import replies
from data.log.replies import Once, Reply
from data.records import Rejection

ANOTHER_REQUEST = Rejection("INVALID_FIELD", "this Idempotency-Key was used for another request within the last day")


class Done(Protocol):
    """What can be told again."""

    @property
    def changed(self) -> bool:
        """Whether something was appended."""

    @property
    def score(self) -> int:
        """0-100."""

    @property
    def trust(self) -> float:
        """0-1."""


class Asked(Protocol):
    """A request that may come twice."""

    @property
    def once(self) -> Once | None:
        """None: it may be carried out as often as it comes."""

    @property
    def at_ms(self) -> int:
        """When it came."""


Request = TypeVar("Request", bound=Asked)
Result = TypeVar("Result", bound=Done)


def append_once(
    connection: sqlite3.Connection,
    batch: Sequence[Request],
    append: Callable[[Sequence[Request]], Sequence[Result]],
    told: Callable[[Reply], Result],
) -> list[Result | Rejection]:
    """Carries out what was not carried out before; call it inside the transaction.

    Args:
        connection: In a transaction that writes.
        batch: In the order in which they came.
        append: Carries requests out.
        told: What a reply says.

    Returns:
        One outcome for each of the batch.
    """
    outcomes: dict[int, Result | Rejection] = {}
    first: dict[bytes, int] = {}
    """By key: the place of the first request with it."""
    for place, request in enumerate(batch):
        if request.once is None or request.once.key in first:
            continue
        reply = replies.find(connection, request.once.key, request.at_ms)
        if reply is None:
            first[request.once.key] = place
        else:
            outcomes[place] = told(reply) if reply.request == request.once.request else ANOTHER_REQUEST
    fresh = [
        place for place, request in enumerate(batch)
        if place not in outcomes and (request.once is None or first[request.once.key] == place)
    ]  # fmt: skip
    for place, result in zip(fresh, append([batch[place] for place in fresh]), strict=True):
        outcomes[place], once = result, batch[place].once
        if once is not None:
            reply = Reply(once.request, result.changed, result.score, result.trust)
            replies.keep(connection, once.key, reply, batch[place].at_ms)
    for place, request in enumerate(batch):
        if place not in outcomes and request.once is not None:
            earlier = first[request.once.key]
            same = batch[earlier].once == request.once
            outcomes[place] = outcomes[earlier] if same else ANOTHER_REQUEST
    return [outcomes[place] for place in range(len(batch))]
