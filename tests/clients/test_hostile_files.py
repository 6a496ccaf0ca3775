"""Bases and rings that are not what the signed head says: the client climbs, or keeps what it had."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clients.decode import inflate
from clients.errors import ClientError, Damaged, Malformed, Missing, Unreachable
from clients.held import read_held, write_held
from clients.reference import sync
from clients.source import DirectorySource
from tests.clients.histories import TICKS_A_DAY, first_rows, grow, new_tree, time_of
from tests.clients.packing import Row, ascending, column, integer_id, low_halves, packed, packed_base, state_of, varint
from tests.clients.signing import canonical, sha256
from tests.clients.test_hostile_heads import publish
from tests.clients.test_reference import held_rows
from tests.clients.tree import Tree, h16


@dataclass
class CachedSource(DirectorySource):
    """A directory behind a cache that gives other bytes for some files, until it is asked to look again."""

    cached: dict[str, bytes] = field(default_factory=dict)
    unreachable: frozenset[str] = frozenset()

    def get(self, key: str, *, limit_bytes: int, prefix_bytes: int | None = None, fresh: bool = False) -> bytes:
        """As a cache would."""
        if key in self.unreachable:
            raise Unreachable(key, "no answer")
        if key in self.cached and not fresh:
            self.requests += 1
            return self.cached[key][:prefix_bytes]
        return super().get(key, limit_bytes=limit_bytes, prefix_bytes=prefix_bytes, fresh=fresh)


def behind(tmp_path: Path, *, at: int = 2, ticks: int = 3) -> tuple[Tree, Path]:
    """A tree, and a destination some ticks behind it."""
    tree, dest = new_tree(tmp_path / "tree", at), tmp_path / "dest"
    sync(tree.directory, dest)
    grow(tree, ticks)
    return tree, dest


def base_keys(tree: Tree) -> list[str]:
    """The newest base's two parts, and the epochs file that names them."""
    assert tree.epoch
    return [key for key in tree.epoch.files if key.endswith((".p1", ".p2")) or "epochs" in key]


def ring_key(tree: Tree) -> str:
    """The newest packed ring."""
    payload = tree.payloads[-1]
    back = next(place for place, size in enumerate(payload["ring"]["sizes"]) if size)
    return f"v1/e/{payload['epoch']}/ring-{payload['seq'] - back}-{payload['ring']['file']}.bin"


def keeps_its_state(tree: Tree, dest: Path, seq: int) -> ClientError:
    """Sync, which must fail and must leave the rows of tick `seq`."""
    with pytest.raises(ClientError) as caught:
        sync(tree.directory, dest)
    assert held_rows(dest) == tree.rows[seq]
    assert not list(dest.glob("*.tmp"))
    return caught.value


def damages(content: bytes, step: int) -> Iterator[bytes]:
    """One bit flipped here and there, cut off here and there, longer, shorter, other, empty."""
    for at in [*range(0, len(content), step), len(content) - 1]:
        yield content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]
        yield content[:at]
    yield content + b"\0"
    yield content + content
    yield b"\0" * len(content)


def test_a_damaged_ring_never_changes_rows(tmp_path: Path) -> None:
    """Wherever the part that a client needs is damaged, it keeps its rows; elsewhere it arrives."""
    tree, dest = behind(tmp_path)
    ring = tree.read(ring_key(tree))
    part = sum(tree.payloads[-1]["ring"]["sizes"][:3])
    for damaged in damages(ring, 23):
        tree.write(ring_key(tree), damaged)
        again = tmp_path / "again"
        shutil.rmtree(again, ignore_errors=True)
        shutil.copytree(dest, again)
        if damaged[:part] == ring[:part]:
            assert sync(tree.directory, again).seq == 5
            assert held_rows(again) == tree.rows[5]
        else:
            error = keeps_its_state(tree, again, 2)
            assert isinstance(error, Damaged), error


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_damaged_base_gives_no_rows(tmp_path: Path, which: int) -> None:
    """A new client takes nothing from a base, or an epochs file, with one wrong bit."""
    tree, _ = behind(tmp_path)
    key = base_keys(tree)[which]
    base = tree.read(key)
    for damaged in damages(base, 29):
        tree.write(key, damaged)
        with pytest.raises(ClientError):
            sync(tree.directory, tmp_path / "new")
        assert not (tmp_path / "new" / "state").exists()


