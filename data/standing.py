"""The standing file: voters' reliabilities of the last full round, private, for intake and for later ticks.

A cache: a publisher that lost it computes the same again; an intake without one takes everybody for a newcomer.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from data.score import GLOBAL_RATE, NO_VOTERS, Voters, logit

FORMAT = b"realtube/standing/1"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a full round found: a function of the log up to `round_position`, and of `round_ms`."""

    log_id: str
    """The log it was computed from."""
    round_position: int
    """How far the log was read."""
    round_ms: int
    """The time by which ages were counted."""
    prior: float
    """Log-odds that a voted video is AI before any vote."""
    voters: Voters


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
    }
    voters = standing.voters
    table = pa.table(
        {"level": voters.level, "flag_weight": voters.flag_weight, "counter_weight": voters.counter_weight}
    ).replace_schema_metadata(metadata)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    os.chmod(unfinished, 0o600)
    os.replace(unfinished, path)


def read(path: Path) -> Standing | None:
    """Reads the file; None when it is missing or not whole (it is a cache: compute it again)."""
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        metadata = table.schema.metadata or {}
        if metadata.get(b"format") != FORMAT:
            return None
        return Standing(
            log_id=metadata[b"log_id"].decode(),
            round_position=int(metadata[b"round_position"]),
            round_ms=int(metadata[b"round_ms"]),
            prior=float.fromhex(metadata[b"prior"].decode()),
            voters=Voters(*(table[name].to_numpy() for name in ("level", "flag_weight", "counter_weight"))),
        )
    except (OSError, pa.ArrowInvalid, KeyError, ValueError):
        return None
