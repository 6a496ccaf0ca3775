"""Made-up ids that look like real ones: the same words give the same id."""

from __future__ import annotations

import base64
import hashlib


def voter_id(*words: object) -> str:
    """64 hex digits, as the browser extension sends them."""
    return _digest("voter", *words).hex()


def video_id(*words: object) -> str:
    """A 64-bit number in 11 characters."""
    return _text(_digest("video", *words)[:8])


def odd_video_id(length: int, *words: object) -> str:
    """An id of any length up to 16, as other platforms have them."""
    return _text(_digest("odd video", *words))[:length]


def channel_id(*words: object) -> str:
    """`UC` with 22 characters behind it."""
    return "UC" + _text(_digest("channel", *words))[:22]


def _digest(*words: object) -> bytes:
    return hashlib.sha256(" ".join(map(str, words)).encode()).digest()


def _text(some: bytes) -> str:
    return base64.urlsafe_b64encode(some).decode().rstrip("=")
