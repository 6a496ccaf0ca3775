"""A second writer of published trees, made from docs/formats.md alone, in plain Python and without regard for speed.

Where the clients use numpy, this uses dictionaries: a misreading would have to be made twice.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients import packing
from tests.clients.packing import Row, in_order, integer_id, state_of, value_of
from tests.clients.signing import ONLINE, Signer, b64, canonical, root_text, sha256, sign

__all__ = ["Row", "in_order", "integer_id", "state_of", "value_of"]

Payload = dict[str, Any]
Files = dict[str, bytes]

DAY_MS = 86_400_000
LOG = "0123456789abcdef0123456789abcdef"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def columns(rows: Iterable[Row]) -> dict[str, str]:
    """Scores and flags, a byte each."""
    pairs = list(rows)
    return {"scores": b64(bytes(score for score, _ in pairs)), "flags": b64(bytes(flags for _, flags in pairs))}


def day_of(ts_ms: int) -> str:
    """The UTC day."""
    return datetime.datetime.fromtimestamp(ts_ms / 1000, datetime.UTC).date().isoformat()


def days_between(earlier: str, later: str) -> int:
    """How many days."""
    return (datetime.date.fromisoformat(later) - datetime.date.fromisoformat(earlier)).days


def h16(content: bytes) -> str:
    """For a file's name."""
    return sha256(content)[:16]


