"""What an origin, or a thief of the online key, may put in the place of honest files."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.histories import History, known_key
from data.formats import signed
from tests.clients.packing import ascending, column, low_halves, packed, packed_base, packed_block, packed_roll, varint
from tests.clients.signing import canonical, sha256
from tests.vectors.story import ROWS, text_of

Files = dict[str, bytes]
Payload = dict[str, Any]
ONLINE, STRANGER = known_key(9), known_key(200)


@dataclass
class Spoiled:
    """What is served instead: a head, and files over the honest ones."""

    head: bytes
    files: Files = field(default_factory=dict)


def payload_of(text: bytes) -> Payload:
    """What a head says."""
    payload: Payload = json.loads(text.split(b"\n")[0])
    return payload


def signed_head(
    payload: Payload, *keys: Ed25519PrivateKey, context: str = signed.HEAD_CONTEXT, attachments: Sequence[bytes] = ()
) -> bytes:
    """A head, signed by the online key unless others are named."""
    return signed.sign(canonical(payload), context, keys or (ONLINE,), attachments)


def entry(content: bytes) -> dict[str, Any]:
    """How a head names a file."""
    return {"file": sha256(content), "bytes": len(content)}


def ring_key(payload: Payload) -> str:
    """Where the packed ring of a head is."""
    newest = payload["seq"] - next(place for place, size in enumerate(payload["ring"]["sizes"]) if size)
    return f"v1/e/{payload['epoch']}/ring-{newest}-{payload['ring']['file']}.bin"


def with_block(history: History, on: int, block: bytes, **changes: Any) -> Spoiled:
    """A signed head of the tick after `on`, whose newest block is this one."""
    last = payload_of(text_of(history, on))
    whole = block + history.objects[ring_key(last)]
    ring = {"file": sha256(whole)[:16], "block": sha256(block), "sizes": [len(block), *last["ring"]["sizes"]]}
    again = {"seq": on + 1, "ts": last["ts"] + 1, "prev": sha256(canonical(last)), "ring": ring}
    payload = last | again | changes
    return Spoiled(signed_head(payload), {ring_key(payload): whole})


def block_parts(history: History, on: int, numbers: int) -> Files:
    """A good block of the tick after `on`, part by part: it gives row 0 a score of 50 and the flag 1."""
    score, flags = column([50]), column([1])
    return {
        "next": bytes.fromhex(payload_of(text_of(history, on))["ring"]["block"]),
        "seq": varint(on + 1), "first": varint(numbers),
        "integers": varint(0), "others": varint(0), "rows": varint(1), "removed": varint(0),
        "top": b"", "low": b"", "ids": b"", "row numbers": ascending([0]), "removed numbers": b"",
        "score length": varint(len(score)), "scores": score, "flag length": varint(len(flags)), "flags": flags,
    }  # fmt: skip


def columns(scores: Sequence[int], flags: Sequence[int]) -> Files:
    """Both columns with their lengths."""
    a, b = column(scores), column(flags)
    return {"score length": varint(len(a)), "scores": a, "flag length": varint(len(b)), "flags": b}


def scores_as(stream: bytes) -> Files:
    """Other bytes as the scores."""
    return {"score length": varint(len(stream)), "scores": stream}


BOMB = column(bytes(4 << 20))
"""A column that goes on for four million rows."""
BLOCKS: dict[str, Files] = {
    "endless column": scores_as(BOMB),
    "column too short": scores_as(column([])),
    "column cut off": scores_as(column([50])[:-1]),
    "column with a tail": scores_as(column([50]) + b"x"),
    "score above 100": scores_as(column([101])),
    "padding in the unary part": {"row numbers": b"\0\x01\xc0"},
    "padding in the low bits": {"row numbers": b"\x03\x01\x80\x01"},
    "unary part too long": {"row numbers": b"\0\x02\x80\0"},
    "k of 32": {"row numbers": b"\x20\x01\x80\0\0\0\0"},
    "integer of 2^32": {"row numbers": b"\x1f\x01\x20\0\0\0\0"},
    "repeated row number": {"rows": varint(2), "row numbers": ascending([0, 0]), **columns([50, 50], [1, 1])},
    "row set and removed": {"removed": varint(1), "removed numbers": ascending([0])},
    "row number that nobody has": {"row numbers": ascending([10_000])},
    "another tick's block": {"seq": varint(9)},
    "numbers that do not go on": {"first": varint(0)},
    "integer id among the others": {"others": varint(1), "ids": b"\x0b" + b"A" * 11},
    "id with another character": {"others": varint(1), "ids": b"\x03a b"},
    "others out of order": {"others": varint(2), "ids": b"\x01b\x01a"},
    "integers out of order": {"integers": varint(2), "top": ascending([5, 5]), "low": low_halves([2, 1])},
    "more rows than bytes": {"rows": varint(2**40)},
    "varint of nine bytes": {"seq": b"\x84" + b"\x80" * 7 + b"\0"},
    "varint of 2^53 and more": {"first": b"\xff" * 7 + b"\x7f"},
    "tail": {"tail": b"\0"},
    "nothing changed": {
        "rows": varint(0), "row numbers": b"", "score length": b"", "scores": b"", "flag length": b"", "flags": b"",
    },
    "chain cut": {"next": bytes(32)},
}  # fmt: skip
"""Blocks that break their format in one part, though the head vouches for them."""


def with_epochs(history: History, seq: int, change: Callable[[dict[str, Any]], None], files: Files) -> Spoiled:
    """A signed head of a tick whose epochs file is another one.

    Args:
        history: The honest one.
        seq: The tick.
        change: Takes the epochs file's object and changes it.
        files: Further files.
    """
    payload = payload_of(text_of(history, seq))
    epochs = json.loads(gzip.decompress(history.objects[f"v1/epochs-{payload['epochs']['file'][:16]}.json.gz"]))
    change(epochs)
    return with_epochs_file(history, seq, packed(canonical(epochs)), files)


def with_epochs_file(history: History, seq: int, text: bytes, files: Files) -> Spoiled:
    """A signed head of a tick that names these bytes as its epochs file."""
    payload = payload_of(text_of(history, seq)) | {"epochs": entry(text)}
    return Spoiled(signed_head(payload), files | {f"v1/epochs-{sha256(text)[:16]}.json.gz": text})


def with_base(history: History, seq: int, p1: bytes, p2: bytes) -> Spoiled:
    """A signed head of a tick whose packed base has these bytes."""
    day = payload_of(text_of(history, seq))["epoch"]

    def change(epochs: dict[str, Any]) -> None:
        epochs["base"] |= {"p1": entry(p1), "p2": entry(p2)}

    files = {f"v1/e/{day}/base-{sha256(text)[:16]}.{form}": text for form, text in (("p1", p1), ("p2", p2))}
    return with_epochs(history, seq, change, files)


def bases(rows: ROWS, day: str, seq: int) -> dict[str, tuple[bytes, bytes]]:
    """Packed bases that are not the one of these rows."""
    p1, p2 = packed_base(rows, day, seq)
    line = json.loads(p1.split(b"\n")[0])
    top, bomb = line["sections"][0], BOMB
    start = len(p1.split(b"\n")[0]) + 1
    sections = [top, len(bomb), *line["sections"][2:]]
    after = start + top + line["sections"][1]
    endless = canonical(line | {"sections": sections}) + b"\n" + p1[start : start + top] + bomb + p1[after:]
    some = next(iter(rows))
    return {
        "endless column": (endless, p2),
        "other rows": packed_base(rows | {some: ((rows[some][0] + 1) % 100, 1)}, day, seq),
        "another count": packed_base(rows, day, seq, n=len(rows) + 1),
        "another tick": packed_base(rows, day, seq + 1),
        "part 2 too short": (p1, p2[:-4]),
        "part 1 with a tail": (p1 + b"x", p2),
        "integers out of order": (p1, p2[4:] + p2[:4]),
        "score above 100": packed_base(rows | {some: (101, 1)}, day, seq),
    }


def rolls(before: ROWS, after: ROWS, seq: int) -> Files:
    """Rolls that do not lead from one base to another, though the epochs file vouches for them."""
    good = packed_roll(before, after, seq)
    return {
        "to other rows": packed_roll(before, before | {"x": (1, 1)}, seq),
        "of another tick": packed_roll(before, after, seq + 1),
        "with a block behind it": b"\1" * 32 + good[32:],
        "cut off": good[:-1],
        "from another base": packed_block(seq, None, len(before) + 1, [], {0: (50, 1)}),
    }


def with_roll(history: History, seq: int, from_day: str, roll: bytes) -> Spoiled:
    """A signed head of a tick whose roll from one day has these bytes."""
    day = payload_of(text_of(history, seq))["epoch"]

    def change(epochs: dict[str, Any]) -> None:
        next(one for one in epochs["rolls"] if one["epoch"] == from_day).update(entry(roll))

    return with_epochs(history, seq, change, {f"v1/roll/{day}/{from_day}-{sha256(roll)[:16]}.bin": roll})


def with_kill(history: History, on: int, listed: bytes) -> Spoiled:
    """A signed head of the tick after `on`, which changes no row and names this kill list."""
    last = payload_of(text_of(history, on))
    ring = last["ring"] and last["ring"] | {"sizes": [0, *last["ring"]["sizes"]]}
    again = {"seq": on + 1, "ts": last["ts"] + 1, "prev": sha256(canonical(last)), "ring": ring}
    return Spoiled(signed_head(last | again | {"kill": entry(listed)}), {f"v1/kill-{sha256(listed)[:16]}.json": listed})


def tombstone(history: History, key: str) -> bytes:
    """What may stand in the place of a file."""
    body, head = history.objects[key], payload_of(history.ticks[-1].text)
    payload = {"v": 1, "key": key, "sha256": sha256(body), "bytes": len(body), "log": head["log"], "gen": 1}
    return signed.sign(canonical(payload | {"ts": head["ts"], "reason": "a test"}), signed.TOMBSTONE_CONTEXT, [ONLINE])


def signatures(text: bytes) -> dict[str, bytes]:
    """Heads that nobody who may has signed."""
    payload, line = payload_of(text), json.loads(text.split(b"\n")[1])
    key = signed.key_id(signed.public_bytes(ONLINE))
    sig = bytearray(base64.b64decode(line[0]["sig"]))
    sig[5] ^= 1
    by_stranger = signed_head(payload, STRANGER)
    return {
        "no signature": canonical(payload) + b"\n[]\n",
        "one bit of the signature": canonical(payload)
        + b"\n"
        + canonical([{"key": key, "sig": base64.b64encode(sig).decode()}])
        + b"\n",
        "a stranger's signature": by_stranger,
        "a stranger under the key's name": by_stranger.replace(
            signed.key_id(signed.public_bytes(STRANGER)).encode(), key.encode()
        ),
        "root keys' signatures": signed_head(payload, known_key(1), known_key(2)),
        "signature in another context": signed_head(payload, context=signed.TOMBSTONE_CONTEXT),
        "signature of another payload": text.replace(b'"spread":300000', b'"spread":300001'),
    }


FORMATS: dict[str, dict[str, Any]] = {
    "another format": {"v": 2}, "no seq": {"seq": None}, "a fraction": {"n": 1.5}, "a negative number": {"spread": -1},
    "sizes of other ticks": {"ring": {"file": "0" * 16, "block": "0" * 64, "sizes": [1]}},
    "sizes of nothing": {"ring": {"file": "0" * 16, "block": "0" * 64, "sizes": [0, 0, 0]}},
    "no tick before": {"prev": None}, "expired at birth": {"exp": 1}, "another day": {"epoch": "2030-01-02"},
    "more rows than plausible": {"n": 2**28 + 1}, "a hash too short": {"state": "0" * 63},
}  # fmt: skip
"""Fields of a signed head that cannot be true."""
