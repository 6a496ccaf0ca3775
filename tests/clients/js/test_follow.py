"""Section 9 of the formats page, in a browser: each way to the newest rows, and how little it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tree_server import TreeServer, serve_tree
from tests.clients.histories import TICKS_A_DAY, first_rows, grow, new_tree, time_of
from tests.clients.js.running import JsError, Running
from tests.clients.signing import START_MS, Signer, root_text
from tests.clients.tree import DAY_MS, Tree, integer_id


def test_first_contact_and_every_tick(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """From nothing to the newest rows, then tick by tick over three days, quiet ticks and midnights among them."""
    tree = new_tree(tmp_path / "tree")
    first = js.open(served.url).sync()
    assert (first["from"], first["seq"], first["how"], first["warnings"]) == (None, 1, "base", [])
    js.holds(tree)
    for seq in range(2, 2 * TICKS_A_DAY + 3):
        grow(tree, 1, quiet=(4, 7))
        report = js.sync()
        midnight = "rebase+" if (seq - 1) % TICKS_A_DAY == 0 else ""
        assert report["how"] == {4: "head", 7: "rebase"}.get(seq, f"{midnight}inline")
        assert (report["from"], report["seq"], report["requests"]) == (seq - 1, seq, 1)
        js.holds(tree)
    assert js.sync()["how"] == "same"


LAST = TICKS_A_DAY
WAYS = {
    "some ticks later": (3, 5, "ring", 2),
    "over midnight": (LAST, LAST + 1, "rebase+inline", 1),
    "on the next day": (LAST, LAST + 3, "rebase+ring", 2),
    "from the evening before": (LAST - 1, LAST + 1, "finish+inline+inline", 2),
    "from the morning before": (2, LAST + 3, "finish+ring+ring", 4),
    "two nights later": (3, 2 * LAST + 3, "roll+ring", 4),
    "after a quiet day": (LAST + 2, 3 * LAST + 1, "roll+inline", 3),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways(js: Running, tmp_path: Path, way: str) -> None:
    """Whoever was away takes the cheapest way, and asks for little; a server that knows no ranges changes nothing."""
    held, newest, how, requests = WAYS[way]
    tree = Tree(tmp_path)
    tree.tick(time_of(1), first_rows(250))
    grow(tree, held - 1)
    with serve_tree(tmp_path, ignore_range=held % 2 == 0) as server:
        js.open(server.url).sync()
        grow(tree, newest - held)
        report = js.sync()
        assert (report["how"], report["requests"], report["warnings"]) == (how, requests, [])
        js.holds(tree)
        assert js.sync()["how"] == "same"


def test_a_prefix_is_all_that_is_read(js: Running, tmp_path: Path) -> None:
    """Of a ring only the missing ticks' bytes count, whether the server knows ranges or not."""
    tree = new_tree(tmp_path, 2)
    for ranges in (True, False):
        with serve_tree(tmp_path, ignore_range=not ranges) as server:
            js.open(server.url, database=f"ranges {ranges}").sync()
            grow(tree, 2)
            report = js.sync()
            missing = sum(tree.payloads[-1]["ring"]["sizes"][:2])
            assert report["bytes"] == (tmp_path / "v1/head").stat().st_size + missing
            js.holds(tree)


