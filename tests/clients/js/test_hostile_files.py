"""Packed files that are signed and wrong, and files that were damaged on their way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tree_server import TreeServer, serve_tree
from tests.clients import packing
from tests.clients.histories import TICKS_A_DAY, changed, grow, new_tree, time_of
from tests.clients.js.running import Running, refusal
from tests.clients.signing import ONLINE, canonical, sign
from tests.clients.tree import Tree


def swapped(name: str, spoil: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Replace a function of the tree's writer by a spoilt one."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        honest = getattr(packing, name)
        monkeypatch.setattr(packing, name, lambda *given, **named: spoil(honest, *given, **named))

    return patch


def blocks(change: Callable[..., tuple[Any, ...]]) -> Callable[[pytest.MonkeyPatch], None]:
    """Change what a block is made of: (seq, following, first, added, values)."""
    return swapped("packed_block", lambda honest, *given: honest(*change(*given)))


def with_values(change: Callable[[int, dict[int, Any]], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Change a block's values."""
    return blocks(lambda seq, following, first, added, values: (seq, following, first, added, change(first, values)))


def twice(honest: Callable[..., bytes], numbers: Any, *more: int) -> bytes:
    """Repeat a list's last number in place of the one before."""
    numbers = list(numbers)
    return honest(numbers[:-2] + numbers[-1:] * 2 if len(numbers) > 1 and max(numbers) < 1000 else numbers, *more)


SPOILT_BLOCKS = {
    "bytes that follow": swapped("packed_block", lambda honest, *given: honest(*given) + b"\0"),
    "an end that is missing": swapped("packed_block", lambda honest, *given: honest(*given)[:-1]),
    "of another tick": blocks(lambda seq, *rest: (seq + 1, *rest)),
    "another first": blocks(lambda seq, following, first, *rest: (seq, following, first + 1, *rest)),
    "rows out of range": with_values(lambda first, values: values | {first + 1000: (50, 1)}),
    "rows far out of range": with_values(lambda first, values: values | {2**32 - 1: (50, 1)}),
    "rows twice": swapped("ascending", twice),
    "removals out of range": with_values(lambda first, values: values | {first + 1000: None}),
    "an added id without a value": with_values(lambda first, values: {k: v for k, v in values.items() if k < first}),
    "a score above 100": with_values(lambda first, values: values | {0: (101, 1)}),
    "another value": with_values(lambda first, values: values | {0: (100, 31)}),
    "a column too long": swapped("column", lambda honest, values: honest([*values, 1])),
    "a column too short": swapped("column", lambda honest, values: honest([*values][1:])),
    "a column cut off": swapped("column", lambda honest, values: honest(values)[:-1]),
    "a column that goes on": swapped("column", lambda honest, values: honest(values) + b"\0"),
    "a column of zeros": swapped("column", lambda honest, values: honest(bytes(1 << 26))),
    "a column of noise": swapped("column", lambda honest, values: b"\xff" * 9),
    "an id that is none": swapped("other_ids", lambda honest, ids: honest(ids).replace(b"n", b"!")),
    "an id too long": swapped("other_ids", lambda honest, ids: b"\x11" + b"a" * 17),
    "an empty id": swapped("other_ids", lambda honest, ids: b"\0"),
    "an integer among the others": swapped("other_ids", lambda honest, ids: b"\x0bAAAAAAAAAAA"),
    "a k of 32": swapped("ascending", lambda honest, numbers, *more: b"\x20" + honest(numbers, *more)[1:]),
    "nothing but a hash": swapped("packed_block", lambda honest, *given: honest(*given)[:32]),
    "nothing in it": blocks(lambda seq, following, first, added, values: (seq, following, first, [], {})),
    "counts without end": swapped(
        "packed_block", lambda honest, *given: honest(*given)[:34] + b"\xff" * 7 + b"\x0f" * 90
    ),
    "an integer without end": swapped("packed_block", lambda honest, *given: honest(*given)[:32] + b"\xff" * 90),
}


