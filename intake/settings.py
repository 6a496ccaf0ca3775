"""Settings of the intake."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data.settings import SettingsError, setting

PER_MINUTE = (1, 1_000_000)
"""The range of every limit."""
CONTACT = re.compile(r"(https://|mailto:)[!-~]{3,500}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IntakeSettings:
    """The intake: HTTP to log."""

    host: str = setting(
        "localhost",
        "Name or address to listen on. Anything but localhost lets other machines vote: put a TLS proxy before it.",
    )
    port: int = setting(
        8080, "TCP port to listen on, 0 for any free one. Existing clients look for http://localhost:8080."
    )
    queue_size: int = setting(
        256,
        "Votes that may wait for their commit at once; one more is answered 503. "
        "Too small refuses votes in a rush, too large makes them wait longer than clients do.",
    )
    batch_size: int = setting(
        128,
        "Votes that one commit takes at most. Small costs throughput, large makes the first of a batch wait longer.",
    )
    vote_timeout_s: float = setting(
        5.0,
        "Seconds a vote waits for the votes log while another process holds it; then 503. "
        "Shorter than a bulk import's transactions and votes are refused while it runs.",
    )
    lookup_max_age_s: int = setting(
        60,
        "Seconds that clients and proxies may keep a look-up by hash prefix, an empty one included. "
        "Short costs requests, long shows old scores.",
    )
    store: str = setting(
        "", "Directory that the tree is published to; empty: public/ in the home. The publisher must have the same."
    )
    cdn_url: str = setting(
        "",
        "https:// address under which the published tree is served, without the closing slash; empty: none. "
        "Full synchronisations then redirect there: its v1/compat/ must answer with Content-Encoding: gzip and CORS *.",
    )
    trusted_hops: int = setting(
        0,
        "Proxies before this server that append to X-Forwarded-For. Too many and clients choose their own address, "
        "too few and all of them share the proxy's.",
    )
    rate_limits: str = setting(
        "on", "on, or off: nobody is limited, for load tests only. The flag --no-limits of serve says off."
    )
    limit_votes: int = setting(10, "Votes a minute of one voter; one more is answered 429.")
    limit_votes_address: int = setting(
        120,
        "Votes and retractions a minute from one address (IPv6: one /64), whoever casts them. "
        "Too small refuses schools and offices, too large lets one machine be many voters.",
    )
    limit_retractions: int = setting(5, "Retractions a minute of one voter.")
    limit_lookups: int = setting(100, "Look-ups of videos, channels and voters a minute from one address.")
    limit_sync: int = setting(2, "Synchronisations a minute from one address that are answered in full.")
    limit_stats: int = setting(10, "Statistics a minute for one address.")
    limit_exports: int = setting(1, "Research exports an hour for one address; redirects are free.")
    limit_network_factor: int = setting(
        10,
        "A /24 of IPv4 or /48 of IPv6 may ask so many times as often as one address in it. "
        "Too small lets neighbours of an attacker wait, too large lets an attacker use their whole network.",
    )
    log_format: str = setting("json", "json, or text: how lines on stderr look. Programs read json, people text.")
    log_requests: str = setting("on", "on, or off: whether each request is a line on stderr; faults always are.")
    security_contact: str = setting(
        "",
        "https:// or mailto: address for reports of security faults, told in /.well-known/security.txt; "
        "empty: there is no such file.",
    )
    min_free_mb: int = setting(
        512, "Megabytes (10^6 bytes) that must be free on the home's disk for /health/ready to answer 200."
    )

    def __post_init__(self) -> None:
        """Refuses what cannot work.

        Raises:
            SettingsError: A value is out of range.
        """
        ranges = {
            "port": (0, 65_535), "queue_size": (1, 4_096), "batch_size": (1, 4_096), "vote_timeout_s": (0.05, 600),
            "lookup_max_age_s": (0, 86_400), "trusted_hops": (0, 16), "min_free_mb": (0, 1_000_000_000),
            "limit_votes": PER_MINUTE, "limit_votes_address": PER_MINUTE, "limit_retractions": PER_MINUTE,
            "limit_lookups": PER_MINUTE, "limit_sync": PER_MINUTE, "limit_stats": PER_MINUTE,
            "limit_exports": PER_MINUTE, "limit_network_factor": (1, 65_536),
        }  # fmt: skip
        choices = {"rate_limits": ("on", "off"), "log_requests": ("on", "off"), "log_format": ("json", "text")}
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise SettingsError(f"REALTUBE_{name.upper()} must be {least} to {most}, found {getattr(self, name)}")
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise SettingsError(f"REALTUBE_{name.upper()} must be {' or '.join(allowed)}")
        if self.security_contact and not CONTACT.fullmatch(self.security_contact):
            raise SettingsError("REALTUBE_SECURITY_CONTACT must be an https:// or mailto: address")
        if self.cdn_url and (not self.cdn_url.startswith(("https://", "http://")) or self.cdn_url.endswith("/")):
            raise SettingsError(f"REALTUBE_CDN_URL must be https://… without a closing slash, found {self.cdn_url!r}")
