"""Bases and rings that are not what the signed head says: the client climbs, or keeps what it had."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clients.decode import inflate
from clients.errors import ClientError, Damaged, Malformed, Missing, Unreachable
from clients.reference import sync
from clients.source import DirectorySource
from tests.clients.histories import TICKS_A_DAY, grow, new_tree, time_of
from tests.clients.signing import b64, canonical, sha256
from tests.clients.test_hostile_heads import publish
from tests.clients.test_reference import held_rows
from tests.clients.tree import Row, Tree, columns, integer_id, packed, state_of


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


def base_key(tree: Tree) -> str:
    """The newest base."""
    payload = tree.payloads[-1]
    return f"v1/e/{payload['epoch']}/base-{payload['base']['file'][:16]}.json.gz"


def ring_key(tree: Tree) -> str:
    """The newest ring."""
    return str(tree.payloads[-1]["ring"]["name"])


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


def test_a_damaged_base_gives_no_rows(tmp_path: Path) -> None:
    """A new client takes nothing from a base with one wrong bit."""
    tree, _ = behind(tmp_path)
    base = tree.read(base_key(tree))
    for damaged in damages(base, 29):
        tree.write(base_key(tree), damaged)
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
    (tree.directory / base_key(tree)).unlink()
    assert sync(tree.directory, dest).how == "ring"
    with pytest.raises(Missing):
        sync(tree.directory, tmp_path / "new")


def test_mixed_mirrors_are_told_apart(tmp_path: Path) -> None:
    """Another tree's base and ring under this tree's names are refused by their hashes."""
    tree, dest = behind(tmp_path)
    other = Tree(tmp_path / "other")
    for seq in range(1, 6):
        other.tick(time_of(seq), {integer_id(seq): (50, 1), integer_id(99): (seq, 1)})
    tree.write(ring_key(tree), other.read(ring_key(other)))
    keeps_its_state(tree, dest, 2)
    tree.write(base_key(tree), other.read(base_key(other)))
    with pytest.raises(Damaged):
        sync(tree.directory, tmp_path / "new")


def test_a_stale_cache_is_passed(tmp_path: Path) -> None:
    """After damage the same file is asked for once more, past caches, before anything larger is."""
    tree, dest = behind(tmp_path)
    source = CachedSource(tree.directory, cached={ring_key(tree): b"an error page of somebody's proxy" * 99})
    report = sync(source, dest)
    assert (report.how, report.requests) == ("ring+reread", 3)
    assert ring_key(tree) in report.warnings[0]
    source = CachedSource(tree.directory, cached={base_key(tree): b""})
    report = sync(source, tmp_path / "new")
    assert report.how == "base+ring+reread"
    assert held_rows(tmp_path / "new") == tree.rows[5]


def test_a_source_that_stops_answering_ends_the_sync_at_once(tmp_path: Path) -> None:
    """No climbing where nobody answers: one try, the rows stay, the next sync arrives."""
    tree, dest = behind(tmp_path)
    source = CachedSource(tree.directory, unreachable=frozenset({ring_key(tree)}))
    with pytest.raises(Unreachable):
        sync(source, dest)
    assert source.requests == 1
    assert held_rows(dest) == tree.rows[2]
    assert sync(tree.directory, dest).seq == 5


def test_rows_that_went_wrong_are_replaced_from_the_base(tmp_path: Path) -> None:
    """A client whose own rows are wrong finds out by the state hash and climbs to the base."""
    tree, _ = behind(tmp_path)
    honest = tmp_path / "honest"
    tree.write("v1/head", tree.read("v1/c/2.json"))
    sync(tree.directory, honest)
    _spoil_rows(honest)
    tree.write("v1/head", tree.read("v1/c/5.json"))
    report = sync(tree.directory, honest)
    assert report.how == "base+ring"
    assert held_rows(honest) == tree.rows[5]
    assert "the head says" in report.warnings[0]


def _spoil_rows(dest: Path) -> None:
    """Write wrong rows under a right head, as a client with a mistake in it might."""
    from dataclasses import replace

    from clients.held import read_held, write_held

    held = read_held(dest)
    assert held
    assert held.rows
    write_held(dest, replace(held, rows=replace(held.rows, scores=np.flip(held.rows.scores))))


def test_wrong_rows_at_midnight_are_replaced_from_the_base(tmp_path: Path) -> None:
    """The roll is checked against the new base's state before anything is built on it."""
    tree, dest = new_tree(tmp_path / "tree", TICKS_A_DAY), tmp_path / "dest"
    sync(tree.directory, dest)
    _spoil_rows(dest)
    grow(tree, 1)
    report = sync(tree.directory, dest)
    assert (report.how, report.warnings) == ("base+inline", ())
    assert held_rows(dest) == tree.rows[TICKS_A_DAY + 1]


