"""Whoever asks too often is refused, however they dress up; restarts and other processes count along."""

from __future__ import annotations

import secrets
import sqlite3
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from intake.limits.limiter import DAY_S, MOST_KNOWN, Limiter
from intake.limits.quotas import Quotas, quotas
from intake.limits.rule import Rate, allowed, refused
from intake.limits.sheet import Sheet
from intake.settings import IntakeSettings

NOON_S = 20_000 * DAY_S + DAY_S / 2
OpenLimiter = Callable[..., Limiter]


class Clock:
    """A clock that the test holds, Unix seconds."""

    def __init__(self) -> None:
        self.now_s = NOON_S

    def __call__(self) -> float:
        """The time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """Noon of some day."""
    return Clock()


@pytest.fixture
def open_limiter(tmp_path: Path, clock: Clock) -> Iterator[OpenLimiter]:
    """Opens limiters on one file, as several processes would."""
    with ExitStack() as stack:

        def opened() -> Limiter:
            limiter = Limiter(Sheet(tmp_path / "limits.sqlite", secrets.token_bytes), secrets.token_bytes, clock)
            return stack.enter_context(closing(limiter))

        yield opened


@pytest.fixture
def of() -> Quotas:
    """The quotas of the default settings."""
    return quotas(IntakeSettings())


def asked(limiter: Limiter, *request: Any, times: int = 40) -> int:
    """How many of so many requests in a row are allowed."""
    return sum(limiter.ask(*request).allowed for _ in range(times))


@pytest.mark.parametrize(("count", "period_s"), [(1, 3_600.0), (2, 60.0), (7, 60.0), (10, 60.0), (120, 60.0)])
def test_a_quota_is_spent_at_once_and_comes_back_step_by_step(count: int, period_s: float) -> None:
    """Exactly the whole quota at once, then one a step; what is told is what then happens."""
    rate, ahead_s = Rate(count, period_s), 0.0
    for left in range(count - 1, -1, -1):
        assert ahead_s <= rate.furthest_s
        ahead_s += rate.step_s
        assert allowed(rate, ahead_s).remaining == left
    told = refused(rate, ahead_s)

    assert ahead_s > rate.furthest_s
    assert (told.allowed, told.remaining, told.limit, told.reset_s) == (False, 0, count, period_s)
    assert ahead_s - told.retry_after_s <= rate.furthest_s
    assert ahead_s - rate.step_s / 2 > rate.furthest_s


def test_the_defaults_are_those_of_the_contract(of: Quotas) -> None:
    """Requests in a row that one voter at one address gets through."""
    found = {
        quota.name: (quota.voter and quota.voter.count, quota.address.count, quota.address.period_s)
        for quota in (of.lookups, of.votes, of.retractions, of.sync, of.stats, of.exports)
    }

    assert found == {
        "lookups": (None, 100, 60.0), "votes": (10, 120, 60.0), "retractions": (5, 120, 60.0),
        "sync": (None, 2, 60.0), "stats": (None, 10, 60.0), "exports": (None, 1, 3_600.0),
    }  # fmt: skip


def test_a_voter_is_limited_wherever_they_are(open_limiter: OpenLimiter, of: Quotas, clock: Clock) -> None:
    """Ten votes from ten networks, no eleventh; a minute later ten more; others are not touched."""
    limiter = open_limiter()
    answers = [limiter.ask(of.votes, f"198.51.{n}.1", "ab").allowed for n in range(40)]

    assert answers == [True] * 10 + [False] * 30
    assert limiter.ask(of.votes, "198.51.99.1", "cd").allowed
    clock.now_s += 6
    assert asked(limiter, of.votes, "198.51.99.1", "ab") == 1
    clock.now_s += 60
    assert asked(limiter, of.votes, "198.51.99.1", "ab") == 10


def test_an_address_is_limited_whoever_it_is(open_limiter: OpenLimiter, of: Quotas) -> None:
    """Changing voters' ids does not help; retractions are of the same quota."""
    limiter = open_limiter()
    answers = [limiter.ask(of.votes, "198.51.100.7", f"{n:x}").allowed for n in range(200)]

    assert answers == [True] * 120 + [False] * 80
    assert not limiter.ask(of.retractions, "198.51.100.7", "abc").allowed
    assert limiter.refused == {("votes", "address"): 80, ("retractions", "address"): 1}


