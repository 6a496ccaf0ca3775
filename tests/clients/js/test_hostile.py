"""Heads and files that must not be followed: a stable code, and what was held and stored is held and stored after."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tree_server import TreeServer, serve_tree
from tests.clients import packing
from tests.clients.histories import TICKS_A_DAY, changed, grow, new_tree, time_of
from tests.clients.js.running import JsError, Running
from tests.clients.signing import ONLINE, ROOT_KEYS, Signer, canonical, root_text, sha256, sign
from tests.clients.tree import Payload, Tree

STRANGER = Signer("stranger")


def refusal(js: Running) -> JsError:
    """Sync, which must be refused and must leave everything as it was."""
    before, status = js.stored(), js.status()
    with pytest.raises(JsError) as caught:
        js.sync()
    assert caught.value.name == "RealTubeError"
    assert js.stored() == before
    ignored = {"failures", "nextPollMs"}
    assert {k: v for k, v in js.status().items() if k not in ignored} == {
        k: v for k, v in status.items() if k not in ignored
    }
    return caught.value


def publish(tree: Tree, payload: Payload, *signers: Signer, context: str = "realtube/head/1") -> None:
    """Put a payload as the head, signed."""
    tree.write("v1/head", sign(context, canonical(payload), signers or (ONLINE,)))


def mutated(payload: Payload, field: str, value: Any) -> Payload:
    """The payload with one field replaced; `...` removes it."""
    copied = copy.deepcopy(payload)
    *outer, name = field.split(".")
    inner = copied[outer[0]] if outer else copied
    if value is ...:
        del inner[name]
    else:
        inner[name] = value
    return copied


ANY_WRONG: tuple[Any, ...] = (True, -1, 1.5, 2**53, 10**400, "", "\0", "é" * 1000, [], [[]], {}, {"seq": 1})
FIELDS = (
    "v", "req", "gen", "log", "seq", "epoch", "ts", "exp", "next", "spread", "n", "state", "base", "ring", "epochs",
    "m", "through_position", "prev", "base.seq", "base.epoch", "base.state", "ring.file", "ring.block", "ring.sizes",
    "epochs.file", "epochs.bytes", "m.file", "m.bytes",
)  # fmt: skip


def test_fields_with_a_wrong_type_or_value(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """However well signed, a head with a field of a wrong type, out of its limits, or missing is refused."""
    tree = new_tree(tmp_path / "tree", 2)
    js.open(served.url).sync()
    grow(tree, 1)
    heads = []
    for field in FIELDS:
        for value in (..., *(() if field in {"prev", "ring"} else (None,)), *ANY_WRONG):
            if (field, value) != ("req", []):
                payload = canonical(mutated(tree.payloads[-1], field, value))
                heads.append((field, sign("realtube/head/1", payload, [ONLINE]).decode()))
    codes = js.run(
        """
        const codes = [];
        for (const head of args.heads) {
            const fetch = async () => new Response(head);
            const {root} = args;
            const record = await realtube.openRecord({origins: ['http://x'], root, fetch, store: scope.store});
            codes.push(await record.sync().then(() => 'taken', (error) => error.code));
        }
        return codes;
        """,
        heads=[head for _, head in heads], root=root_text().decode(),
    )  # fmt: skip
    wrong = [
        (field, head[:2000]) for (field, head), code in zip(heads, codes, strict=True) if code not in {"format", "req"}
    ]
    assert wrong == []
    js.holds(tree, 2)


HEADS: dict[str, tuple[str, Callable[[Tree], Any]]] = {
    "by a stranger": ("signature", lambda tree: publish(tree, tree.payloads[-1], STRANGER)),
    "by a root key": ("signature", lambda tree: publish(tree, tree.payloads[-1], *ROOT_KEYS)),
    "in another context": ("signature", lambda tree: publish(tree, tree.payloads[-1], context="realtube/root/1")),
    "changed after signing": (
        "signature", lambda tree: tree.write("v1/head", tree.read("v1/head").replace(b'"gen":1', b'"gen":1,"a":1', 1)),
    ),
    "without signatures": ("signature", lambda tree: tree.write("v1/head", canonical(tree.payloads[-1]) + b"\n[]\n")),
    "with too many": (
        "format", lambda tree: tree.write(
            "v1/head", canonical(tree.payloads[-1]) + b"\n" + canonical([{"key": "a", "sig": "b"}] * 65) + b"\n"
        ),
    ),
    "without an end": ("format", lambda tree: tree.write("v1/head", tree.read("v1/head")[:-1])),
    "of one line": ("format", lambda tree: tree.write("v1/head", tree.read("v1/head").split(b"\n")[0] + b"\n")),
    "of nothing": ("format", lambda tree: tree.write("v1/head", b"")),
    "not in UTF-8": ("format", lambda tree: tree.write("v1/head", b"\xff" + tree.read("v1/head"))),
    "a page of HTML": ("format", lambda tree: tree.write("v1/head", b"<html>\n<p>Log in\n")),
    "of another version": ("format", lambda tree: publish(tree, tree.payloads[-1] | {"v": 2})),
    "with another need": ("req", lambda tree: publish(tree, tree.payloads[-1] | {"req": ["shards2"], "n": "x"})),
    "of a megabyte and more": ("size", lambda tree: tree.write("v1/head", tree.read("v1/head") + b"x" * (1 << 20))),
    "of another log": ("refused-log", lambda tree: publish(tree, tree.payloads[-1] | {"log": "f" * 32})),
    "of an earlier tick": ("rollback", lambda tree: tree.write("v1/head", tree.read("v1/c/1.json"))),
    "a rollback that goes on": ("rollback", lambda tree: publish(tree, tree.payloads[0] | {"ts": time_of(3)})),
    "of the same tick": ("equivocation", lambda tree: publish(tree, tree.payloads[1] | {"note": "other"})),
    "of another past": ("equivocation", lambda tree: publish(tree, tree.payloads[-1] | {"prev": "0" * 64})),
    "under a root that is not there": ("missing", lambda tree: publish(tree, tree.payloads[-1] | {"gen": 2})),
    "not there": ("missing", lambda tree: (tree.directory / "v1/head").unlink()),
    "with sizes of other ticks": (
        "format", lambda tree: publish(tree, mutated(tree.payloads[-1], "ring.sizes", [1, 1, 1])),
    ),
    "with sizes of nothing": ("format", lambda tree: publish(tree, mutated(tree.payloads[-1], "ring.sizes", [0, 0]))),
    "of another day": ("format", lambda tree: publish(tree, tree.payloads[-1] | {"epoch": "2024-10-05"})),
    "expired at birth": ("format", lambda tree: publish(tree, tree.payloads[-1] | {"exp": time_of(3)})),
    "from before its base": ("format", lambda tree: publish(tree, mutated(tree.payloads[-1], "base.seq", 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_heads(js: Running, served: TreeServer, tmp_path: Path, name: str) -> None:
    """Each has its code, and is gone with the next honest head."""
    code, spoil = HEADS[name]
    tree = new_tree(tmp_path / "tree", 2)
    held = b"\n".join(tree.read("v1/head").split(b"\n")[:2]).decode() + "\n"
    js.open(served.url).sync()
    grow(tree, 1)
    honest = tree.read("v1/head")
    spoil(tree)
    error = refusal(js)
    assert error.code == code, error
    if code == "equivocation":
        assert error.evidence == {"held": held, "seen": tree.read("v1/head").decode()}
        assert js.run("return await scope.record.evidence()") == [error.evidence]
    tree.write("v1/head", honest)
    assert js.sync()["seq"] == 3
    js.holds(tree)


ROOTS = {
    "signed by itself only": root_text(2, signers=(STRANGER, *ROOT_KEYS[:1])),
    "signed once": root_text(2, signers=ROOT_KEYS[:1]),
    "signed twice by one key": root_text(2, signers=ROOT_KEYS[:1] * 2),
    "of another version": root_text(3),
    "with a wrong key id": root_text(2).replace(ONLINE.key_id.encode(), STRANGER.key_id.encode()),
    "too long": root_text(2) + b"x" * 65536,
    "a list": b"[]\n[]\n",
}


@pytest.mark.parametrize("name", ROOTS)
def test_roots(js: Running, served: TreeServer, tmp_path: Path, name: str) -> None:
    """A root that the one before does not vouch for is none."""
    tree = new_tree(tmp_path / "tree", 2)
    js.open(served.url).sync()
    tree.write("v1/root/2.json", ROOTS[name])
    tree.gen = 2
    grow(tree, 1)
    assert refusal(js).code in {"signature", "format", "size"}
    tree.write("v1/root/2.json", root_text(2))
    js.sync()
    js.holds(tree)


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


KILLS: dict[str, Any] = {
    "no list": [], "ids that are none": {"v": 1, "ids": ["<script>"]}, "another version": {"v": 2, "ids": []},
    "no ids": {"v": 1}, "numbers": {"v": 1, "ids": [1]},
}  # fmt: skip


@pytest.mark.parametrize("name", KILLS)
def test_kill_lists(js: Running, served: TreeServer, tmp_path: Path, name: str) -> None:
    """A kill list that is none, however well signed, fails the sync."""
    tree = new_tree(tmp_path / "tree", 2)
    js.open(served.url).sync()
    listed = canonical(KILLS[name])
    tree.write(f"v1/kill-{sha256(listed)[:16]}.json", listed)
    publish(tree, tree.payloads[-1] | {
        "seq": 3, "ts": time_of(3), "prev": sha256(canonical(tree.payloads[-1])),
        "kill": {"file": sha256(listed), "bytes": len(listed)},
        "ring": tree.payloads[-1]["ring"] | {"sizes": [0, *tree.payloads[-1]["ring"]["sizes"]]},
    })  # fmt: skip
    assert refusal(js).code == "damaged"


LISTS: dict[str, tuple[list[int], int, list[int] | None]] = {
    "of no integers": ([], 0, []),
    "of zeros": ([0, 1, 0b11100000], 3, [0, 0, 0]),
    "with repeats": ([2, 1, 0b10111000, 0b01000000], 4, [1, 5, 5, 5]),
    "of the last integer": ([31, 1, 0b01000000, *[255] * 3, 0b11111110], 1, [2**32 - 1]),
    "of 2^32": ([31, 1, 0b00100000, 0, 0, 0, 0], 1, None),
    "with a bit 1 too many": ([0, 1, 0b11110000], 3, None),
    "with a bit 1 too few": ([0, 1, 0b11000000], 3, None),
    "with a whole byte as padding": ([0, 2, 0b11100000, 0], 3, None),
    "with padding after the rest": ([1, 1, 0b11000000, 0b01100000], 2, None),
    "with k 32": ([32, 1, 0b10000000, 0, 0, 0, 0], 1, None),
    "without its rest": ([8, 1, 0b11000000, 1], 2, None),
    "with a length beyond its end": ([0, 9, 0b11100000], 3, None),
    "of more than it has bits": ([0, 1, 0b11111111], 2**28, None),
    "with a long first part": ([31, 200, 1, *[0] * 199, 1, 0, 0, 0, 0], 1, None),
}


@pytest.mark.parametrize("name", LISTS)
def test_ascending_lists(js: Running, name: str) -> None:
    """Lists as the page has them, byte by byte."""
    content, count, expected = LISTS[name]
    body = """
        const [{Reader}, {readAscending}] = await Promise.all(
            ['bytes', 'ascending'].map((name) => import(`${args.modules}/src/${name}.js`)));
        const reader = new Reader(Uint8Array.from(args.content), 'list');
        const list = [...readAscending(reader, args.count)];
        reader.end();
        return list;
    """
    if expected is not None:
        assert js.run(body, modules=js.modules.url, content=content, count=count) == expected
        return
    with pytest.raises(JsError) as caught:
        js.run(body, modules=js.modules.url, content=content, count=count)
    assert caught.value.code == "damaged"


def test_random_lists(js: Running) -> None:
    """Any list in any code comes back, k and extremes included."""
    rng = random.Random(5)
    lists, contents = [], []
    for k in range(32):
        numbers = sorted(rng.randrange(2 ** rng.choice([k + 1, min(32, k + 6)])) for _ in range(50))
        lists.append(numbers)
        contents.append(list(packing.ascending(numbers, k)))
    told = js.run(
        """
        const [{Reader}, {readAscending}] = await Promise.all(
            ['bytes', 'ascending'].map((name) => import(`${args.modules}/src/${name}.js`)));
        return args.contents.map((content) => [...readAscending(new Reader(Uint8Array.from(content), 'list'), 50)]);
        """,
        modules=js.modules.url, contents=contents,
    )  # fmt: skip
    assert told == lists


WRONG_OPTIONS: dict[str, Any] = {
    "no origins": {"origins": []}, "an origin that is none": {"origins": ["data"]}, "a text": {"origins": "http://x"},
    "an origin of another kind": {"origins": ["ftp://x"]}, "a query": {"origins": ["http://x/?a"]},
    "a root that is none": {"root": "abc"}, "a clock that is none": {"now": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_OPTIONS)
def test_options(js: Running, name: str) -> None:
    """What cannot be meant is a TypeError at once."""
    with pytest.raises(JsError) as caught:
        js.run("await realtube.openRecord({origins: ['http://x'], ...args})", **WRONG_OPTIONS[name])
    assert caught.value.name == "TypeError"


def test_ids(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Whatever is looked up, nothing breaks."""
    new_tree(tmp_path / "tree")
    js.open(served.url).sync()
    odd = ["", " ", "x" * 17, "__proto__", "toString", "é", "\0", "AAAAAAAAAA=", "dQw4w9WgXc\u0130"]
    assert js.lookup(odd) == [None] * len(odd)
    assert js.run("return scope.record.lookup([null, 5, {}, [], undefined])") == [None] * 5
    assert json.dumps(js.lookup(["x"])).count('"hidden": false') == 1
    with pytest.raises(JsError, match="ids is an array"):
        js.run("scope.record.lookup('dQw4w9WgXcQ')")