def with_block(tree: Tree, packed_block: bytes, **changes: Any) -> None:
    """Sign a head of the next tick whose newest block is this one."""
    last = tree.payloads[-1]
    older = tree.read(ring_key(tree)) if last["ring"] else b""
    whole = packed_block + older
    seq = last["seq"] + 1
    name = f"v1/e/{last['epoch']}/ring-{seq}-{sha256(whole)[:16]}.jsonl.gz"
    ring = {
        "name": name,
        "bytes": len(whole),
        "block": sha256(packed_block),
        "sizes": [len(packed_block), *(last["ring"]["sizes"] if last["ring"] else [])],
    }
    tree.write(name, whole)
    again = {"seq": seq, "ring": ring, "prev": sha256(canonical(last)), "ts": last["ts"] + 1}
    publish(tree, last | again | changes)


GOOD_BLOCK: dict[str, Any] = {"v": 1, "added": [], "rows": [0], "removed": [], **columns([(50, 1)])}
BLOCKS: dict[str, dict[str, Any]] = {
    "another tick": {"seq": 3},
    "a number nobody has": {"rows": [10_000]},
    "a negative number": {"rows": [-1]},
    "a number that is no integer": {"rows": [0.5]},
    "a number that is a boolean": {"rows": [True]},
    "a giant number": {"rows": [2**53 - 1]},
    "numbers that do not ascend": {"rows": [1, 0], **columns([(50, 1), (50, 1)])},
    "a number twice": {"rows": [0, 0], **columns([(50, 1), (50, 1)])},
    "changed and removed at once": {"removed": [0]},
    "a removed number nobody has": {"removed": [10_000]},
    "too few scores": {"scores": ""},
    "too many flags": {"flags": b64(b"ab")},
    "a score above 100": {"scores": b64(b"\x65")},
    "scores that are no base64": {"scores": "!!!!"},
    "base64 with stray bits": {"scores": "MR=="},
    "numbers that do not go on": {"first": 0},
    "an id that is none": {"added": ["not an id"]},
    "an id that is too long": {"added": ["x" * 17]},
    "an empty id": {"added": [""]},
    "an id that is a number": {"added": [5]},
    "added ids out of order": {"added": ["b", "a"]},
    "an added id that is there": {"added": ["x"], "rows": [51]},
    "no next although blocks follow": {"next": None},
    "another format": {"v": 2},
    "another next": {"next": "0" * 64},
}


def next_block(tree: Tree) -> dict[str, Any]:
    """A block that the newest tick's rows accept: it gives row number 0 a score of 50 and one flag."""
    epoch = tree.epoch
    assert epoch
    ring = tree.payloads[-1]["ring"]
    return {"seq": len(tree.payloads) + 1, "first": len(epoch.numbers), "next": ring["block"], **GOOD_BLOCK}


def rows_after(tree: Tree) -> dict[str, Row]:
    """The rows after `next_block`."""
    assert tree.epoch
    first = next(video_id for video_id, number in tree.epoch.numbers.items() if number == 0)
    return tree.rows[len(tree.payloads)] | {first: (50, 1)}


def test_a_good_block_is_taken(tmp_path: Path) -> None:
    """What the cases below spoil would be followed otherwise."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    rows = rows_after(tree)
    with_block(tree, packed(canonical(next_block(tree))), state=state_of(rows), n=len(rows))
    assert sync(tree.directory, dest).seq == 4
    assert held_rows(dest) == rows


@pytest.mark.parametrize("wrong", [None, "0" * 64])
def test_a_broken_chain_is_refused_even_where_the_rows_are_right(tmp_path: Path, wrong: str | None) -> None:
    """A block that does not name the block behind it ends the sync, although a client might not need that one."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    rows = rows_after(tree)
    with_block(tree, packed(canonical(next_block(tree) | {"next": wrong})), state=state_of(rows), n=len(rows))
    if wrong is None:
        assert isinstance(keeps_its_state(tree, dest, 3), Damaged)
    else:
        assert sync(tree.directory, dest).how == "ring"
        with pytest.raises(Damaged):
            sync(tree.directory, tmp_path / "new")


