"""Casts votes and takes them back, whoever carries the request: it reads a body, hands a vote in, tells the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from data.records import Rejection, Vote
from intake import wire
from intake.answers import Answer, refused, stored
from intake.network import Networks, client_address
from intake.writer import Cast, Outcome, Writer

NOTHING_STANDS = Rejection("NOT_FOUND", "this voter has no standing vote on this video")

Tell = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Casting:
    """Where votes come in. Each call tells its answer exactly once: at once, or when the writer gives it."""

    writer: Writer
    networks: Networks
    trusted_hops: int
    now_ms: Callable[[], int]
    """The clock, Unix milliseconds."""

    def cast(self, body: bytes, peer: str, forwarded_for: str, tell: Tell) -> None:
        """Casts a vote.

        Args:
            body: JSON as it came.
            peer: The address that the connection came from.
            forwarded_for: `X-Forwarded-For`, or empty.
            tell: Told the answer.

        Raises:
            NetworkKeyError: The vote's network cannot be told; nothing was handed in and nothing is told.
        """
        moment = self.now_ms()
        network = self._network(peer, forwarded_for, moment)
        self._submit(wire.vote(body, network=network, now_ms=moment), _cast, tell)

    def retract(self, body: bytes, query: Mapping[str, str], peer: str, forwarded_for: str, tell: Tell) -> None:
        """Takes a vote back; see `cast`.

        Args:
            body: JSON as it came, or empty.
            query: Says what the body does not.
            peer: See `cast`.
            forwarded_for: See `cast`.
            tell: See `cast`.

        Raises:
            NetworkKeyError: See `cast`.
        """
        moment = self.now_ms()
        network = self._network(peer, forwarded_for, moment)
        self._submit(wire.retraction(body, query, network=network, now_ms=moment), _retracted, tell)

    def _network(self, peer: str, forwarded_for: str, moment: int) -> str:
        return self.networks.token(client_address(peer, forwarded_for, self.trusted_hops), moment)

    def _submit(self, vote: Vote | Rejection, answer: Callable[[Cast], Answer], tell: Tell) -> None:
        if isinstance(vote, Rejection):
            tell(refused(vote))
            return

        def settle(outcome: Outcome) -> None:
            tell(refused(outcome) if isinstance(outcome, Rejection) else answer(outcome))

        self.writer.submit(vote, settle)


def _cast(done: Cast) -> Answer:
    return stored(wire.accepted(done.score, done.trust))


def _retracted(done: Cast) -> Answer:
    return stored(wire.RETRACTED) if done.changed else refused(NOTHING_STANDS)
