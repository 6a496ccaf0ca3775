"""Settings of the publisher."""

from __future__ import annotations

from dataclasses import dataclass

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

    def __post_init__(self) -> None:
        """Refuses what cannot work.

        Raises:
            SettingsError: A value is out of range.
        """
        if not 4 <= self.minimum_score <= 100:
            raise SettingsError(f"REALTUBE_MINIMUM_SCORE must be 4 to 100, found {self.minimum_score}")
        for name, text in (("INTERVAL", self.interval), ("SPREAD", self.spread)):
            if duration_ms(text) <= 0:
                raise SettingsError(f"REALTUBE_{name} must be a positive time such as 30m, found {text!r}")
