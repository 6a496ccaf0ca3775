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
from intake.answers import TOO_OFTEN, Answer, limited, refused, stored
from intake.limits.limits import Limits
from intake.limits.quotas import Quota
from intake.limits.rule import Allowance
from intake.network import Networks, client_address
from intake.writer import Cast, Erasure, Outcome, Writer

NOTHING_STANDS = Rejection("NOT_FOUND", "this voter has no standing vote on this video")

Tell = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Casting:
    """Where votes come in. Each call tells its answer exactly once: at once, or when the writer gives it."""

    writer: Writer
    networks: Networks
    limits: Limits
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
        moment, sender = self.now_ms(), (peer, forwarded_for)
        vote = wire.vote(body, network=self._network(sender, moment), now_ms=moment)
        self._submit(self.limits.of.votes, vote, sender, _cast, tell, key)

    def cast_all(self, body: bytes, peer: str, forwarded_for: str, tell: Tell, key: str = "") -> None:
        """Casts the votes of a batch, each as if it came alone; see `cast`.

        Raises:
            NetworkKeyError: See `cast`.
        """
        bodies, moment, sender = wire.batch(body), self.now_ms(), (peer, forwarded_for)
        if isinstance(bodies, Rejection):
            tell(self.limits.refusal(self.limits.of.votes, sender) or refused(bodies))
            return
        network = self._network(sender, moment)
        votes = [wire.vote(one, network=network, now_ms=moment) for one in bodies]
        asked = [self._ask(self.limits.of.votes, vote, sender) for vote in votes]
        if not any(one.allowed for one in asked):
            tell(limited(asked[0]))
            return
        together = _Together(len(votes), tell)
        for place, (vote, one) in enumerate(zip(votes, asked, strict=True)):
            if isinstance(vote, Rejection) or not one.allowed:
                together.tell(place, vote if isinstance(vote, Rejection) and one.allowed else TOO_OFTEN)
            else:
                self.writer.submit(vote, partial(together.tell, place), _name(vote, f"{key} {place}" if key else ""))

    def erase(self, voter_id: str, peer: str, forwarded_for: str, tell: Tell) -> None:
        """Takes back every standing vote of a voter; see `cast`.

        Raises:
            NetworkKeyError: See `cast`.
        """
        moment, sender = self.now_ms(), (peer, forwarded_for)
        if refusal := self.limits.refusal(self.limits.of.retractions, sender, voter_id):
            tell(refusal)
            return
        erasure = Erasure(moment, voter_id, self._network(sender, moment))
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
        moment, sender = self.now_ms(), (peer, forwarded_for)
        vote = wire.retraction(body, query, network=self._network(sender, moment), now_ms=moment)
        self._submit(self.limits.of.retractions, vote, sender, _retracted, tell, key)

    def _network(self, sender: tuple[str, str], moment: int) -> str:
        return self.networks.token(client_address(*sender, self.trusted_hops), moment)

    def _ask(self, quota: Quota, vote: Vote | Rejection, sender: tuple[str, str]) -> Allowance:
        """A body that is no vote is one of the address all the same."""
        return self.limits.ask(quota, sender, "" if isinstance(vote, Rejection) else vote.voter_id)

    def _submit(
        self,
        quota: Quota,
        vote: Vote | Rejection,
        sender: tuple[str, str],
        answer: Callable[[Reply], Answer],
        tell: Tell,
        key: str,
    ) -> None:
        allowance = self._ask(quota, vote, sender)
        if not allowance.allowed:
            tell(limited(allowance))
        elif isinstance(vote, Rejection):
            tell(refused(vote))
        else:
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
