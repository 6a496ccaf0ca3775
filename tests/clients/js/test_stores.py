"""What is stored survives whatever happens to the worker: it is the old rows or the new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tree_server import TreeServer
from tests.clients.histories import TICKS_A_DAY, grow, new_tree
from tests.clients.js.running import JsError, Running


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """A database of the test's own."""
    return str(request.node.name)


def test_a_worker_that_ends_keeps_the_record(js: Running, served: TreeServer, tmp_path: Path, database: str) -> None:
    """Another worker opens what the first one stored, looks up at once, and goes on from there."""
    tree = new_tree(tmp_path / "tree", 2)
    js.open(served.url, database=database).sync()
    js.kill()
    js.reopen().holds(tree)
    for _ in range(TICKS_A_DAY):
        grow(tree, 1)
        assert "base" not in js.sync()["how"].split("+")
        js.kill()
        js.reopen().holds(tree)


@pytest.mark.parametrize("moment", ["before the write", "in the transaction"])
def test_a_worker_killed_in_a_write(
    js: Running, served: TreeServer, tmp_path: Path, database: str, moment: str
) -> None:
    """A worker that is killed while it stores leaves the old rows or the new ones, and the next one arrives."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY)
    js.open(served.url, database=database).sync()
    grow(tree, 1)  # a new base is to be written
    js.run(
        """
        const write = scope.store.write;
        scope.store.write = (entries, expected) => {
            if (!entries.state) return write(entries, expected);
            if (args.moment === 'in the transaction') write(entries, expected);
            scope.caught = true;
            return new Promise(() => {});
        };
        scope.record.sync();
        while (!scope.caught) await new Promise((resolve) => setTimeout(resolve, 1));
        """,
        moment=moment,
    )
    js.kill()
    js.reopen()
    js.holds(tree, js.status()["seq"])
    assert js.sync()["seq"] == TICKS_A_DAY + 1
    js.holds(tree)


def test_a_store_that_fails(js: Running, served: TreeServer, tmp_path: Path, database: str) -> None:
    """When nothing can be stored the sync fails, and memory stays with what the store has."""
    tree = new_tree(tmp_path / "tree")
    js.open(served.url, database=database).sync()
    grow(tree, 1)
    js.run(
        """
        scope.sound = scope.store.write;
        scope.store.write = (entries, expected) =>
            scope.sound({...entries, bad: entries.state ? () => {} : 0}, expected);
        """
    )
    with pytest.raises(JsError) as caught:
        js.sync()
    assert caught.value.code == "storage"
    js.holds(tree, 1)
    js.run("scope.store.write = scope.sound")
    js.reopen().holds(tree, 1)
    assert js.sync()["how"] == "inline"
    js.holds(tree)


def test_two_at_once(js: Running, served: TreeServer, tmp_path: Path, database: str) -> None:
    """Two records on one store, at different ticks and at once: both arrive, and what is stored is whole."""
    tree = new_tree(tmp_path / "tree", 2)
    js.open(served.url, database=database).sync()
    js.run(
        """
        scope.two = await realtube.openRecord({
            origins: args.origins, root: args.root, store: realtube.indexedDBStore(args.database), now: () => scope.now,
        });
        """,
        origins=[served.url], root=js.opened["root"], database=database,
    )  # fmt: skip
    for _ in range(2 * TICKS_A_DAY):
        grow(tree, 1)
        one, two = js.run("return await Promise.all([scope.record.sync(), scope.two.sync()])")
        assert one["seq"] == two["seq"] == len(tree.payloads)
        grow(tree, 1)
        assert js.run("return await scope.two.sync()")["seq"] == len(tree.payloads)
        js.sync()
        js.holds(tree)
    js.kill()
    js.reopen().holds(tree)


def test_two_at_once_from_nothing(js: Running, served: TreeServer, tmp_path: Path, database: str) -> None:
    """The slower of two first syncs takes over what the faster one stored."""
    tree = new_tree(tmp_path / "tree", 3)
    told = js.run(
        """
        const open = () => realtube.openRecord({
            origins: args.origins, root: args.root, store: realtube.indexedDBStore(args.database), now: () => 0,
        });
        scope.records = await Promise.all([open(), open(), open()]);
        return await Promise.all(scope.records.map((record) => record.sync()));
        """,
        origins=[served.url], root=js.open(served.url).opened["root"], database=database,
    )  # fmt: skip
    assert [report["seq"] for report in told] == [3, 3, 3]
    assert sorted(report["how"] for report in told) == ["base+ring", "same", "same"]
    js.open(served.url, database=database).holds(tree)


DAMAGE = {
    "no base": "await scope.store.write({base: undefined})",
    "another base": "const [b] = await scope.store.read(['base']); await scope.store.write({base: {...b, seq: 9}})",
    "a base of another form": "await scope.store.write({base: {hi: [1]}})",
    "a short base": """const [b] = await scope.store.read(['base']);
        await scope.store.write({base: {...b, scores: b.scores.slice(1)}})""",
    "other values": """const [b] = await scope.store.read(['base']); b.scores[0] ^= 1;
        await scope.store.write({base: b})""",
    "no overlay": "const [s] = await scope.store.read(['state']); await scope.store.write({state: {...s, overlay: 0}})",
    "another overlay": """const [s] = await scope.store.read(['state']);
        s.overlay.values[0] ^= 1; await scope.store.write({state: s})""",
    "no head": "const [s] = await scope.store.read(['state']); await scope.store.write({state: {...s, head: ''}})",
    "no root": "const [s] = await scope.store.read(['state']); await scope.store.write({state: {...s, root: null}})",
    "another format": """const [s] = await scope.store.read(['state']);
        await scope.store.write({state: {...s, format: 9}})""",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_in_the_store_heals(js: Running, served: TreeServer, tmp_path: Path, database: str, damage: str) -> None:
    """What cannot be read, or is not what the head says, is fetched again with the next tick."""
    tree = new_tree(tmp_path / "tree", 3)
    js.open(served.url, database=database).sync()
    js.run(DAMAGE[damage])
    js.kill()
    js.reopen()
    grow(tree, 1)
    js.sync()
    js.holds(tree)
    js.reopen().holds(tree)
