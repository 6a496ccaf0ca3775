"""Settings of the publisher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from data.formats.head import Sunset
from data.settings import SettingsError, duration_ms, setting


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """The publisher: log to files."""

    store: str = setting(
        "",
        "Directory that the tree is published to; empty: public/ in the home."
        " Readers follow one place: move the files when you change it.",
    )
    interval: str = setting(
        "30m",
        "Time between two ticks (a number and s, m, h or d). Heads tell clients to poll again after it:"
        " too short costs requests, too long delays retractions.",
    )
    spread: str = setting(
        "5m",
        "Clients spread their next poll over this time (a number and s, m, h or d)."
        " Too short makes them all come at once.",
    )
    minimum_score: int = setting(
        20,
        "Score (4-100) at which a video enters the published set; it leaves 3 below."
        " Lower means more rows and larger files.",
    )

    max_flipped: int = setting(
        10,
        "Share of the rows, in percent (1-100), whose scores may cross 50 in one tick without a person."
        " Too high lets a fault through, too low stops honest ticks.",
    )
    max_vanished: int = setting(
        10,
        "Share of the rows, in percent (1-100), that may vanish in one tick without a person."
        " Too high lets a fault through, too low stops honest ticks.",
    )
    guard_from_rows: int = setting(
        1_000,
        "Rows that may cross 50, and rows that may vanish, in one tick whatever their share: a young tree changes much"
        " of what little it has. Too high leaves small trees unguarded, too low stops them.",
    )
    sunset: str = setting(
        "",
        "Day (YYYY-MM-DD, UTC) on which this tree ends; empty: none is set. Heads tell it to clients."
        " Too short a notice leaves readers behind.",
    )
    sunset_see: str = setting(
        "",
        "Address of what follows this tree. Goes with REALTUBE_SUNSET: readers who find nothing there are lost.",
    )

    def __post_init__(self) -> None:
        """Refuses what cannot work.

        Raises:
            SettingsError: A value is out of range.
        """
        if not 4 <= self.minimum_score <= 100:
            raise SettingsError(f"REALTUBE_MINIMUM_SCORE must be 4 to 100, found {self.minimum_score}")
        for name, share in (("MAX_FLIPPED", self.max_flipped), ("MAX_VANISHED", self.max_vanished)):
            if not 1 <= share <= 100:
                raise SettingsError(f"REALTUBE_{name} must be 1 to 100 percent, found {share}")
        if self.guard_from_rows < 1:
            raise SettingsError(f"REALTUBE_GUARD_FROM_ROWS must be at least 1, found {self.guard_from_rows}")
        for name, text in (("INTERVAL", self.interval), ("SPREAD", self.spread)):
            if duration_ms(text) <= 0:
                raise SettingsError(f"REALTUBE_{name} must be a positive time such as 30m, found {text!r}")
        if bool(self.sunset) != bool(self.sunset_see):
            raise SettingsError("REALTUBE_SUNSET and REALTUBE_SUNSET_SEE go together: a day, and where to go then")
        self.sunset_notice()

    def sunset_notice(self) -> Sunset | None:
        """When this tree ends and what follows it, None when nothing is set.

        Raises:
            SettingsError: The day is none.
        """
        if not self.sunset:
            return None
        try:
            day = datetime.strptime(self.sunset, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise SettingsError(f"REALTUBE_SUNSET must be a day such as 2030-12-31, found {self.sunset!r}") from None
        return Sunset(int(day.timestamp()) * 1_000, self.sunset_see)
