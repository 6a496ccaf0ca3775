"""A second writer of published trees, made from docs/formats.md alone, in plain Python and without regard for speed.

Where the clients use numpy, this uses dictionaries: a misreading would have to be made twice.
"""

from __future__ import annotations

import base64
import datetime
import gzip
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients.signing import ONLINE, Signer, b64, canonical, root_text, sha256, sign

Row = tuple[int, int]
"""Score and flags."""
Payload = dict[str, Any]

DAY_MS = 86_400_000
LOG = "0123456789abcdef0123456789abcdef"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def packed(content: bytes) -> bytes:
    """Gzip without a time."""
    return gzip.compress(content, mtime=0)


def integer_id(number: int) -> str:
    """The video id whose value is this 64-bit number."""
    return base64.urlsafe_b64encode(number.to_bytes(8, "big")).decode().rstrip("=")


def value_of(video_id: str) -> int | None:
    """The value of an integer id, None for other ids."""
    if len(video_id) != 11 or video_id[-1] not in "AEIMQUYcgkosw048":
        return None
    return int.from_bytes(base64.urlsafe_b64decode(video_id + "="), "big")


def in_order(ids: Iterable[str]) -> list[str]:
    """Integer ids by value, then the others by their bytes."""
    return sorted(ids, key=lambda i: (value_of(i) is None, value_of(i) or 0, i.encode()))


def state_of(rows: Mapping[str, Row]) -> str:
    """The hash of all rows."""
    ids = in_order(rows)
    integers = [i for i in ids if value_of(i) is not None]
    others = ids[len(integers) :]
    parts = [b"realtube/state/1\n", len(integers).to_bytes(8, "big")]
    parts += [(value_of(i) or 0).to_bytes(8, "big") + bytes(rows[i]) for i in integers]
    parts += [len(others).to_bytes(8, "big")]
    parts += [bytes([len(i)]) + i.encode() + bytes(rows[i]) for i in others]
    return sha256(b"".join(parts))


def columns(rows: Iterable[Row]) -> dict[str, str]:
    """Scores and flags, a byte each."""
    pairs = list(rows)
    return {"scores": b64(bytes(score for score, _ in pairs)), "flags": b64(bytes(flags for _, flags in pairs))}


def day_of(ts_ms: int) -> str:
    """The UTC day."""
    return datetime.datetime.fromtimestamp(ts_ms / 1000, datetime.UTC).date().isoformat()


@dataclass
class Epoch:
    """What one UTC day has published so far."""

    day: str
    base_seq: int
    base_rows: dict[str, Row]
    base: bytes = b""
    numbers: dict[str, int] = field(default_factory=dict)
    blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By tick: `first`, `added`, `values` (row number → row or None)."""

    def __post_init__(self) -> None:
        """Number the base's rows."""
        ids = in_order(self.base_rows)
        self.numbers = {i: number for number, i in enumerate(ids)}
        integers = [i for i in ids if value_of(i) is not None]
        content = {"v": 1, "epoch": self.day, "seq": self.base_seq, "n": len(ids), "state": state_of(self.base_rows)}
        content |= {"ids": "".join(integers), "others": ids[len(integers) :]}
        self.base = packed(canonical(content | columns(self.base_rows[i] for i in ids)))

    def change(self, seq: int, before: Mapping[str, Row], after: Mapping[str, Row]) -> None:
        """Note what tick `seq` changed."""
        first = len(self.numbers)
        added = in_order(i for i in after if i not in self.numbers)
        self.numbers |= {i: first + place for place, i in enumerate(added)}
        values = {self.numbers[i]: after.get(i) for i in {*before, *after} if before.get(i) != after.get(i)}
        if values:
            for block in self.blocks.values():
                block["values"] = {k: row for k, row in block["values"].items() if k not in values}
            self.blocks[seq] = {"first": first, "added": added, "values": values}

    def ring(self, seq: int) -> list[bytes]:
        """The block of each tick since the base, newest first; empty where there is none."""
        packed_blocks: list[bytes] = []
        following = None
        for tick in range(self.base_seq + 1, seq + 1):
            if tick not in self.blocks:
                packed_blocks.append(b"")
                continue
            block = self.blocks[tick]
            rows = sorted((k, row) for k, row in block["values"].items() if row is not None)
            removed = sorted(k for k, row in block["values"].items() if row is None)
            content = {"v": 1, "seq": tick, "next": following, "first": block["first"], "added": block["added"]}
            content |= {"rows": [k for k, _ in rows], "removed": removed} | columns(row for _, row in rows)
            packed_blocks.append(packed(canonical(content)))
            following = sha256(packed_blocks[-1])
        return packed_blocks[::-1]