@pytest.mark.parametrize("case", BLOCKS)
def test_blocks_that_break_their_format_are_refused(tmp_path: Path, case: str) -> None:
    """Even a block that the head vouches for is checked, before the hash of the rows would tell: no traceback."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    with_block(tree, packed(canonical(next_block(tree) | BLOCKS[case])))
    error = keeps_its_state(tree, dest, 3)
    assert isinstance(error, Damaged)
    assert "the head says" not in str(error)


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "no gzip": lambda _: b"hello",
    "not JSON": lambda _: packed(b"hello"),
    "an array": lambda _: packed(b"[]"),
    "nothing inside": lambda _: packed(b""),
    "two members": lambda good: good + good,
    "a tail": lambda good: good + b"tail",
    "a tail of zeros": lambda good: good + bytes(8),
    "cut off": lambda good: good[:-1],
    "a wrong checksum": lambda good: good[:-8] + bytes(4) + good[-4:],
    "a wrong length": lambda good: good[:-4] + bytes(4),
    "raw zlib": lambda good: zlib.compress(gzip.decompress(good)),
    "a bomb": lambda good: gzip.compress(gzip.decompress(good) + b" " * (70 << 20)),
}


@pytest.mark.parametrize("case", PACKED)
def test_packed_bytes_that_are_no_block_are_refused(tmp_path: Path, case: str) -> None:
    """What inflates wrongly, or to more than is plausible, is refused before it fills the memory."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    rows, good = rows_after(tree), packed(canonical(next_block(tree)))
    with_block(tree, PACKED[case](good), state=state_of(rows), n=len(rows))
    assert isinstance(keeps_its_state(tree, dest, 3), Damaged)


def test_a_base_with_the_same_rows_in_other_bytes_is_refused(tmp_path: Path) -> None:
    """Size and hash are checked before anything is inflated: another packing is another file."""
    tree, _ = behind(tmp_path, at=1, ticks=0)
    base = tree.read(base_key(tree))
    tree.write(base_key(tree), gzip.compress(gzip.decompress(base), mtime=7))
    with pytest.raises(Damaged, match="that are not the"):
        sync(tree.directory, tmp_path / "new")


def test_inflation_stops_at_its_limit() -> None:
    """A gzip bomb costs the limit and one byte, whatever it would become."""
    bomb = gzip.compress(b"\0" * (32 << 20), 9)
    with pytest.raises(Malformed, match="inflates to more than 1000 bytes"):
        inflate(bomb, 1000)
    assert inflate(gzip.compress(b"x" * 1000), 1000) == b"x" * 1000


BASES: dict[str, dict[str, Any]] = {
    "a wrong count": {"n": 99},
    "another tick": {"seq": 2},
    "another day": {"epoch": "2024-10-05"},
    "another state": {"state": "0" * 64},
    "ids out of order": {"ids": integer_id(9) + integer_id(5)},
    "an id twice": {"ids": integer_id(5) * 2},
    "an id that is no integer": {"ids": integer_id(5) + "dQw4w9WgXcR"},
    "half an id": {"ids": integer_id(5) + "AAAA"},
    "ids that are no ASCII": {"ids": "é" * 22},
    "an integer among the others": {"others": [integer_id(5)]},
    "others out of order": {"others": ["b", "a"]},
    "an id that is too long": {"others": ["x" * 17]},
    "others in a text": {"others": "ab"},
    "no flags": {"flags": ""},
    "a score above 100": {"scores": b64(b"\xff\x01\x01")},
    "another format": {"v": 2},
}


@pytest.mark.parametrize("case", BASES)
def test_bases_that_break_their_format_are_refused(tmp_path: Path, case: str) -> None:
    """Even a base that the head vouches for is checked before a row of it is believed."""
    tree = Tree(tmp_path / "tree")
    rows = {integer_id(5): (50, 1), integer_id(9): (60, 1), "other": (70, 1)}
    payload = tree.tick(time_of(1), rows)
    content = {"v": 1, "epoch": payload["epoch"], "seq": 1, "n": 3, "state": state_of(rows)}
    content |= {"ids": integer_id(5) + integer_id(9), "others": ["other"], **columns(rows.values())}
    base = packed(canonical(content | BASES[case]))
    tree.write(f"v1/e/{payload['epoch']}/base-{sha256(base)[:16]}.json.gz", base)
    publish(tree, payload | {"base": payload["base"] | {"file": sha256(base), "bytes": len(base)}})
    with pytest.raises(Damaged):
        sync(tree.directory, tmp_path / "dest")
    assert not (tmp_path / "dest" / "state").exists()


def test_signed_counts_and_states_are_checked(tmp_path: Path) -> None:
    """A head whose `n` or `state` is not that of its rows is not followed."""
    tree, dest = behind(tmp_path, at=3, ticks=0)
    rows = rows_after(tree)
    right = {"state": state_of(rows), "n": len(rows)}
    for wrong in ({"n": len(rows) + 1}, {"state": "0" * 64}):
        with_block(tree, packed(canonical(next_block(tree))), **right | wrong)
        assert "the head says" in str(keeps_its_state(tree, dest, 3))
