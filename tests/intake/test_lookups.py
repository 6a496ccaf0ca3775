"""Kept answers to look-ups: whatever changed, whoever changed it, none is given that no longer holds."""

from __future__ import annotations

import hashlib
import random
import weakref
from collections.abc import Callable
from contextlib import closing

import pytest

from data.log.append import Decision
from intake import kept, lookups
from intake.kept import Kept
from intake.lookups import Lookups
from tests.factories import START_MS, vote, voter_id
from tests.intake.conftest import Desk


class Gone:
    """Something that is noticed when nobody holds it any more."""


def prefix_of(video_id: str, digits: int = 4) -> str:
    """The start of a video's hash."""
    return hashlib.sha256(video_id.encode()).hexdigest()[:digits]


def quick(desk: Desk, video_id: str, query: str = "") -> bytes | None:
    """The body of a kept answer."""
    found = desk.intake.lookups.quick(prefix_of(video_id), query, "")
    return found.body if found else None


def test_an_answer_is_kept_and_given_as_it_was(desk: Desk) -> None:
    """The second look-up is answered from memory, with the same status, headers and body; with the tag by 304."""
    desk.vote(1, "a", "fully_ai")
    assert quick(desk, "a") is None
    asked = desk.client.get(f"/api/videos/{prefix_of('a')}")
    found = desk.intake.lookups.quick(prefix_of("a").upper(), "", "")

    assert found is not None
    assert (found.status, found.body) == (200, asked.data)
    assert dict(found.headers) == {k: v for k, v in asked.headers.items() if k != "Content-Length"}
    again = desk.intake.lookups.quick(prefix_of("a"), "", asked.headers["ETag"])
    assert again is not None
    assert (again.status, again.body, dict(again.headers)["ETag"]) == (304, b"", asked.headers["ETag"])


def test_nothing_found_is_kept_too(desk: Desk) -> None:
    """A 404 is given from memory until somebody votes."""
    path = f"/api/videos/{prefix_of('a')}"
    assert desk.client.get(path).status_code == 404
    found = desk.intake.lookups.quick(prefix_of("a"), "", "")
    assert found is not None
    assert found.status == 404
    desk.vote(1, "a", "fully_ai")

    assert quick(desk, "a") is None
    assert desk.client.get(path).status_code == 200


