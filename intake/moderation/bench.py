"""What moderators do over HTTP: the decisions of the command line, by the same functions, and the lists behind them."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from data import cases
from data.cases import Case
from data.log import appeals, decide, lookup, pseudonyms, schema
from data.log.appeals import AlreadyAnswered, Appeal, UnknownAppeal
from data.log.append import Appender, Decision, VideoRuling, VoterRuling
from data.log.decide import Author, NothingToRelease
from data.log.place import told
from data.records import Rejection
from intake.live import Newest, verdicts
from intake.moderation.bodies import AboutVideo, AboutVoter, Reply
from intake.readers import Readers

logger = logging.getLogger(__name__)

UNSTORED = Rejection("UNAVAILABLE", "the votes log is busy or full, and nothing was stored; try again in a moment")
NOBODY = Rejection("NOT_FOUND", "no voter has this pseudonym")
SEVERAL = Rejection("CONFLICT", "two voters have this pseudonym: give the userId")
NOT_VOTED_ON = Rejection("NOT_FOUND", "nobody has voted on this video: there is nothing to release")
NO_APPEAL = Rejection("NOT_FOUND", "there is no appeal with this id")
ANSWERED = Rejection("CONFLICT", "this appeal has its answer, which stands")


@dataclass(frozen=True, slots=True)
class Bench:
    """Where moderators sit."""

    votes_log: Path
    review_file: Path
    readers: Readers
    newest: Newest
    now_ms: Callable[[], int]
    """The clock, Unix milliseconds."""

    def rule_on_video(self, kind: VideoRuling, asked: AboutVideo, actor: str) -> bool | Rejection:
        """Decides about a video; false when it was so already."""
        try:
            with _writing(self.votes_log) as appender, appender.transaction():
                author = Author(self.now_ms(), actor, asked.reason)
                return decide.rule_on_video(appender, asked.video_id, kind, author, score=asked.score)
        except NothingToRelease:
            return NOT_VOTED_ON
        except sqlite3.DatabaseError as error:
            return unstored(error)

    def rule_on_voter(self, kind: VoterRuling, asked: AboutVoter, actor: str) -> bool | Rejection:
        """Decides about a voter; false when it was so already."""
        voter_id = asked.voter_id or self._known_as(asked.pseudonym)
        if isinstance(voter_id, Rejection):
            return voter_id
        try:
            with _writing(self.votes_log) as appender, appender.transaction():
                return decide.rule_on_voter(appender, voter_id, kind, Author(self.now_ms(), actor, asked.reason))
        except sqlite3.DatabaseError as error:
            return unstored(error)

    def decisions(self, count: int, before: int) -> list[tuple[int, Decision]]:
        """The newest decisions before a position, voters under their pseudonyms."""
        with self.readers.connection() as connection:
            name = pseudonyms.naming(connection)
            return [
                (position, replace(one, voter_id=name(one.voter_id) if one.voter_id else ""))
                for position, one in decide.newest(connection, count, before)
            ]

    def review(self, count: int) -> tuple[int, list[Case]]:
        """What needs eyes: the list that the last publish left, without what was decided since, and the open appeals.

        Returns:
            When the list was made, 0 without one; the most pressing cases.
        """
        left = cases.read(self.review_file)
        with self.readers.connection() as connection:
            if left is None or left.log_id != schema.identity(connection).log_id:
                left = cases.Review("", 0, 0, 0, ())
            done = decide.videos_decided_after(connection, left.position)
            listed = [case for case in left.cases if case.kind != cases.APPEAL and case.about not in done]
            held = {case.about: case.held for case in listed}
            listed += [self._appealed(connection, one, held) for one in appeals.every_open(connection)]
        return left.at_ms, cases.most_pressing(listed, count)

    def appeals(self, count: int, *, answered: bool) -> list[Appeal]:
        """Appeals that wait, the oldest first, or those that have their answer, the newest answer first."""
        with self.readers.connection() as connection:
            return appeals.answered(connection, count) if answered else appeals.every_open(connection, count)

    def answer(self, appeal_id: str, said: Reply, actor: str) -> Appeal | Rejection:
        """Answers an appeal, once and for good."""
        try:
            with _writing(self.votes_log) as appender:
                connection, now_ms = appender.connection, self.now_ms()
                return appeals.answer(connection, appeal_id, said.verdict, said.text, actor=actor, now_ms=now_ms)
        except UnknownAppeal:
            return NO_APPEAL
        except AlreadyAnswered:
            return ANSWERED
        except sqlite3.DatabaseError as error:
            return unstored(error)

    def _known_as(self, pseudonym: str) -> str | Rejection:
        with self.readers.connection() as connection:
            found = pseudonyms.known_as(connection, pseudonym)
        if len(found) > 1:
            return SEVERAL
        return found[0] if found else NOBODY

    def _appealed(self, connection: sqlite3.Connection, appeal: Appeal, held: dict[str, int]) -> Case:
        known = lookup.video_by_id(connection, appeal.video_id)
        judged = verdicts(connection, self.newest, known) if known else []
        votes, score = (judged[0].voters, judged[0].score) if judged else (0, 0)
        return cases.of_appeal(appeal, votes=votes, held=held.get(appeal.video_id, 0), score=score)


@contextmanager
def _writing(votes_log: Path) -> Iterator[Appender]:
    """A connection of its own, as the command line has one: decisions are rare, and votes keep theirs."""
    with closing(schema.open_for_append(votes_log)) as connection:
        yield Appender(connection)


def unstored(error: sqlite3.DatabaseError) -> Rejection:
    """The refusal of what could not be written into the log's file: nothing of it was."""
    logger.error("a decision or an appeal could not be stored: %s", told(error))
    return UNSTORED
