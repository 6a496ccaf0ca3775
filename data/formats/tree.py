"""Names in the published tree (`docs/formats.md`, section 2)."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime

import orjson

HEAD = "v1/head"
SHA256SUMS = "SHA256SUMS"
LICENCE = "CC-BY-4.0"
GZIP_LEVEL = 6
BASE_FORMS = ("p1", "p2", "json.gz")
"""The packed base's two parts, the same rows as JSON."""
PACKED_FORMS = BASE_FORMS[:2]
RING_FORMS = ("bin", "jsonl.gz")
"""The packed ring, the same changes as JSON."""


class FormatError(Exception):
    """Published bytes do not say what the format promises; whoever read them keeps what they had."""


def sha256(body: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(body).hexdigest()


def root_key(version: int) -> str:
    """Key of a root file."""
    return f"v1/root/{version}.json"


def commit_key(seq: int) -> str:
    """Key of a tick's commit record: creating it is the commit."""
    return f"v1/c/{seq}.json"


def epochs_key(digest: str) -> str:
    """Key of an epochs file."""
    return f"v1/epochs-{digest[:16]}.json.gz"


def base_key(epoch: str, digest: str, form: str) -> str:
    """Key of one of an epoch's base files; `form` is one of `BASE_FORMS`."""
    return f"v1/e/{epoch}/base-{digest[:16]}.{form}"


def ring_key(epoch: str, seq: int, digest: str, form: str) -> str:
    """Key of a ring file; `seq` is its newest block's, `form` one of `RING_FORMS`."""
    return f"v1/e/{epoch}/ring-{seq}-{digest[:16]}.{form}"


def roll_key(epoch: str, start: str, digest: str) -> str:
    """Key of the roll from the base of epoch `start` to the base of `epoch`."""
    return f"v1/roll/{epoch}/{start}-{digest[:16]}.bin"


def shard_key(epoch: str, top: str, prefix: str) -> str:
    """Key of a shard; `top` is the hash at the top of the shards' tree."""
    return f"v1/shard/{epoch}-{top[:16]}/{prefix}.json.gz"


def sums_key(epoch: str, top: str, digest: str) -> str:
    """Key of the hashes of an epoch's shards."""
    return f"v1/shard/{epoch}-{top[:16]}/sums-{digest[:16]}.txt"


def is_shard(key: str) -> bool:
    """Whether a key is a shard's: these are in no list of files."""
    return key.startswith("v1/shard/") and "/sums-" not in key


def kill_key(digest: str) -> str:
    """Key of a kill list."""
    return f"v1/kill-{digest[:16]}.json"


def files_key(seq: int, digest: str) -> str:
    """Key of a tick's list of files."""
    return f"v1/m/{seq}-{digest[:16]}.json"


def snapshot_key(epoch: str, seq: int, digest: str) -> str:
    """Key of the Parquet verdicts at an epoch's base."""
    return f"v1/parquet/{epoch}/videos-{seq}-{digest[:16]}.parquet"


def changes_key(epoch: str, seq: int, digest: str) -> str:
    """Key of the Parquet verdicts that one tick changed."""
    return f"v1/parquet/{epoch}/videos-delta-{seq}-{digest[:16]}.parquet"


def channels_key(epoch: str, seq: int, digest: str) -> str:
    """Key of the channel scores that an epoch's first tick learned."""
    return f"v1/parquet/{epoch}/channels-{seq}-{digest[:16]}.parquet"


def seq_of_verdicts(key: str) -> int:
    """The tick in the key of a Parquet file of verdicts."""
    return int(key.rsplit("/", 1)[1].removeprefix("videos-").removeprefix("delta-").split("-")[0])


def full_key(epoch: str, digest: str) -> str:
    """Key of the base in the HTTP interface's form."""
    return f"v1/compat/{epoch}/full-{digest[:16]}.json.gz"


def delta_key(epoch: str, seq: int, digest: str) -> str:
    """Key of the epoch's changes in the HTTP interface's form; `seq` is the newest change's."""
    return f"v1/compat/{epoch}/delta-{seq}-{digest[:16]}.json.gz"


def epoch_of(ts_ms: int) -> str:
    """The UTC day of a moment, `YYYY-MM-DD`."""
    return datetime.fromtimestamp(ts_ms // 1000, UTC).strftime("%Y-%m-%d")


def rfc3339(ts_ms: int) -> str:
    """A moment as RFC 3339 text with milliseconds, `2026-11-21T08:30:00.000Z`."""
    return f"{datetime.fromtimestamp(ts_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ts_ms % 1000:03d}Z"


def canonical(value: object) -> bytes:
    """Canonical JSON (RFC 8785) of objects, arrays, ASCII text, integers, booleans and null: all that we publish."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def gzipped(body: bytes) -> bytes:
    """Gzip with no time in it: the same bytes whenever it is made."""
    return gzip.compress(body, GZIP_LEVEL, mtime=0)