def test_missing_files_keep_the_state(tmp_path: Path) -> None:
    """An origin without the ring, or without the base, fails now; the rows stay."""
    tree, dest = behind(tmp_path)
    ring = tree.read(ring_key(tree))
    (tree.directory / ring_key(tree)).unlink()
    assert isinstance(keeps_its_state(tree, dest, 2), Missing)
    tree.write(ring_key(tree), ring)
    for key in base_keys(tree):
        (tree.directory / key).unlink()
        with pytest.raises(Missing):
            sync(tree.directory, tmp_path / "new")
    assert sync(tree.directory, dest).how == "ring"


def test_a_broken_prefix_is_climbed_past(tmp_path: Path) -> None:
    """Where the missing blocks lead nowhere, the whole ring on the base that is held does."""
    tree, dest = behind(tmp_path)
    _spoil_rows(dest)
    report = sync(tree.directory, dest)
    assert report.how == "restart+ring"
    assert held_rows(dest) == tree.rows[5]


@pytest.mark.parametrize("broken", ["roll", "commit"])
def test_broken_rolls_and_commits_are_climbed_past(tmp_path: Path, broken: str) -> None:
    """A roll that is another file, or yesterday's commit that is another tick's, only costs the next larger step."""
    tree, dest = Tree(tmp_path / "tree"), tmp_path / "dest"
    tree.tick(time_of(1), first_rows(600))
    grow(tree, 2)
    sync(tree.directory, dest)
    grow(tree, 2 * TICKS_A_DAY if broken == "roll" else TICKS_A_DAY - 1)
    base_seq = tree.payloads[-1]["base"]["seq"]
    assert tree.epoch
    rolls = [key for key in tree.epoch.files if "/roll/" in key]
    for key in rolls if broken == "roll" else [f"v1/c/{base_seq}.json"]:
        tree.write(key, tree.read("v1/c/1.json"))
    report = sync(tree.directory, dest)
    assert report.how == ("base+ring" if broken == "roll" else "roll+ring")
    assert held_rows(dest) == tree.rows[len(tree.payloads)]
    assert report.warnings


def test_a_stale_cache_is_passed(tmp_path: Path) -> None:
    """After damage the same file is asked for once more, past caches, before anything larger is."""
    tree, dest = behind(tmp_path)
    source = CachedSource(tree.directory, cached={ring_key(tree): b"an error page of somebody's proxy" * 99})
    report = sync(source, dest)
    assert (report.how, report.requests) == ("ring+reread", 3)
    assert ring_key(tree) in report.warnings[0]
    for key in base_keys(tree):
        source = CachedSource(tree.directory, cached={key: b""})
        report = sync(source, tmp_path / f"new-{key[-4:]}")
        assert report.how == "base+ring+reread"
        assert held_rows(tmp_path / f"new-{key[-4:]}") == tree.rows[5]


def test_a_source_that_stops_answering_ends_the_sync_at_once(tmp_path: Path) -> None:
    """No climbing where nobody answers: one try, the rows stay, the next sync arrives."""
    tree, dest = behind(tmp_path)
    source = CachedSource(tree.directory, unreachable=frozenset({ring_key(tree)}))
    with pytest.raises(Unreachable):
        sync(source, dest)
    assert source.requests == 1
    assert held_rows(dest) == tree.rows[2]
    assert sync(tree.directory, dest).seq == 5


