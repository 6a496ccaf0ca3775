"""Shards: that each one has its part of the base, and a path to the top (formats, section 13)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from clients.check_files import parse_sums
from clients.decode import inflation_limit
from clients.epochs import MAX_DIGITS, EpochsFile
from clients.head import FileEntry
from clients.promises import MAX_FILE_BYTES, Shelf, check_canonical, expect, inflated, promise
from clients.rows import NumberedRows
from clients.strict import HASH, read_json

ROWS_A_SHARD = 256
SUMS = re.compile(r"v1/shard/(\d{4}-\d{2}-\d{2})-([0-9a-f]{16})/sums-[0-9a-f]{16}\.txt")


def check_shards(
    shelf: Shelf, epochs: EpochsFile, files: Mapping[str, FileEntry], base: NumberedRows, said_by: str
) -> int:
    """Check all shards of an epoch.

    Args:
        shelf: the published files.
        epochs: names the top of their tree.
        files: the list of files of one of the epoch's ticks.
        base: the epoch's base.
        said_by: the epochs file, for messages.

    Returns:
        How many shards there are.

    Raises:
        VerifyError: when one breaks a promise.
        Tombstoned: when one is not there any more.
    """
    digits = next(d for d in range(MAX_DIGITS + 1) if base.n <= ROWS_A_SHARD * 16**d or d == MAX_DIGITS)
    expect(epochs.digits == digits, said_by, promised=f"{digits} digits for {base.n} rows", found=epochs.digits)
    folder = f"v1/shard/{epochs.epoch}-{epochs.top[:16]}"
    keys = [key for key in files if (match := SUMS.fullmatch(key)) and match[1] == epochs.epoch]
    expect(
        len(keys) == 1 and keys[0].startswith(f"{folder}/"),
        said_by,
        promised=f"one list of sums in {folder}",
        found=keys,
    )
    sums = parse_sums(keys[0], shelf.fetch(keys[0], files[keys[0]], said_by))
    bodies = _bodies(epochs, base)
    expected = {f"{folder}/{prefix}.json.gz" for prefix in bodies}
    expect(set(sums) == expected, keys[0], promised=f"{len(expected)} shards", found=sorted(set(sums) ^ expected)[:3])
    levels = _levels([hashlib.sha256(b"\0" + body).digest() for body in bodies.values()])
    top = levels[-1][0].hex()
    expect(top == epochs.top, said_by, promised=f"the shards' top {epochs.top}", found=top)
    for place, (prefix, body) in enumerate(bodies.items()):
        key = f"{folder}/{prefix}.json.gz"
        _check_shard(
            shelf, key, sums[key], body, [level[(place >> up) ^ 1].hex() for up, level in enumerate(levels[:-1])]
        )
    return len(bodies)


def _check_shard(shelf: Shelf, key: str, sha256: str, body: bytes, path: list[str]) -> None:
    packed = shelf.read(key, MAX_FILE_BYTES, "a shard", sha256)
    found = shelf.checked[key].sha256
    expect(found == sha256, key, promised=f"the hash {sha256}, by its sums", found=found)
    if key in shelf.tombstones:
        return
    lines = inflated(key, packed, inflation_limit(0)).split(b"\n")
    expect(len(lines) == 3 and not lines[2], key, promised="two lines, each ended", found=f"{len(lines)} parts")
    expect(lines[0] == body, key, promised="the base's rows with this prefix, in order", found=repr(lines[0][:80]))
    check_canonical(key, lines[1])
    with promise(key, "a path of hashes"):
        told = read_json(lines[1])
    valid = isinstance(told, list) and all(isinstance(step, str) and HASH.fullmatch(step) for step in told)
    expect(valid and told == path, key, promised="the path to the top", found=repr(told)[:80])


def _bodies(epochs: EpochsFile, base: NumberedRows) -> dict[str, bytes]:
    """What each shard's first line must be, by its prefix."""
    names = [f"{number:0{epochs.digits}x}" for number in range(16**epochs.digits)] if epochs.digits else ["all"]
    parts: dict[str, tuple[list[str], list[int], list[int]]] = {name: ([], [], []) for name in names}
    columns = (base.ids.tolist(), base.scores.tolist(), base.flags.tolist())
    for id_, score, flags in zip(*columns, strict=True):
        part = parts[hashlib.sha256(id_).hexdigest()[: epochs.digits] if epochs.digits else "all"]
        part[0].append(id_.decode())
        part[1].append(score)
        part[2].append(flags)
    about = {"v": 1, "epoch": epochs.epoch, "seq": epochs.seq}
    return {
        name: json.dumps(
            about | {"prefix": name, "ids": ids, "scores": scores, "flags": flags},
            sort_keys=True,
            separators=(",", ":"),
        ).encode("ascii")
        for name, (ids, scores, flags) in parts.items()
    }


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """A tree's hashes from the leaves up; their number is a power of two."""
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = zip(below[::2], below[1::2], strict=True)
        levels.append([hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs])
    return levels
