"""Where a home keeps its run-time files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of one RealTube installation, `REALTUBE_HOME`, by default `var/`."""

    directory: Path

    @property
    def votes_log(self) -> Path:
        """The votes log: losing it loses every vote since the last backup."""
        return self.directory / "votes.db"

    @property
    def online_key(self) -> Path:
        """Private key that signs heads: losing it needs a new one, certified by the root keys."""
        return self.directory / "online-key.pem"

    @property
    def next_online_key(self) -> Path:
        """The key that a root not yet signed by enough certifies; takes the online key's place when it stands."""
        return self.directory / "online-key.next.pem"

    @property
    def unfinished_root(self) -> Path:
        """The next root while signatures are missing; nothing secret."""
        return self.directory / "unfinished-root.json"

    @property
    def roots(self) -> Path:
        """Directory of the signed root files `1.json`, `2.json`, …; public."""
        return self.directory / "root"

    @property
    def settings(self) -> Path:
        """`REALTUBE_*` settings; the environment goes before it."""
        return self.directory / "settings.env"

    @property
    def standing(self) -> Path:
        """Reliabilities of the last full round: a cache."""
        return self.directory / "standing.arrow"

    @property
    def limits(self) -> Path:
        """What was spent of the rate limits: deleted, everybody has a whole quota."""
        return self.directory / "limits.sqlite"

    @property
    def review(self) -> Path:
        """What needs eyes, as the last publish saw it: a cache, for the home's owner only."""
        return self.directory / "review.json"

    @property
    def publish_lock(self) -> Path:
        """Locked while a publish runs."""
        return self.directory / "publish.lock"

    @property
    def keys_lock(self) -> Path:
        """Locked while the keys change; publishing goes on meanwhile."""
        return self.directory / "keys.lock"

    @property
    def cache(self) -> Path:
        """What may vanish at any moment."""
        return self.directory / "cache"

    @property
    def public(self) -> Path:
        """The default store."""
        return self.directory / "public"


def home_of(environment: Mapping[str, str]) -> Home:
    """The home that `REALTUBE_HOME` names, by default `var/` in the working directory."""
    return Home(Path(environment.get("REALTUBE_HOME") or "var"))