def test_a_roll_without_changes_and_a_roll_that_is_too_long(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Equal bases need no file; a roll of more than 60 % of the base is not taken."""
    tree = new_tree(tmp_path / "tree")
    js.open(served.url).sync()
    for seq in range(2, 2 * LAST + 2):
        tree.tick(time_of(seq), tree.rows[1])
    assert js.sync()["how"] == "roll"
    js.holds(tree)
    tree.tick(time_of(3 * LAST), {integer_id(number << 40): (50, 1) for number in range(100)})
    tree.tick(time_of(4 * LAST), tree.rows[14])
    tree.tick(time_of(5 * LAST), first_rows(100))
    assert js.sync()["how"] == "base+ring"
    js.holds(tree)


def test_no_rows_at_all(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """A base may be empty, or have other ids only."""
    tree = Tree(tmp_path / "tree")
    for seq, rows in enumerate(({}, {"x": (20, 1)}, {}, {"x": (20, 1), "z": (30, 2)}, {}), start=1):
        tree.tick(START_MS + seq * DAY_MS, rows)
        js.open(served.url, database=f"empty {seq}").sync()
        js.holds(tree)


def test_removed_and_added_again(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """An id keeps its number within an epoch and gets a new one after; a roll may remove it and add it."""
    tree = new_tree(tmp_path / "tree", 1)
    rows = tree.rows[1]
    gone, new = min(rows), integer_id(2**64 - 1)
    js.open(served.url).sync()
    for change in (
        {},
        {gone: (77, 4)},
        {gone: (77, 4), new: (20, 1)},
        {new: (20, 1)},
        {new: (90, 129), gone: (21, 64)},
    ):
        tree.tick(time_of(len(tree.payloads) + 1), {i: row for i, row in rows.items() if i != gone} | change)
        js.sync()
        js.holds(tree)
    grow(tree, 3)
    js.sync()
    js.holds(tree)


def test_a_new_root_ends_a_key(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Under a higher root a lower tick is taken too; the old key is refused from then on."""
    tree = new_tree(tmp_path / "tree", 4)
    js.open(served.url).sync()
    stolen = tree.read("v1/head")
    other = Signer("second online")
    again = new_tree(tmp_path / "tree", 2)
    again.write_root(2, root_text(2, online=other))
    again.gen, again.signer = 2, other
    grow(again, 1)
    assert js.sync()["seq"] == 3
    js.holds(again)
    again.write("v1/head", stolen)
    with pytest.raises(JsError) as caught:
        js.sync()
    assert caught.value.code == "refused-gen"
    js.reopen().holds(again)


def test_kill_list(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Its ids are hidden from the next sync on, with or without rows, and shown again when it is gone."""
    tree = new_tree(tmp_path / "tree", 2)
    js.open(served.url, database="kill").sync()
    killed = (sorted(tree.rows[2])[3], "neverSeen00")
    tree.kill = killed
    grow(tree, 1)
    js.sync()
    for _ in range(2):
        for verdict in js.lookup(killed):
            assert verdict is not None
            assert (verdict["hidden"], verdict["score"], any(verdict["flags"].values())) == (True, None, False)
        assert js.status()["hidden"] == 2
        js.reopen()
    tree.kill = None
    grow(tree, 1)
    js.sync()
    js.holds(tree)
    assert js.lookup(["neverSeen00"]) == [None]


def test_kill_list_counts_without_rows(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """When the rows cannot be had, the kill list is followed all the same."""
    tree = new_tree(tmp_path / "tree", 2)
    js.open(served.url).sync()
    tree.kill, tree.inline = (min(tree.rows[2]),), False
    grow(tree, 1)
    for ring in (tmp_path / "tree").glob("v1/e/*/ring-3-*.bin"):
        ring.unlink()
    with pytest.raises(JsError, match="HTTP 404"):
        js.sync()
    assert js.status()["seq"] == 2
    assert js.lookup(tree.kill)[0]["hidden"]  # type: ignore[index]


def test_what_the_head_says_to_people(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Expiry, a frozen tree and its end are reported and kept."""
    tree = new_tree(tmp_path / "tree")
    js.open(served.url).sync()
    frozen, sunset = {"seq": 1, "reason": "<b>audit</b>"}, {"ts": START_MS + DAY_MS, "see": "https://new.example"}
    tree.tick(time_of(2), tree.rows[1], frozen=frozen, sunset=sunset)
    report = js.sync()
    assert (report["frozen"], report["sunset"], report["stale"]) == (frozen, sunset, False)
    status = js.reopen(now=time_of(2) + DAY_MS + 1).status()
    assert (status["frozen"], status["sunset"], status["stale"]) == (frozen, sunset, True)
    assert js.sync()["stale"]


def test_when_to_poll(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """At `next` and up to `spread` after, not within a minute; after failures 15 minutes, doubled, up to a day."""
    tree = new_tree(tmp_path / "tree")
    now = time_of(1) + 1000
    assert js.open(served.url, now=now, random=0.5).sync()["nextPollMs"] == time_of(1) + 1_800_000 + 150_000
    assert js.reopen(now=time_of(1) + 2_000_000).sync()["nextPollMs"] == time_of(1) + 2_060_000 + 150_000
    tree.tick(time_of(2), tree.rows[1], next=START_MS * 5)
    assert js.reopen(now=now).sync()["nextPollMs"] == now + DAY_MS
    tree.write("v1/head", b"")
    for minutes in (15, 30, 60, 120, 240, 480, 960):
        with pytest.raises(JsError) as caught:
            js.reopen().sync()  # the count outlives the worker
        assert caught.value.next_poll_ms == js.status()["nextPollMs"] == now + min(minutes * 90_000, DAY_MS)
    tree.publish((tmp_path / "tree/v1/c/2.json").read_bytes(), 2)
    js.sync()
    assert js.status()["failures"] == 0


def test_calls_at_once_share_one_run(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Ten calls make the requests of one."""
    new_tree(tmp_path / "tree")
    js.open(served.url)
    told = js.run("return await Promise.all(Array.from({length: 10}, () => scope.record.sync()))")
    assert [report["requests"] for report in told] == [5] * 10
    assert js.sync()["how"] == "same"


def test_without_a_pinned_root(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """The first root seen is trusted, with a warning; a pin that comes later must be the same, else all begins anew."""
    tree = new_tree(tmp_path / "tree")
    assert len(js.open(served.url, root=None).sync()["warnings"]) == 1
    assert js.reopen(root=root_text().decode()).sync()["how"] == "same"
    js.reopen(root="ab" * 32)
    assert js.status()["seq"] is None
    assert js.lookup(sorted(tree.rows[1]))[0] is None
    with pytest.raises(JsError) as caught:
        js.sync()
    assert caught.value.code == "signature"