def _spoil_rows(dest: Path) -> None:
    """Write wrong rows under a right head, as a client with a mistake in it might."""
    held = read_held(dest)
    assert held
    assert held.rows
    now = replace(held.rows.now, scores=np.flip(held.rows.now.scores))
    write_held(dest, replace(held, rows=replace(held.rows, now=now)))


def test_wrong_rows_at_midnight_are_replaced(tmp_path: Path) -> None:
    """The new base is checked against its state before anything is built on it."""
    tree, dest = new_tree(tmp_path / "tree", TICKS_A_DAY), tmp_path / "dest"
    sync(tree.directory, dest)
    _spoil_rows(dest)
    grow(tree, 1)
    report = sync(tree.directory, dest)
    assert report.how in {"base+inline", "roll+inline"}
    assert "the head says" in report.warnings[0]
    assert held_rows(dest) == tree.rows[TICKS_A_DAY + 1]


def with_block(tree: Tree, block: bytes, **changes: Any) -> None:
    """Sign a head of the next tick whose newest block is this one."""
    last = tree.payloads[-1]
    whole = block + (tree.read(ring_key(tree)) if last["ring"] else b"")
    seq = last["seq"] + 1
    ring = {
        "file": h16(whole),
        "block": sha256(block),
        "sizes": [len(block), *(last["ring"]["sizes"] if last["ring"] else [])],
    }
    tree.write(f"v1/e/{last['epoch']}/ring-{seq}-{h16(whole)}.bin", whole)
    again = {"seq": seq, "ring": ring, "prev": sha256(canonical(last)), "ts": last["ts"] + 1}
    publish(tree, last | again | changes)


def parts_of(tree: Tree) -> dict[str, bytes]:
    """A block that the newest tick's rows accept, part by part: it gives row 0 a score of 50 and one flag."""
    assert tree.epoch
    score, flags = column([50]), column([1])
    return {
        "next": bytes.fromhex(tree.payloads[-1]["ring"]["block"]),
        "seq": varint(len(tree.payloads) + 1),
        "first": varint(len(tree.epoch.numbers)),
        "integers": varint(0), "others": varint(0), "rows": varint(1), "removed": varint(0),
        "top": b"", "low": b"", "ids": b"", "row numbers": ascending([0]), "removed numbers": b"",
        "score length": varint(len(score)), "scores": score, "flag length": varint(len(flags)), "flags": flags,
    }  # fmt: skip


def rows_after(tree: Tree) -> dict[str, Row]:
    """The rows after such a block."""
    assert tree.epoch
    first = next(video_id for video_id, number in tree.epoch.numbers.items() if number == 0)
    return tree.rows[len(tree.payloads)] | {first: (50, 1)}


def right_rows(tree: Tree) -> dict[str, Any]:
    """What the head says of them."""
    return {"state": state_of(rows_after(tree)), "n": len(rows_after(tree))}