@pytest.mark.parametrize(
    ("address", "most"),
    [
        (lambda n: f"2001:db8:1:2:{n:x}::1", 100),  # one /64 is one address
        (lambda n: f"::ffff:203.0.113.{n % 2}", 200),
        (lambda n: f"203.0.113.{n % 256}", 1_000),  # a /24
        (lambda n: f"2001:db8:1:{n:x}::1", 1_000),  # a /48
        (lambda n: f"no address {n}", 100),
    ],
    ids=["/64", "mapped", "/24", "/48", "none"],
)
def test_a_network_is_limited_however_many_addresses_it_has(
    open_limiter: OpenLimiter, of: Quotas, address: Callable[[int], str], most: int
) -> None:
    """All addresses of a network together get ten times what one gets; a /64 of IPv6 counts as one address."""
    limiter = open_limiter()

    assert sum(limiter.ask(of.lookups, address(n)).allowed for n in range(1_500)) == most
    assert limiter.ask(of.lookups, "192.0.2.1").allowed


def test_a_refused_request_spends_nothing(open_limiter: OpenLimiter, of: Quotas, clock: Clock) -> None:
    """Whoever hammers on gets their one step like everybody, and takes nothing from others at their address."""
    limiter = open_limiter()
    assert asked(limiter, of.votes, "198.51.100.7", "ab", times=1_000) == 10
    assert asked(limiter, of.votes, "198.51.100.7", "cd") == 10
    clock.now_s += 6
    assert asked(limiter, of.votes, "198.51.100.7", "ab") == 1


def test_a_restart_keeps_the_counts(open_limiter: OpenLimiter, of: Quotas) -> None:
    """What was spent before is spent after."""
    with closing(open_limiter()) as first:
        assert asked(first, of.votes, "198.51.100.7", "ab") == 10

    assert asked(open_limiter(), of.votes, "198.51.100.7", "ab") == 0


def test_two_processes_count_together(open_limiter: OpenLimiter, of: Quotas) -> None:
    """Each spends while the other does not look; after the next write both know all of it."""
    one, two = open_limiter(), open_limiter()
    assert asked(one, of.votes, "198.51.100.7", "ab", times=4) == 4
    assert asked(two, of.votes, "198.51.100.7", "ab", times=3) == 3
    for limiter in (one, two, one):
        limiter.flush()

    assert asked(one, of.votes, "198.51.100.7", "ab") == 3
    one.flush()
    two.flush()
    assert asked(two, of.votes, "198.51.100.7", "ab") == 0


def test_a_new_day_changes_every_name_and_no_count(open_limiter: OpenLimiter, of: Quotas, clock: Clock) -> None:
    """At midnight the key changes; what was spent just before still counts, also after a restart."""
    clock.now_s = 20_000 * DAY_S + DAY_S - 1
    with closing(open_limiter()) as limiter:
        assert asked(limiter, of.exports, "198.51.100.7") == 1
        clock.now_s += 2
        assert asked(limiter, of.exports, "198.51.100.7") == 0
    assert asked(open_limiter(), of.exports, "198.51.100.7") == 0
    clock.now_s += 3_600
    assert asked(open_limiter(), of.exports, "198.51.100.7") == 1


