"""The standing file: what the last full round learned and the last tick held, private, for intake and later ticks.

A cache: a publisher that lost it computes the same again; an intake without one takes everybody for a newcomer.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data.columns import Floats, Ints, Keys, Mask
from data.score import logit
from data.voters import GLOBAL_RATE, NO_VOTERS, Levels, Voters

FORMAT = b"realtube/standing/3"
DIGEST_BYTES = 32
"""The file begins with the SHA-256 of what follows: a wrong reliability would be signed and published."""
OF_VOTERS = ("level", "flag_weight", "counter_weight", "proven", "cluster")
OF_FLIPS = ("video", "since_ms", "above")
MASKS = ("channels.truthful", "flips.above")


@dataclass(frozen=True, slots=True)
class Channels:
    """What channels say of their videos; log-odds, by key."""

    truthful: Mask = field(default_factory=lambda: np.zeros(1, np.bool_))
    """By voter key: whose claims of a channel count."""
    prior: Floats = field(default_factory=lambda: np.zeros(1))
    """By channel key: the prior of a video that the round did not know."""
    video_channel: Keys = field(default_factory=lambda: np.zeros(1, np.int32))
    """By video key: the channel that the round took it to belong to, 0 none."""
    video_prior: Floats = field(default_factory=lambda: np.zeros(1))
    """By video key: the prior that this channel's other videos give it."""
    low: Floats = field(default_factory=lambda: np.zeros(1))
    """By channel key: lower end of the 90 % interval of its share of AI, 0-1."""
    share: Floats = field(default_factory=lambda: np.zeros(1))
    """By channel key: its share of AI, 0-1."""
    high: Floats = field(default_factory=lambda: np.zeros(1))
    """By channel key: upper end."""
    settled: Floats = field(default_factory=lambda: np.zeros(1))
    """By channel key: how many of its videos are settled by audits or established voters."""


@dataclass(frozen=True, slots=True)
class HeldFlips:
    """Flips that the last tick held (`data.flips`); one a row. The published verdicts say the same."""

    video: Keys = field(default_factory=lambda: np.zeros(0, np.int32))
    """Ascending, each once."""
    since_ms: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    """Time of the tick that held it first."""
    above: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Whether the old side is 50 or more."""
    position: int = 0
    """How far that tick read the log."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a full round found: a function of the log up to `round_position`, and of `round_ms`; and held flips."""

    log_id: str
    """The log it was computed from."""
    round_position: int
    """How far the log was read."""
    round_ms: int
    """The time by which ages were counted."""
    prior: float
    """Log-odds that a voted video is AI before any vote, its channel unknown."""
    voters: Voters
    channels: Channels = field(default_factory=Channels)
    flips: HeldFlips = field(default_factory=HeldFlips)


def newcomers_only(log_id: str) -> Standing:
    """What holds before the first full round."""
    return Standing(log_id, round_position=0, round_ms=0, prior=float(logit(GLOBAL_RATE)), voters=NO_VOTERS)


def write(path: Path, standing: Standing) -> None:
    """Replaces the file atomically: a reader sees the old one or the new one."""
    metadata = {
        "format": FORMAT,
        "log_id": standing.log_id,
        "round_position": str(standing.round_position),
        "round_ms": str(standing.round_ms),
        "prior": standing.prior.hex(),
        "levels": " ".join(value.hex() for value in astuple(standing.voters.levels)),
        "flips_position": str(standing.flips.position),
    }
    everyone = standing.voters.of(np.arange(len(standing.voters.level), dtype=np.int32))
    columns = {name: getattr(everyone, name) for name in OF_VOTERS}
    columns |= {f"channels.{name}": getattr(standing.channels, name) for name in Channels.__slots__}
    columns |= {f"flips.{name}": getattr(standing.flips, name) for name in OF_FLIPS}
    # One row of lists: the columns belong to voters, videos and channels, so they differ in length.
    table = pa.table({name: _list(column) for name, column in columns.items()}).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    body = sink.getvalue().to_pybytes()
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    with unfinished.open("wb") as file:
        file.write(hashlib.sha256(body).digest() + body)
        file.flush()
        os.fsync(file.fileno())
    unfinished.chmod(0o600)
    unfinished.replace(path)


def read(path: Path) -> Standing | None:
    """Reads the file; None when it is missing or not whole (it is a cache: compute it again)."""
    try:
        content = path.read_bytes()
        digest, body = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return None  # half written, or damaged since
        table = pa.ipc.open_file(pa.BufferReader(body)).read_all()
        metadata = table.schema.metadata or {}
        if metadata.get(b"format") != FORMAT:
            return None
        levels = Levels(*(float.fromhex(value) for value in metadata[b"levels"].decode().split()))
        return Standing(
            log_id=metadata[b"log_id"].decode(),
            round_position=int(metadata[b"round_position"]),
            round_ms=int(metadata[b"round_ms"]),
            prior=float.fromhex(metadata[b"prior"].decode()),
            voters=Voters(**{name: _array(table, name) for name in OF_VOTERS}, levels=levels),
            channels=Channels(**{name: _array(table, f"channels.{name}") for name in Channels.__slots__}),
            flips=HeldFlips(
                **{name: _array(table, f"flips.{name}") for name in OF_FLIPS}, position=int(metadata[b"flips_position"])
            ),
        )
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError, IndexError):
        return None


def _list(column: npt.NDArray[Any]) -> pa.ListArray:
    values = column.astype(np.uint8) if column.dtype == np.bool_ else column
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), pa.array(values))


def _array(table: pa.Table, name: str) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = table[name].chunk(0).values.to_numpy()
    return values.astype(np.bool_) if name in MASKS else values