def test_a_good_block_is_taken(tmp_path: Path) -> None:
    """What the cases below spoil would be followed otherwise."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    with_block(tree, b"".join(parts_of(tree).values()), **right_rows(tree))
    assert sync(tree.directory, dest).seq == 4
    assert held_rows(dest) == rows_after(tree)


def columns(scores: list[int], flags: list[int]) -> dict[str, bytes]:
    """Both columns with their lengths."""
    a, b = column(scores), column(flags)
    return {"score length": varint(len(a)), "scores": a, "flag length": varint(len(b)), "flags": b}


def with_column(stream: bytes) -> dict[str, bytes]:
    """Other bytes as the scores."""
    return {"score length": varint(len(stream)), "scores": stream}


NONE = {"score length": b"", "scores": b"", "flag length": b"", "flags": b""}
BOMB = column(bytes(50_000_000))
BLOCKS: dict[str, dict[str, bytes]] = {
    "another tick": {"seq": varint(3)},
    "a number nobody has": {"row numbers": ascending([10_000])},
    "a giant number": {"row numbers": ascending([2**32 - 1], 20)},
    "a number twice": {"rows": varint(2), "row numbers": ascending([0, 0]), **columns([50, 50], [1, 1])},
    "changed and removed at once": {"removed": varint(1), "removed numbers": ascending([0])},
    "a removed number nobody has": {"removed": varint(1), "removed numbers": ascending([10_000])},
    "fewer scores": with_column(column([])),
    "more scores": with_column(column([50, 50])),
    "a bomb as scores": with_column(BOMB),
    "a score above 100": with_column(column([101])),
    "a column that is cut off": with_column(column([50])[:-1]),
    "a column with something behind it": with_column(column([50]) + b"x"),
    "no deflate": with_column(b"\xff\xff\xff"),
    "numbers that do not go on": {"first": varint(0)},
    "an id that is none": {"others": varint(1), "ids": b"\x03a b"},
    "an id that is too long": {"others": varint(1), "ids": b"\x11" + b"x" * 17},
    "an empty id": {"others": varint(1), "ids": b"\0"},
    "an integer among the others": {"others": varint(1), "ids": b"\x0b" + b"A" * 11},
    "others out of order": {"others": varint(2), "ids": b"\x01b\x01a"},
    "integers out of order": {"integers": varint(2), "top": ascending([5, 5]), "low": low_halves([2, 1])},
    "an integer twice": {"integers": varint(2), "top": ascending([5, 5]), "low": low_halves([1, 1])},
    "an id that is there": {"others": varint(1), "ids": b"\x01x", "row numbers": ascending([51])},
    "more ids than bytes": {"integers": varint(2**52)},
    "more others than bytes": {"others": varint(2**52)},
    "more rows than bytes": {"rows": varint(2**52)},
    "a longer varint": {"seq": b"\x84" + b"\x80" * 7 + b"\0"},
    "a varint above 2^53": {"first": b"\xff" * 7 + b"\x7f"},
    "padding in the unary part": {"row numbers": b"\0\x01\xc0"},
    "too long a unary part": {"row numbers": b"\0\x02\x80\0"},
    "no bit 1": {"row numbers": b"\0\x01\0"},
    "padding in the low bits": {"row numbers": b"\x03\x01\x80\x01"},
    "a k of 32": {"row numbers": b"\x20\x01\x80\0\0\0\0"},
    "a sum of 2^32": {"row numbers": b"\x1f\x01\x20\0\0\0\0"},
    "something behind it": {"flags": column([1]) + b"", "tail": b"\0"},
    "no next although blocks follow": {"next": bytes(32)},
    "nothing in it": {"rows": varint(0), "row numbers": b"", **NONE},
}


@pytest.mark.parametrize("case", BLOCKS)
def test_blocks_that_break_their_format_are_refused(tmp_path: Path, case: str) -> None:
    """Even a block that the head vouches for is checked, before the hash of the rows would tell: no traceback."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    with_block(tree, b"".join((parts_of(tree) | BLOCKS[case]).values()), **right_rows(tree))
    error = keeps_its_state(tree, dest, 3)
    assert isinstance(error, Damaged)
    assert "the head says" not in str(error)


def test_every_cut_of_a_block_is_refused(tmp_path: Path) -> None:
    """A block that ends early is no block, however it is vouched for."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    block = b"".join(parts_of(tree).values())
    for length in range(1, len(block)):
        with_block(tree, block[:length], **right_rows(tree))
        assert isinstance(keeps_its_state(tree, dest, 3), Damaged)


def test_a_broken_chain_ends_only_who_needs_it(tmp_path: Path) -> None:
    """A block that does not name the block behind it stops every client that needs that one."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    block = b"".join((parts_of(tree) | {"next": b"\1" * 32}).values())
    with_block(tree, block, **right_rows(tree))
    assert sync(tree.directory, dest).how == "ring"
    with pytest.raises(Damaged):
        sync(tree.directory, tmp_path / "new")