def test_the_file_holds_no_address_and_forgets(
    open_limiter: OpenLimiter, of: Quotas, clock: Clock, tmp_path: Path
) -> None:
    """No byte of it shows an address or a voter's id; rows go when they limit nobody, keys after a day."""
    path, keys = tmp_path / "limits.sqlite", "SELECT key FROM keys ORDER BY day"
    limiter = open_limiter()
    limiter.ask(of.votes, "198.51.100.7", "abcdef0123456789")
    limiter.flush()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    with closing(sqlite3.connect(path)) as file:
        first = [key for (key,) in file.execute(keys)]
        assert file.execute("SELECT count(*), max(length(name)) FROM spent").fetchone() == (3, 16)
    clock.now_s += 2 * DAY_S
    limiter.ask(of.sync, "198.51.100.8")
    limiter.flush()

    for secret in (b"198.51.100.7", bytes([198, 51, 100, 7]), b"abcdef0123456789"):
        assert secret not in written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(sqlite3.connect(path)) as file:
        assert not set(first) & {key for (key,) in file.execute(keys)}
        assert file.execute("SELECT count(*) FROM spent").fetchone() == (2,)


def test_a_million_names_take_bounded_memory(open_limiter: OpenLimiter, of: Quotas, clock: Clock) -> None:
    """However many ask, memory holds so many names at most; those who had spent all stay refused."""
    limiter = open_limiter()
    assert asked(limiter, of.stats, "198.51.100.7") == 10
    for n in range(500_000):
        limiter.ask(of.lookups, f"{1 + (n >> 16)}.{n >> 8 & 255}.{n & 255}.1")  # a network of its own
        if n % 50_000 == 0:
            assert limiter.known() <= MOST_KNOWN

    assert limiter.known() <= MOST_KNOWN
    assert len(limiter._unwritten) <= MOST_KNOWN
    assert not limiter.ask(of.stats, "198.51.100.7").allowed


def test_a_clock_that_goes_back_locks_nobody_out(open_limiter: OpenLimiter, of: Quotas, clock: Clock) -> None:
    """The wait is never longer than a period."""
    limiter = open_limiter()
    asked(limiter, of.votes, "198.51.100.7", "ab")
    clock.now_s -= 1_000_000
    limiter = open_limiter()
    asked(limiter, of.stats, "198.51.100.7")
    clock.now_s -= 3_000
    told = limiter.ask(of.stats, "198.51.100.7")

    assert told.retry_after_s <= 60


def test_a_damaged_file_is_made_anew(
    open_limiter: OpenLimiter, of: Quotas, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no part of the log: whatever is in it, the server starts and limits."""
    (tmp_path / "limits.sqlite").write_bytes(b"damaged" * 5_000)

    assert asked(open_limiter(), of.votes, "198.51.100.7", "ab") == 10
    assert "made anew" in caplog.text


def test_without_its_file_it_limits_on(
    open_limiter: OpenLimiter, of: Quotas, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that cannot be written is told once; counting goes on in memory, and is written when it can be."""
    limiter = open_limiter()
    limiter.ask(of.sync, "198.51.100.7")
    working, limiter._sheet._connection = limiter._sheet._connection, sqlite3.connect("file:?mode=ro", uri=True)
    assert asked(limiter, of.votes, "198.51.100.7", "ab", times=6) == 6
    limiter.flush()
    limiter.flush()
    assert caplog.text.count("cannot be written") == 1
    limiter._sheet._connection.close()
    limiter._sheet._connection = working
    limiter.flush()

    assert asked(limiter, of.votes, "198.51.100.7", "ab") == 4
    limiter.flush()
    assert asked(open_limiter(), of.votes, "198.51.100.7", "ab") == 0


def test_many_threads_get_no_more_than_one(open_limiter: OpenLimiter, of: Quotas) -> None:
    """Threads that ask at once, while it is written, share one quota."""
    limiter, counts = open_limiter(), Counter[bool]()

    def ask() -> None:
        counts.update(limiter.ask(of.lookups, "198.51.100.7").allowed for _ in range(200))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        limiter.flush()
    for thread in threads:
        thread.join()

    assert counts[True] in {100, 101}  # the clock stands, a step may round