@dataclass
class Epoch:
    """What one UTC day has published so far."""

    day: str
    base_seq: int
    base_day: str
    base_rows: dict[str, Row]
    earlier: list[Epoch] = field(default_factory=list)
    """Oldest first."""
    numbers: dict[str, int] = field(default_factory=dict)
    blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By tick: `first`, `added`, `values` (row number → row or None)."""
    files: Files = field(default_factory=dict)
    """Base, rolls, sums, epochs file; and in `shards` what the sums list."""
    shards: Files = field(default_factory=dict)
    epochs: bytes = b""

    def __post_init__(self) -> None:
        """Number the base's rows, and write what stays for the epoch."""
        ids = in_order(self.base_rows)
        self.numbers = {i: number for number, i in enumerate(ids)}
        integers = [i for i in ids if value_of(i) is not None]
        content = {"v": 1, "epoch": self.day, "seq": self.base_seq, "n": len(ids), "state": state_of(self.base_rows)}
        content |= {"ids": "".join(integers), "others": ids[len(integers) :]}
        whole = packing.packed(canonical(content | columns(self.base_rows[i] for i in ids)))
        p1, p2 = packing.packed_base(self.base_rows, self.day, self.base_seq)
        base = {"seq": self.base_seq, "n": len(ids), "state": state_of(self.base_rows)}
        for name, end, text in (("p1", "p1", p1), ("p2", "p2", p2), ("json", "json.gz", whole)):
            self.files[f"v1/e/{self.day}/base-{h16(text)}.{end}"] = text
            base[name] = {"bytes": len(text), "file": sha256(text)}
        epochs = {"v": 1, "epoch": self.day, "base": base, "shards": self._shards(), "rolls": self._rolls()}
        self.epochs = packing.packed(canonical(epochs))
        self.files[f"v1/epochs-{h16(self.epochs)}.json.gz"] = self.epochs

    def _shards(self) -> dict[str, Any]:
        digits, top, shards = packing.shards(self.base_rows, self.day, self.base_seq)
        folder = f"v1/shard/{self.day}-{top[:16]}"
        self.shards = {f"{folder}/{name}.json.gz": text for name, text in shards.items()}
        sums = "".join(f"{sha256(text)}  {key}\n" for key, text in sorted(self.shards.items())).encode()
        self.files[f"{folder}/sums-{h16(sums)}.txt"] = sums
        return {"digits": digits, "root": top}

    def _rolls(self) -> list[dict[str, Any]]:
        rolls = []
        for old in reversed(self.earlier):
            if days_between(old.day, self.day) > 30:
                continue
            roll = packing.packed_roll(old.base_rows, self.base_rows, self.base_seq)
            if roll:
                self.files[f"v1/roll/{self.day}/{old.day}-{h16(roll)}.bin"] = roll
            entry = {"epoch": old.day, "seq": old.base_seq, "n": len(old.base_rows)}
            rolls.append(entry | {"bytes": len(roll), "file": sha256(roll) if roll else None})
        return rolls

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
        """The packed block of each tick since the base, newest first; empty where there is none."""
        blocks: list[bytes] = []
        following = None
        for tick in range(self.base_seq + 1, seq + 1):
            block = self.blocks.get(tick)
            if not block or not (block["added"] or block["values"]):
                blocks.append(b"")
                continue
            blocks.append(packing.packed_block(tick, following, block["first"], block["added"], block["values"]))
            following = sha256(blocks[-1])
        return blocks[::-1]

    def json_ring(self, seq: int) -> bytes:
        """The same blocks as JSON."""
        members: list[bytes] = []
        for tick in range(self.base_seq + 1, seq + 1):
            block = self.blocks.get(tick)
            if not block or not (block["added"] or block["values"]):
                continue
            rows = sorted((k, row) for k, row in block["values"].items() if row is not None)
            removed = sorted(k for k, row in block["values"].items() if row is None)
            following = sha256(members[-1]) if members else None
            content = {"v": 1, "seq": tick, "next": following, "first": block["first"], "added": block["added"]}
            content |= {"rows": [k for k, _ in rows], "removed": removed} | columns(row for _, row in rows)
            members.append(packing.packed(canonical(content)))
        return b"".join(reversed(members))


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
    exports: Callable[[Tree, Payload], Files] | None = None
    """More files of a tick."""
    inline: bool = True
    kill: tuple[str, ...] | None = None
    """Ids of the kill list; None publishes none."""
    roots: Files = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Publish root 1."""
        self.write_root(1, root_text())

    def write_root(self, version: int, text: bytes) -> None:
        """Put a root; the next tick lists it."""
        self.roots[f"v1/root/{version}.json"] = text
        self.write(f"v1/root/{version}.json", text)

    def write(self, key: str, content: bytes) -> None:
        """Put a file."""
        path = self.directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def read(self, key: str) -> bytes:
        """Get a file."""
        return (self.directory / key).read_bytes()

    def turn(self, seq: int, day: str, rows: Mapping[str, Row]) -> Epoch:
        """The epoch of a tick, begun when the day is a new one."""
        before = self.rows.get(seq - 1, {})
        if self.epoch is None or self.epoch.day != day:
            base_day = self.payloads[-1]["epoch"] if self.payloads else day
            earlier = [*self.epoch.earlier, self.epoch] if self.epoch else []
            self.epoch = Epoch(day, max(1, seq - 1), base_day, dict(before if seq > 1 else rows), earlier)
        if seq > 1:
            self.epoch.change(seq, before, rows)
        return self.epoch

    def tick(self, ts_ms: int, rows: Mapping[str, Row], **changes: Any) -> Payload:
        """Publish a tick; `changes` go over the head's fields before it is signed."""
        seq, day = len(self.payloads) + 1, day_of(ts_ms)
        epoch = self.turn(seq, day, rows)
        blocks = epoch.ring(seq)
        files, ring = self.roots | epoch.files, None
        if any(blocks):
            newest = next(tick for tick, block in zip(range(seq, 0, -1), blocks, strict=False) if block)
            whole, twin = b"".join(blocks), epoch.json_ring(seq)
            ring = {"file": h16(whole), "block": sha256(next(filter(None, blocks))), "sizes": [len(b) for b in blocks]}
            files[f"v1/e/{day}/ring-{newest}-{h16(whole)}.bin"] = whole
            files[f"v1/e/{day}/ring-{newest}-{h16(twin)}.jsonl.gz"] = twin
        self.rows[seq] = dict(rows)
        payload: Payload = {
            "v": 1, "req": [], "gen": self.gen, "log": self.log, "seq": seq, "epoch": day, "ts": ts_ms,
            "exp": ts_ms + DAY_MS, "next": ts_ms + 1_800_000, "spread": 300_000, "n": len(rows),
            "state": state_of(rows), "ring": ring, "through_position": seq * 10,
            "base": {"seq": epoch.base_seq, "epoch": epoch.base_day, "state": state_of(epoch.base_rows)},
            "epochs": {"file": sha256(epoch.epochs), "bytes": len(epoch.epochs)},
            "prev": sha256(canonical(self.payloads[-1])) if self.payloads else None,
        }  # fmt: skip
        if self.kill is not None:
            listed = canonical({"v": 1, "ids": in_order(self.kill)})
            files[f"v1/kill-{h16(listed)}.json"] = listed
            payload["kill"] = {"file": sha256(listed), "bytes": len(listed)}
        files |= self.exports(self, payload) if self.exports else {}
        inline = [b64(blocks[0]).encode()] if self.inline and blocks and 0 < len(blocks[0]) <= 4096 else []
        return self.put(payload, files, inline, changes)

    def put(self, payload: Payload, files: Files, inline: list[bytes], changes: Payload) -> Payload:
        """Write a tick's files, its list, its commit, the head and the sums."""
        seq = payload["seq"]
        named = {key: {"bytes": len(content), "sha256": sha256(content)} for key, content in files.items()}
        listing = canonical(
            {"v": 1, "seq": seq, "licence": "CC-BY-4.0", "round": [seq * 10, payload["ts"]], "files": named}
        )
        payload = payload | {"m": {"file": sha256(listing), "bytes": len(listing)}} | changes
        for key, content in (files | (self.epoch.shards if self.epoch else {})).items():
            self.write(key, content)
        self.write(f"v1/m/{seq}-{h16(listing)}.json", listing)
        self.payloads.append(payload)
        self.publish(sign("realtube/head/1", canonical(payload), [self.signer], inline), seq)
        sums = "".join(f"{entry['sha256']}  {key}\n" for key, entry in sorted(named.items()))
        self.write("SHA256SUMS", sums.encode())
        return payload

    def publish(self, head: bytes, seq: int) -> None:
        """Put a head and its commit."""
        self.write(f"v1/c/{seq}.json", head)
        self.write("v1/head", head)
