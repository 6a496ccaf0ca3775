"""Settings of the intake."""

from __future__ import annotations

from dataclasses import dataclass

from data.settings import SettingsError, setting


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
        }  # fmt: skip
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise SettingsError(f"REALTUBE_{name.upper()} must be {least} to {most}, found {getattr(self, name)}")
        if self.cdn_url and (not self.cdn_url.startswith(("https://", "http://")) or self.cdn_url.endswith("/")):
            raise SettingsError(f"REALTUBE_CDN_URL must be https://… without a closing slash, found {self.cdn_url!r}")