def test_inflation_stops_at_its_limit() -> None:
    """A gzip bomb costs the limit and one byte, whatever it would become."""
    bomb = gzip.compress(b"\0" * (32 << 20), 9)
    with pytest.raises(Malformed, match="inflates to more than 1000 bytes"):
        inflate(bomb, 1000)
    assert inflate(gzip.compress(b"x" * 1000), 1000) == b"x" * 1000


THREE: dict[str, Row] = {integer_id(5): (50, 1), integer_id(9): (60, 1), "other": (70, 1)}
BASES: dict[str, Callable[[str], tuple[bytes, bytes]]] = {
    "a wrong count": lambda day: packed_base(THREE, day, 1, n=4),
    "a wrong count of others": lambda day: packed_base(THREE, day, 1, others=2),
    "another tick": lambda day: packed_base(THREE, day, 2),
    "another day": lambda _: packed_base(THREE, "2024-10-05", 1),
    "another state": lambda day: packed_base(THREE, day, 1, state="0" * 64),
    "other rows": lambda day: packed_base(THREE | {"other": (71, 1)}, day, 1),
    "lengths beyond the end": lambda day: packed_base(THREE, day, 1, sections=[2**40, 5, 5, 5]),
    "three lengths": lambda day: packed_base(THREE, day, 1, sections=[1, 2, 3]),
    "another format": lambda day: packed_base(THREE, day, 1, v=2),
    "a tail": lambda day: (packed_base(THREE, day, 1)[0] + b"x", packed_base(THREE, day, 1)[1]),
    "no line": lambda day: (b"x" * 5000, packed_base(THREE, day, 1)[1]),
    "half a part 2": lambda day: (packed_base(THREE, day, 1)[0], packed_base(THREE, day, 1)[1][:-4]),
    "a longer part 2": lambda day: (packed_base(THREE, day, 1)[0], packed_base(THREE, day, 1)[1] + bytes(4)),
    "integers out of order": lambda day: (packed_base(THREE, day, 1)[0], low_halves([9, 5])),
    "a score above 100": lambda day: packed_base(THREE | {"other": (101, 1)}, day, 1),
}


@pytest.mark.parametrize("case", BASES)
def test_bases_that_break_their_format_are_refused(tmp_path: Path, case: str) -> None:
    """Even a base that the epochs file vouches for is checked before a row of it is believed."""
    tree = Tree(tmp_path / "tree")
    payload = tree.tick(time_of(1), THREE)
    parts = dict(zip(("p1", "p2"), BASES[case](payload["epoch"]), strict=True))
    assert tree.epoch
    content = gzip.decompress(tree.epoch.epochs)
    for key, text in tree.epoch.files.items():
        name = key[-2:]
        if name in parts:
            content = content.replace(sha256(text).encode(), sha256(parts[name]).encode())
            content = content.replace(f'{{"bytes":{len(text)},'.encode(), f'{{"bytes":{len(parts[name])},'.encode(), 1)
    for name, text in parts.items():
        tree.write(f"v1/e/{payload['epoch']}/base-{h16(text)}.{name}", text)
    epochs = packed(content)
    tree.write(f"v1/epochs-{h16(epochs)}.json.gz", epochs)
    publish(tree, payload | {"epochs": {"file": sha256(epochs), "bytes": len(epochs)}})
    with pytest.raises(Damaged) as caught:
        sync(tree.directory, tmp_path / "dest")
    assert "that are not the" not in str(caught.value), "refused by size or hash, not by its content"
    assert not (tmp_path / "dest" / "state").exists()


def test_signed_counts_and_states_are_checked(tmp_path: Path) -> None:
    """A head whose `n` or `state` is not that of its rows is not followed."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    for wrong in ({"n": 1}, {"state": "0" * 64}):
        with_block(tree, b"".join(parts_of(tree).values()), **right_rows(tree) | wrong)
        assert "the head says" in str(keeps_its_state(tree, dest, 3))
