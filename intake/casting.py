"""Casts votes and takes them back, whoever carries the request: it reads a body, hands a vote in, tells the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from data.log import replies
from data.log.replies import Reply
from data.records import Rejection, Vote
from intake import wire
from intake.answers import Answer, refused, stored
from intake.network import Networks, client_address
from intake.writer import Cast, Erasure, Outcome, Writer

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

    def cast(self, body: bytes, peer: str, forwarded_for: str, tell: Tell, key: str = "") -> None:
        """Casts a vote.

        Args:
            body: JSON as it came.
            peer: The address that the connection came from.
            forwarded_for: `X-Forwarded-For`, or empty.
            tell: Told the answer.
            key: `Idempotency-Key`, or empty.

        Raises:
            NetworkKeyError: The vote's network cannot be told; nothing was handed in and nothing is told.
        """
        moment = self.now_ms()
        network = self._network(peer, forwarded_for, moment)
        self._submit(wire.vote(body, network=network, now_ms=moment), _cast, tell, key)

    def cast_all(self, body: bytes, peer: str, forwarded_for: str, tell: Tell, key: str = "") -> None:
        """Casts the votes of a batch, each as if it came alone; see `cast`.

        Raises:
            NetworkKeyError: See `cast`.
        """
        votes, moment = wire.batch(body), self.now_ms()
        if isinstance(votes, Rejection):
            tell(refused(votes))
            return
        network = self._network(peer, forwarded_for, moment)
        together = _Together(len(votes), tell)
        for place, one in enumerate(votes):
            vote = wire.vote(one, network=network, now_ms=moment)
            if isinstance(vote, Rejection):
                together.tell(place, vote)
            else:
                self.writer.submit(vote, partial(together.tell, place), _name(vote, f"{key} {place}" if key else ""))

    def erase(self, voter_id: str, peer: str, forwarded_for: str, tell: Tell) -> None:
        """Takes back every standing vote of a voter; see `cast`.

        Raises:
            NetworkKeyError: See `cast`.
        """
        moment = self.now_ms()
        erasure = Erasure(moment, voter_id, self._network(peer, forwarded_for, moment))
        self.writer.submit(erasure, _teller(_erased, tell))

    def retract(
        self, body: bytes, query: Mapping[str, str], peer: str, forwarded_for: str, tell: Tell, key: str = ""
    ) -> None:
        """Takes a vote back; see `cast`.

        Args:
            body: JSON as it came, or empty.
            query: Says what the body does not.
            peer: See `cast`.
            forwarded_for: See `cast`.
            tell: See `cast`.
            key: See `cast`.

        Raises:
            NetworkKeyError: See `cast`.
        """
        moment = self.now_ms()
        network = self._network(peer, forwarded_for, moment)
        self._submit(wire.retraction(body, query, network=network, now_ms=moment), _retracted, tell, key)

    def _network(self, peer: str, forwarded_for: str, moment: int) -> str:
        return self.networks.token(client_address(peer, forwarded_for, self.trusted_hops), moment)

    def _submit(self, vote: Vote | Rejection, answer: Callable[[Reply], Answer], tell: Tell, key: str) -> None:
        if isinstance(vote, Rejection):
            tell(refused(vote))
            return
        self.writer.submit(vote, _teller(answer, tell), _name(vote, key))


class _Together:
    """Gathers the outcomes of a batch, from any thread, and tells them when all are there."""

    def __init__(self, count: int, tell: Tell) -> None:
        self._lock = threading.Lock()
        self._outcomes: list[Outcome | None] = [None] * count
        self._missing = count
        self._tell = tell

    def tell(self, place: int, outcome: Outcome) -> None:
        """The outcome of one vote."""
        with self._lock:
            self._outcomes[place] = outcome
            self._missing -= 1
            complete = not self._missing
        if complete:
            self._tell(stored(wire.results_of_batch([_result(one) for one in self._outcomes if one is not None])))


def _teller(answer: Callable[[Reply], Answer], tell: Tell) -> Callable[[Outcome], None]:
    def settle(outcome: Outcome) -> None:
        tell(refused(outcome) if isinstance(outcome, Rejection) else answer(outcome))

    return settle


def _name(vote: Vote, key: str) -> bytes:
    """The name of a request with an Idempotency-Key: whenever and from wherever it comes, it is the same."""
    return replies.name(vote.voter_id, key, repr(replace(vote, cast_at_ms=0, network=""))) if key else b""


def _cast(done: Reply) -> Answer:
    return stored(wire.accepted(done.score, done.trust))


def _retracted(done: Reply) -> Answer:
    return stored(wire.RETRACTED) if done.changed else refused(NOTHING_STANDS)


def _erased(done: Reply) -> Answer:
    return stored(wire.erased(done.retracted if isinstance(done, Cast) else 0))


def _result(outcome: Outcome) -> Rejection | tuple[int, float]:
    return outcome if isinstance(outcome, Rejection) else (outcome.score, outcome.trust)
