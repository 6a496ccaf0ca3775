"""Takes appeals, and tells whoever knows an appeal's id what became of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from data.log import appeals, schema
from data.log.appeals import Appeal
from data.records import Rejection
from intake.limits.rule import Allowance
from intake.moderation.bench import unstored
from intake.moderation.bodies import Objection
from intake.network import Networks, client_address
from intake.readers import Readers

SPENT = Allowance(limit=appeals.A_NETWORK_A_DAY, remaining=0, reset_s=86_400, retry_after_s=3_600)
"""What is told after too many appeals: their day ends some time."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Where creators object."""

    votes_log: Path
    readers: Readers
    networks: Networks
    trusted_hops: int
    now_ms: Callable[[], int]
    """The clock, Unix milliseconds."""
    draw: Callable[[int], bytes]
    """Gives that many random bytes."""

    def open_appeal(self, said: Objection, peer: str, forwarded_for: str) -> Appeal | Rejection:
        """Stores an appeal, unless there are too many: a network has a few a day.

        Args:
            said: What is objected to, and why.
            peer: The address that the connection came from.
            forwarded_for: `X-Forwarded-For`, or empty.

        Raises:
            NetworkKeyError: The network cannot be told; nothing was stored.
        """
        moment = self.now_ms()
        network = self.networks.token(client_address(peer, forwarded_for, self.trusted_hops), moment)
        appeal_id = self.draw(appeals.ID_BYTES).hex()
        appeal = Appeal(appeal_id, said.video_id, said.message, said.contact, moment, "open")
        try:
            with closing(schema.open_for_append(self.votes_log)) as connection:
                return appeals.open_appeal(connection, appeal, network) or appeal
        except sqlite3.DatabaseError as error:
            return unstored(error)

    def find(self, appeal_id: str) -> Appeal | None:
        """The appeal with this id."""
        with self.readers.connection() as connection:
            return appeals.find(connection, appeal_id)