CHANGES: dict[str, Callable[[Desk], object]] = {
    "a vote": lambda desk: desk.vote(2, "a", "not_ai"),
    "a retraction": lambda desk: desk.retract(1, "a"),
    "another process's vote": lambda desk: desk.site.cast(vote(2, "a", "fully_ai")),
    "a lock": lambda desk: desk.site.decide(Decision(START_MS, "lock", "t", "t", video_id="a", score=7)),
    "a ban": lambda desk: desk.site.decide(Decision(START_MS, "ban", "t", "t", voter_id=voter_id(1))),
    "a publish": lambda desk: desk.site.publish(START_MS),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_change_is_missed(desk: Desk, change: str) -> None:
    """After each change the kept answer is not given any more."""
    desk.vote(1, "a", "fully_ai")
    before = desk.client.get(f"/api/videos/{prefix_of('a')}").data
    assert quick(desk, "a") == before
    CHANGES[change](desk)

    assert quick(desk, "a") is None


def test_other_prefixes_stay_kept(desk: Desk) -> None:
    """A vote makes the answers of its own prefix only invalid."""
    for video_id in ("a", "b"):
        desk.vote(1, video_id, "fully_ai")
        desk.client.get(f"/api/videos/{prefix_of(video_id)}")
    desk.vote(2, "b", "fully_ai")

    assert quick(desk, "a") is not None
    assert quick(desk, "b") is None


def test_each_query_has_its_answer(desk: Desk) -> None:
    """What is asked for besides the prefix tells answers apart; a query that makes no sense is never kept."""
    desk.vote(1, "a", "fully_ai")
    path = f"/api/videos/{prefix_of('a')}"
    for query, status in (("", 200), ("minScore=100", 404), ("minScore=x", 400)):
        assert desk.client.get(f"{path}?{query}").status_code == status
    found = [desk.intake.lookups.quick(prefix_of("a"), query, "") for query in ("", "minScore=100", "minScore=x")]

    assert [answer.status if answer else None for answer in found] == [200, 404, None]


def test_kept_answers_are_as_good_as_fresh_ones(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among random votes of two processes, look-ups with and without memory agree, after large jumps too."""
    monkeypatch.setattr(lookups, "MOST_FOLLOWED", 4)
    chance, videos = random.Random(5), [f"v{number}" for number in range(5)]
    fresh = Lookups(
        desk.site.home.votes_log,
        desk.intake.readers,
        desk.intake.lookups._newest,
        Kept(lambda: 0, 0),
        max_age_s=60,
    )
    with closing(fresh):
        for _ in range(150):
            who, what = chance.randrange(30), chance.choice(videos)
            if chance.random() < 0.2:
                desk.site.cast(*(vote(chance.randrange(30), chance.choice(videos), "not_ai") for _ in range(8)))
            elif chance.random() < 0.6:
                desk.vote(who, what, chance.choice(["fully_ai", "not_ai"]))
            asked = prefix_of(chance.choice(videos))
            expected = fresh.by_hash(asked, "", {}, "")
            assert desk.intake.lookups.quick(asked, "", "") in {None, expected}
            assert desk.intake.lookups.by_hash(asked, "", {}, "") == expected


def test_the_event_loop_never_reads_reliabilities(desk: Desk) -> None:
    """While another thread reads a new standing file, or before one does, the event loop leaves the look-up to it."""
    desk.vote(1, "a", "fully_ai")
    path, newest = f"/api/videos/{prefix_of('a')}", desk.intake.lookups._newest
    desk.client.get(path)
    assert quick(desk, "a") is not None
    with newest._lock:
        assert quick(desk, "a") is None
    assert quick(desk, "a") is not None
    desk.site.publish(START_MS)
    before = newest._grounds
    assert quick(desk, "a") is None
    assert newest._grounds is before
    desk.client.get(path)

    assert quick(desk, "a") is not None
    assert newest._grounds is not before


def test_memory_is_bounded_and_keeps_what_is_asked_for() -> None:
    """The answers that were asked for least lately make room; a huge key is never kept."""
    some = Kept(lambda: 0.0, most_bytes=10 * (kept.ENTRY_BYTES + 200))
    body = random.Random(1).randbytes(100)
    some.keep("first", body, some.moment(0, None))
    for number in range(50):
        some.keep(f"{number}", body, some.moment(0, None))
        assert some.known("first", 0, None) is not None
    some.keep("x" * 300, body, some.moment(0, None))

    assert some.known("0", 0, None) is None
    assert some.known("49", 0, None) is not None
    assert some.known("x" * 300, 0, None) is None
    assert len(some._found) <= 12


def test_what_answers_rest_on_is_not_kept_with_them() -> None:
    """Another object, and no answer holds, even when the first one comes back; only the newest object stays alive."""
    some, first, second = Kept(lambda: 0.0), Gone(), Gone()
    some.keep("a", b"body", some.moment(0, first))
    assert some.known("a", 0, first) is not None
    assert some.known("b", 0, second) is None
    left = weakref.ref(first)
    assert some.known("a", 0, first) is None
    assert some.known("a", 0, second) is None
    del first

    assert left() is None


def test_an_answer_lapses_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Holds lapse without any change, so no answer is kept for long."""
    now = [0.0]
    some = Kept(lambda: now[0])
    some.keep("a", b"body", some.moment(0, None))
    now[0] = kept.LONGEST_S - 1
    assert some.known("a", 0, None) is not None
    now[0] = kept.LONGEST_S

    assert some.known("a", 0, None) is None


def test_what_changes_while_an_answer_is_worked_out_is_not_missed() -> None:
    """An answer whose votes were read before a change was told is never given, whatever the order of threads."""
    some = Kept(lambda: 0.0)
    tells: list[Callable[[], None]] = [lambda: some.changed([7], 2), lambda: some.forget(3)]
    for tell in tells:
        moment = some.moment(7, None)
        tell()
        some.keep("a", b"body", moment)
        assert some.known("a", 7, None) is None
    assert some.behind(3) is None
    assert some.behind(2) is None, "another thread may know less already"
    assert some.behind(4) == 3


def test_a_log_that_cannot_be_read_is_left_to_who_may_wait(desk: Desk) -> None:
    """The event loop gets no error and no answer: the ordinary way tells what is wrong."""
    desk.vote(1, "a", "fully_ai")
    desk.client.get(f"/api/videos/{prefix_of('a')}")
    assert quick(desk, "a") is not None
    desk.intake.lookups._loops.close()

    assert quick(desk, "a") is None
