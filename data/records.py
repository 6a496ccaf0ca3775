"""What a vote is, and what makes each of its fields valid."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

CATEGORIES = ("fully_ai", "ai_voiceover", "ai_visuals", "ai_thumbnails", "ai_assisted")
"""What a vote may say is AI, in bit order: `CATEGORIES[i]` is bit `1 << i` of a category mask."""

NOT_AI = "not_ai"
"""The counter-vote: made by people."""

STANCES = (*CATEGORIES, NOT_AI)
"""Everything that a vote may name, in bit order."""

BIT_OF = {name: 1 << place for place, name in enumerate(STANCES)}
NOT_AI_BIT = BIT_OF[NOT_AI]
RETRACTION = 0
"""The mask of a vote that takes the voter's earlier vote back."""

VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,16}", re.ASCII)
VOTER_ID = re.compile(r"[0-9a-f]{1,64}", re.ASCII)
CHANNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
NETWORK = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
HASH_PREFIX = re.compile(r"[0-9a-f]{4,8}", re.ASCII)
LATEST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z: no time beyond it can be written in RFC 3339."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One voter's statement about one video at one moment: an event, never edited."""

    cast_at_ms: int
    """When it was cast, Unix milliseconds UTC."""
    voter_id: str
    """Who votes: 1-64 lower-case hex digits. Their only credential: never published, never logged."""
    video_id: str
    """What it is about: 1-16 characters of `A-Za-z0-9_-`."""
    categories: int
    """Mask of `BIT_OF`; `RETRACTION` takes the earlier vote back; `NOT_AI_BIT` stands alone."""
    channel_id: str = ""
    """The channel that the client claims, or empty."""
    network: str = ""
    """Opaque token of the voter's network, or empty."""
    voter_since_ms: int = 0
    """When the voter was first seen elsewhere, or 0: then the first vote says it."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refusal that a caller must be told: an expected outcome, not a failure."""

    code: str
    """Stable code of the HTTP contract, for example `INVALID_CATEGORY`."""
    message: str
    """What was expected and what was found, in one sentence."""


def mask_of(names: Sequence[object]) -> int | Rejection:
    """Turns category names into a mask.

    Args:
        names: One or more of `STANCES`; repeats are harmless; `not_ai` only alone.
    """
    mask = 0
    for name in names:
        bit = BIT_OF.get(name) if isinstance(name, str) else None
        if bit is None:
            return Rejection("INVALID_CATEGORY", f"unknown category; expected one of {', '.join(STANCES)}")
        mask |= bit
    if mask & NOT_AI_BIT and mask != NOT_AI_BIT:
        return Rejection("INVALID_CATEGORY", f"{NOT_AI} says that nothing is AI, so it cannot stand beside others")
    return mask


def names_of(mask: int) -> list[str]:
    """Turns a mask into category names, in bit order."""
    return [name for name, bit in BIT_OF.items() if mask & bit]


def hash_prefix(video_id: str) -> int:
    """First 32 bits of `sha256(video_id)`, by which clients look videos up without naming them."""
    return int.from_bytes(hashlib.sha256(video_id.encode()).digest()[:4], "big")
