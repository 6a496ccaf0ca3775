"""Answers about busy videos are kept in proportion to what they cost."""

from __future__ import annotations

from intake.heavy import HEAVY_VOTES, Heavy


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


def test_an_answer_is_kept_twenty_times_as_long_as_it_took() -> None:
    """Working a video out takes at most a twentieth of the time."""
    clock, rules = Clock(), object()
    heavy: Heavy[int] = Heavy(clock)
    clock.now_s = 100.5
    heavy.keep(7, 42, votes=HEAVY_VOTES, began_s=100.0, holds=rules)
    found = []
    for moment in (100.6, 110.4, 110.6):
        clock.now_s = moment
        found.append(heavy.known(7, rules))

    assert found == [42, 42, None]


def test_ordinary_videos_are_never_kept() -> None:
    """Below the limit each vote shows at once."""
    clock, rules = Clock(), object()
    heavy: Heavy[int] = Heavy(clock)
    heavy.keep(7, 42, votes=HEAVY_VOTES - 1, began_s=0.0, holds=rules)

    assert heavy.known(7, rules) is None


def test_other_rules_end_what_was_kept() -> None:
    """A new round or ruling holds at once, on busy videos too."""
    clock = Clock()
    heavy: Heavy[int] = Heavy(clock)
    heavy.keep(7, 42, votes=HEAVY_VOTES, began_s=0.0, holds=object())

    assert heavy.known(7, object()) is None
