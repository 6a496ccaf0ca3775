"""Which published files readers may still need: a rule over keys and times. Pure.

| Class | Kept |
|---|---|
| commits, roots, Parquet files | for ever |
| rings, rolls, epochs files, lists of files, compat deltas, kill lists | while a tick of the last 30 days names them |
| bases, shards, compat bases | those of the last 7 days; of the 30 days before today one epoch a week |
| what no tick names | 48 hours: a publish that is running may be about to name it |

What the newest tick needs is always kept, and what its base's tick needs to lead clients over midnight.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from data.formats.tree import HEAD, is_shard

DAY_MS = 86_400_000
KEPT_DAYS = 30
"""How long clients find their way without a new base (`docs/formats.md`, section 9)."""
DAILY_DAYS = 7
"""For so long every day's base is kept."""
ORPHAN_MS = 2 * DAY_MS
CLASSES = {
    "commits": re.compile(r"v1/(?:c|root)/.*"),
    "Parquet files": re.compile(r"v1/parquet/(\d{4}-\d{2}-\d{2})/.*"),
    "lists of files": re.compile(r"v1/m/.*"),
    "rings": re.compile(r"v1/e/[^/]+/ring-.*"),
    "rolls": re.compile(r"v1/roll/.*"),
    "epochs files": re.compile(r"v1/epochs-.*"),
    "compat deltas": re.compile(r"v1/compat/[^/]+/delta-.*"),
    "kill lists": re.compile(r"v1/kill-.*"),
    "bases": re.compile(r"v1/e/(\d{4}-\d{2}-\d{2})/base-.*"),
    "shards": re.compile(r"v1/shard/(\d{4}-\d{2}-\d{2})-.*"),
    "compat bases": re.compile(r"v1/compat/(\d{4}-\d{2}-\d{2})/full-.*"),
}
"""By the first pattern that matches; a group is the epoch. Other keys are nobody's, and stay."""
FOR_EVER, THINNED = ("commits", "Parquet files"), ("bases", "shards", "compat bases")
UNLISTED = "commits"


@dataclass(frozen=True, slots=True)
class Naming:
    """Which ticks name which files, as far as their lists are there."""

    named_ms: Mapping[str, int]
    """Key -> time of the newest tick that names it."""
    needed: frozenset[str]
    """What the newest tick and its base's tick cannot do without."""
    epochs: frozenset[str]
    """Epochs of which at least one tick's list is there."""
    unread: frozenset[str]
    """Epochs of which a tick's list cannot be read: nothing of them is an orphan."""

    def named(self, key: str) -> int | None:
        """When a tick named a key last; a shard is named by its folder's sums."""
        return self.named_ms.get(folder_of(key) if is_shard(key) else key)

    def is_needed(self, key: str) -> bool:
        """Whether the newest tick needs a key."""
        return key in self.needed or (is_shard(key) and folder_of(key) in self.needed)


def folder_of(key: str) -> str:
    """The folder of a shard or of its sums, which stands for all in it."""
    return key.rpartition("/")[0] + "/"


def class_of(key: str) -> str | None:
    """The class that a key belongs to, None for what is nobody's."""
    return next((name for name, pattern in CLASSES.items() if pattern.fullmatch(key)), None)


@cache
def weekly(epochs: frozenset[str]) -> frozenset[str]:
    """The first epoch of each ISO week."""
    first: dict[tuple[int, int], str] = {}
    for epoch in sorted(epochs):
        year, week, _ = date.fromisoformat(epoch).isocalendar()
        first.setdefault((year, week), epoch)
    return frozenset(first.values())


def is_due(key: str, modified_ms: int, naming: Naming, *, now_ms: int) -> bool:
    """Whether a file may be deleted.

    Args:
        key: Its key.
        modified_ms: When it was written.
        naming: What ticks name.
        now_ms: Unix milliseconds.
    """
    kind = class_of(key)
    if key == HEAD or kind is None or kind == UNLISTED or naming.is_needed(key):
        return False
    named_ms, epoch = naming.named(key), _epoch_of(key, kind)
    if named_ms is None:
        return now_ms - modified_ms > ORPHAN_MS and _is_orphan(kind, epoch, naming)
    age_ms = now_ms - named_ms
    if kind in FOR_EVER:
        return False
    if kind in THINNED and age_ms > DAILY_DAYS * DAY_MS and epoch not in weekly(naming.epochs):
        return True
    return age_ms > KEPT_DAYS * DAY_MS


def _is_orphan(kind: str, epoch: str, naming: Naming) -> bool:
    """Whether a file that no list names is truly nobody's: the lists of its epoch may be pruned, but not it."""
    if kind in FOR_EVER:
        return epoch in naming.epochs and epoch > min(naming.epochs) and epoch not in naming.unread
    return epoch not in naming.unread


def _epoch_of(key: str, kind: str) -> str:
    match = CLASSES[kind].fullmatch(key)
    return match[1] if match and match.re.groups else ""