@dataclass
class Tree:
    """A published tree in a directory, and what it was made from."""

    directory: Path
    log: str = LOG
    gen: int = 1
    signer: Signer = ONLINE
    rows: dict[int, dict[str, Row]] = field(default_factory=dict)
    """By tick."""
    payloads: list[Payload] = field(default_factory=list)
    epoch: Epoch | None = None
    exports: Callable[[Tree, Payload], dict[str, bytes]] | None = None
    """More files of a tick."""
    inline: bool = True

    def __post_init__(self) -> None:
        """Publish root 1."""
        self.write("v1/root/1.json", root_text())

    def write(self, key: str, content: bytes) -> None:
        """Put a file."""
        path = self.directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def read(self, key: str) -> bytes:
        """Get a file."""
        return (self.directory / key).read_bytes()

    def tick(self, ts_ms: int, rows: Mapping[str, Row], **changes: Any) -> Payload:
        """Publish a tick; `changes` go over the head's fields before it is signed."""
        seq, day = len(self.payloads) + 1, day_of(ts_ms)
        before = self.rows.get(seq - 1, {})
        if self.epoch is None or self.epoch.day != day:
            self.epoch = Epoch(day, max(1, seq - 1), dict(before if seq > 1 else rows))
        if seq > 1:
            self.epoch.change(seq, before, rows)
        blocks = self.epoch.ring(seq)
        files = {f"v1/e/{day}/base-{sha256(self.epoch.base)[:16]}.json.gz": self.epoch.base}
        ring = None
        if any(blocks):
            newest = next(tick for tick, block in zip(range(seq, 0, -1), blocks, strict=False) if block)
            whole = b"".join(blocks)
            name = f"v1/e/{day}/ring-{newest}-{sha256(whole)[:16]}.jsonl.gz"
            sizes = [len(block) for block in blocks]
            ring = {"name": name, "bytes": len(whole), "block": sha256(next(filter(None, blocks))), "sizes": sizes}
            files[name] = whole
        self.rows[seq] = dict(rows)
        payload: Payload = {
            "v": 1, "req": [], "gen": self.gen, "log": self.log, "seq": seq, "epoch": day, "ts": ts_ms,
            "exp": ts_ms + DAY_MS, "next": ts_ms + 1_800_000, "spread": 300_000, "n": len(rows),
            "state": state_of(rows), "ring": ring, "through_position": seq * 10, "round": [seq, ts_ms],
            "base": {"seq": self.epoch.base_seq, "state": state_of(self.epoch.base_rows),
                     "file": sha256(self.epoch.base), "bytes": len(self.epoch.base)},
            "prev": sha256(canonical(self.payloads[-1])) if self.payloads else None,
            "kill": None, "sunset": None, "licence": "CC-BY-4.0",
        }  # fmt: skip
        files |= self.exports(self, payload) if self.exports else {}
        named = {key: {"bytes": len(content), "sha256": sha256(content)} for key, content in files.items()}
        listing = canonical({"v": 1, "seq": seq, "files": named})
        payload |= {"m": {"file": sha256(listing), "bytes": len(listing)}} | changes
        for key, content in files.items():
            self.write(key, content)
        self.write(f"v1/m/{seq}-{sha256(listing)[:16]}.json", listing)
        self.payloads.append(payload)
        inline = [b64(blocks[0]).encode()] if self.inline and blocks and 0 < len(blocks[0]) <= 4096 else []
        self.publish(sign("realtube/head/1", canonical(payload), [self.signer], inline), seq)
        sums = "".join(f"{entry['sha256']}  {key}\n" for key, entry in sorted(named.items()))
        self.write("SHA256SUMS", sums.encode())
        return payload

    def publish(self, head: bytes, seq: int) -> None:
        """Put a head and its commit."""
        self.write(f"v1/c/{seq}.json", head)
        self.write("v1/head", head)
