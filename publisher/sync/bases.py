"""The files that say what an epoch starts from: its base, packed and as JSON, its shards, its epochs file. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.formats import base, shards
from data.formats.epochs import Epochs, RollFile, Shards
from data.formats.head import File
from data.formats.rows import Rows
from data.formats.tree import BASE_FORMS, PACKED_FORMS, base_key, epochs_key, roll_key, sha256, shard_key, sums_key
from publisher.store import Artifact
from publisher.sync.rolls import Roll

GZIP, BINARY = "application/gzip", "application/octet-stream"


@dataclass(frozen=True, slots=True)
class BaseFiles:
    """A base that is ready to be published."""

    epochs: Epochs
    file: File
    """The epochs file."""
    artifacts: list[Artifact]


def encode(rows: Rows, rolls: Sequence[Roll], *, epoch: str, seq: int) -> BaseFiles:
    """Writes the files of a base.

    Args:
        rows: In published order.
        rolls: What leads to them, the newest first.
        epoch: The epoch that starts from them.
        seq: The tick whose rows they are.
    """
    state = rows.state()
    bodies = dict(zip(BASE_FORMS, (
        *base.encode_packed(rows, epoch=epoch, seq=seq, state=state),
        base.encode_json(rows, epoch=epoch, seq=seq, state=state),
    ), strict=True))  # fmt: skip
    artifacts = [
        Artifact(base_key(epoch, sha256(body), form), body, GZIP if form.endswith(".gz") else BINARY)
        for form, body in bodies.items()
    ]
    split = shards.encode(rows, epoch=epoch, seq=seq)
    artifacts += _shards(split, epoch)
    ways = _useful(rolls, sum(len(bodies[form]) for form in PACKED_FORMS))
    artifacts += [Artifact(roll_key(epoch, roll.epoch, sha256(body)), body, BINARY) for roll, body in ways if body]
    epochs = Epochs(
        epoch=epoch, seq=seq, n=len(rows), state=state, files={form: file_of(body) for form, body in bodies.items()},
        shards=Shards(split.digits, split.top),
        rolls=tuple(
            RollFile(roll.epoch, roll.seq, roll.n, file_of(body) if body else None) for roll, body in ways
        ),
    )  # fmt: skip
    body = epochs.encode()
    return BaseFiles(epochs, file_of(body), [*artifacts, Artifact(epochs_key(sha256(body)), body, GZIP)])


def file_of(body: bytes) -> File:
    """What a list says of a file."""
    return File(sha256(body), len(body))


def _useful(rolls: Sequence[Roll], base_bytes: int) -> list[tuple[Roll, bytes]]:
    """Rolls and their bytes, less those that are larger than the packed base."""
    written = [(roll, roll.encode()) for roll in rolls]
    return [(roll, body) for roll, body in written if len(body) <= base_bytes]


def _shards(split: shards.ShardSet, epoch: str) -> list[Artifact]:
    bodies = {shard_key(epoch, split.top, prefix): body for prefix, body in split.files.items()}
    sums = "".join(f"{sha256(body)}  {key}\n" for key, body in bodies.items()).encode()
    return [
        *(Artifact(key, body, GZIP) for key, body in bodies.items()),
        Artifact(sums_key(epoch, split.top, sha256(sums)), sums, "text/plain; charset=utf-8"),
    ]
