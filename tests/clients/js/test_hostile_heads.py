"""Heads, roots and kill lists that must not be followed: a stable code, and what was held is held after."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tree_server import TreeServer
from tests.clients.histories import grow, new_tree, time_of
from tests.clients.js.running import Running, refusal
from tests.clients.signing import ONLINE, ROOT_KEYS, Signer, canonical, root_text, sha256, sign
from tests.clients.tree import Payload, Tree

STRANGER = Signer("stranger")


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