@pytest.mark.parametrize("name", SPOILT_BLOCKS)
def test_blocks(js: Running, served: TreeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A block that is signed and wrong is refused on every way, and rows stay; the next epoch leads on."""
    tree = new_tree(tmp_path / "tree", 2)
    js.open(served.url).sync()
    with monkeypatch.context() as patch:
        SPOILT_BLOCKS[name](patch)
        grow(tree, 1)
    assert refusal(js).code == "damaged"
    js.holds(tree, 2)
    tree.tick(time_of(TICKS_A_DAY + 1), changed(tree.rows[3], 4))
    tree.tick(time_of(TICKS_A_DAY + 2), changed(tree.rows[4], 5))
    assert js.sync()["how"] == "roll+ring"
    js.holds(tree)


def test_a_ring_without_an_end(
    js: Running, served: TreeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the whole ring sees that its last block names another one."""
    blocks(lambda seq, following, *rest: (seq, following or "ab" * 32, *rest))(monkeypatch)
    new_tree(tmp_path / "tree", 3)
    js.open(served.url)
    assert "goes on after its last block" in refusal(js).text


def first_line(**changes: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """Change a base's first line."""

    def spoil(honest: Callable[..., tuple[bytes, bytes]], *given: Any) -> tuple[bytes, bytes]:
        part1, part2 = honest(*given)
        line, rest = part1.split(b"\n", 1)
        return canonical(json.loads(line) | changes) + b"\n" + rest, part2

    return swapped("packed_base", spoil)


SPOILT_BASES = {
    "of another epoch": first_line(epoch="2024-10-05"),
    "of another tick": first_line(seq=9),
    "of another version": first_line(v=2),
    "with another count": first_line(n=46),
    "with too many others": first_line(others=2**28),
    "with fewer others": first_line(others=3),
    "of another state": first_line(state="0" * 64),
    "with other sections": first_line(sections=[1, 1, 1, 1]),
    "with three sections": first_line(sections=[1, 1, 1]),
    "with a giant section": first_line(sections=[2**53 - 1, 0, 0, 0]),
    "with bytes that follow": swapped(
        "packed_base", lambda honest, *given: (honest(*given)[0] + b"\0", honest(*given)[1])
    ),
    "without a line": swapped("packed_base", lambda honest, *given: (b"x" * 10_000, honest(*given)[1])),
    "with a longer part 2": swapped(
        "packed_base", lambda honest, *given: (honest(*given)[0], honest(*given)[1] + b"\0" * 4)
    ),
    "with an odd part 2": swapped("packed_base", lambda honest, *given: (honest(*given)[0], honest(*given)[1][:-1])),
    "with another row": swapped("low_halves", lambda honest, values: b"\xff" + honest(values)[1:]),
    "with a column too long": SPOILT_BLOCKS["a column too long"],
    "with a column of zeros": SPOILT_BLOCKS["a column of zeros"],
    "with an id too long": SPOILT_BLOCKS["an id too long"],
}


@pytest.mark.parametrize("name", SPOILT_BASES)
def test_bases(js: Running, served: TreeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A base that is signed and wrong is refused."""
    SPOILT_BASES[name](monkeypatch)
    new_tree(tmp_path / "tree", 1)
    js.open(served.url)
    assert refusal(js).code == "damaged"
    assert js.lookup(["dQw4w9WgXcR"]) == [None]


def spoil_files(tree: Tree, pattern: str, content: Callable[[bytes], bytes]) -> dict[Path, bytes]:
    """Change files behind the publisher's back, and what they held."""
    spoilt = {path: path.read_bytes() for path in tree.directory.glob(pattern)}
    assert spoilt
    for path, before in spoilt.items():
        path.write_bytes(content(before))
    return spoilt


CLIMBS = {
    "a ring": ("v1/e/*/ring-5-*.bin", 3, 5, "damaged"),
    "a commit": ("v1/c/6.json", 4, 8, "roll+ring"),
    "the ring of a commit": ("v1/e/2024-10-04/ring-6-*.bin", 3, 8, "roll+ring"),
    "a roll": ("v1/roll/*/*.bin", 2, 2 * TICKS_A_DAY + 2, "base+ring"),
    "an epochs file": ("v1/epochs-*", 2, 2 * TICKS_A_DAY + 2, "damaged"),
}


@pytest.mark.parametrize("name", CLIMBS)
@pytest.mark.parametrize("spoil", ["another byte", "cut off", "longer", "gone"])
def test_damage_on_the_way(js: Running, served: TreeServer, tmp_path: Path, name: str, spoil: str) -> None:
    """A damaged file sends the client to the next way, or leaves it where it is; repaired, it is past all caches."""
    pattern, held, newest, how = CLIMBS[name]
    tree = new_tree(tmp_path / "tree")
    tree.inline = False
    tree.tick(time_of(2), tree.rows[1] | {packing.integer_id(number << 50): (50, 1) for number in range(200)})
    grow(tree, held - 2)
    js.open(served.url).sync()
    grow(tree, newest - held)
    changes: dict[str, Callable[[bytes], bytes]] = {
        "another byte": lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
        "cut off": lambda content: content[:20],
        "longer": lambda content: content * 2 if name == "a commit" else b"\0" + content,
        "gone": lambda content: content,
    }
    spoilt = spoil_files(tree, pattern, changes[spoil])
    if spoil == "gone":
        for path in spoilt:
            path.unlink()
    if how == "damaged":
        assert refusal(js).code in {"damaged", "missing", "size"}
        for path, content in spoilt.items():
            path.write_bytes(content)
    elif not (name == "a commit" and spoil == "longer"):
        report = js.sync()
        assert report["how"] == how
        assert report["warnings"]
    js.sync()
    js.holds(tree)


def test_another_origin_helps(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Any origin may deliver a file; the highest valid head is followed; one that lies or is silent does no harm."""
    tree = new_tree(tmp_path / "tree", 2)
    tree.inline = False
    shutil.copytree(tmp_path / "tree", tmp_path / "old")
    with serve_tree(tmp_path / "old") as old:
        js.open("http://127.0.0.1:1", old.url, served.url).sync()
        grow(tree, 2)
        spoil_files(tree, "v1/e/*/ring-4-*.bin", lambda content: content[::-1])
        assert refusal(js).code in {"damaged", "missing"}
        shutil.rmtree(tmp_path / "old/v1")
        shutil.copytree(tmp_path / "tree/v1", tmp_path / "old/v1")
        spoilt = next((tmp_path / "old").glob("v1/e/*/ring-4-*.bin"))
        spoilt.write_bytes(spoilt.read_bytes()[::-1])
        (tmp_path / "old/v1/head").write_bytes(tree.read("v1/c/3.json"))
        report = js.sync()
        assert (report["seq"], report["how"]) == (4, "ring")
        js.holds(tree)
        (tmp_path / "old/v1/head").write_bytes(b"<html>")
        grow(tree, 1)
        assert len(js.sync()["warnings"]) == 2
        js.holds(tree)


def test_two_origins_that_disagree(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Two signed heads of one tick are kept as evidence, whichever is followed."""
    tree = new_tree(tmp_path / "tree", 1)
    with serve_tree(tmp_path / "other") as other:
        js.open(served.url, other.url)
        shutil.copytree(tmp_path / "tree/v1", tmp_path / "other/v1")
        twin = sign("realtube/head/1", canonical(tree.payloads[0] | {"note": "x"}), [ONLINE])
        (tmp_path / "other/v1/head").write_bytes(twin)
        assert len(js.sync()["warnings"]) == 1
        told = js.run("return await scope.record.evidence()")
        assert [pair["seen"] for pair in told] == [twin.decode()]
        js.holds(tree)
        js.sync()
        assert [len(js.run("return await scope.record.evidence()"))] == [len(told)]
