"""A mirror can be followed at any moment, whatever happens to the run that makes it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tree_server import serve_tree
from clients.errors import Busy, ClientError, Damaged, HeldError, Refused
from clients.held import locked
from clients.mirror.run import mirror
from clients.reference import sync
from clients.verify import verify
from tests.clients.exports import Exports
from tests.clients.histories import TICKS_A_DAY, changed, first_rows, grow, new_tree, time_of
from tests.clients.signing import Signer, canonical, root_text, sha256
from tests.clients.test_hostile_files import base_keys, ring_key
from tests.clients.test_reference import held_rows
from tests.clients.tree import Tree


def whole_tree(tmp_path: Path, ticks: int = TICKS_A_DAY + 2) -> Tree:
    """A tree with every kind of file."""
    return grow(Tree(tmp_path / "tree", exports=Exports(), kill=("x",)), ticks)


def test_a_mirror_keeps_every_promise(tmp_path: Path) -> None:
    """Files, shards, commits, checksums: verify finds nothing missing of the newest tick, and clients follow it."""
    tree = whole_tree(tmp_path)
    report = mirror(tree.directory, tmp_path / "copy", sha256(root_text()))
    assert (report.from_seq, report.seq, report.commits, report.warnings) == (None, 8, 8, ())
    found = verify(tmp_path / "copy")
    assert (found.seq, found.first, found.followed, found.shards) == (8, 1, 1, 1)
    assert (tmp_path / "copy/v1/head").read_bytes() == tree.read("v1/head")
    assert not list((tmp_path / "copy").rglob("*part*"))
    sync(tmp_path / "copy", tmp_path / "dest")
    assert held_rows(tmp_path / "dest") == tree.rows[8]


def test_a_second_run_fetches_only_what_is_new(tmp_path: Path) -> None:
    """Nothing new costs one request; a tick costs its own files."""
    tree = whole_tree(tmp_path)
    mirror(tree.directory, tmp_path / "copy")
    again = mirror(tree.directory, tmp_path / "copy")
    assert (again.from_seq, again.requests, again.fetched) == (8, 1, 0)
    grow(tree, 1)
    more = mirror(tree.directory, tmp_path / "copy")
    # the list, two rings, Parquet and compat deltas, the commit and the head
    assert (more.fetched, more.requests) == (7, 6)
    assert verify(tmp_path / "copy").followed == 2


def test_a_mirror_of_a_mirror_is_the_same(tmp_path: Path) -> None:
    """Over HTTP, byte for byte."""
    tree = whole_tree(tmp_path)
    mirror(tree.directory, tmp_path / "one")
    with serve_tree(tmp_path / "one") as server:
        mirror(server.url, tmp_path / "two")
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file() and ".mirror" not in path.parts:
            assert (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("lag", [1, 2, 4, TICKS_A_DAY + 3, 4 * TICKS_A_DAY])
def test_clients_that_lag_follow_a_mirror(tmp_path: Path, lag: int) -> None:
    """By line 3, by the ring, by yesterday's last commit and ring, by a roll: none of it needs the origin."""
    tree, dest = Tree(tmp_path / "tree"), tmp_path / "dest"
    tree.tick(time_of(1), first_rows(600))
    grow(tree, 2)
    sync(tree.directory, dest)
    grow(tree, lag)
    mirror(tree.directory, tmp_path / "copy")
    report = sync(tmp_path / "copy", dest)
    assert (report.warnings, "base" in report.how.split("+")) == ((), False)
    assert held_rows(dest) == tree.rows[3 + lag]


def _run(source: Path, directory: Path, after: int) -> None:
    """Mirror, and be killed before a rename."""
    replace, count = os.replace, [0]

    def replacing(*arguments: Any) -> None:
        count[0] += 1
        if count[0] > after:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*arguments)

    os.replace = replacing  # type: ignore[assignment]
    mirror(source, directory)


def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    """SIGKILL before each rename in turn: readers see a whole tick or none, the next run goes on and never repeats."""
    tree = whole_tree(tmp_path, 3)
    first = mirror(tree.directory, tmp_path / "old").fetched
    grow(tree, TICKS_A_DAY)
    context = multiprocessing.get_context("fork")
    directory = tmp_path / "copy"
    shutil.copytree(tmp_path / "old", directory)
    runs, exitcode, seq = 0, None, 0
    while exitcode != 0:
        runs += 1
        before = {path for path in directory.rglob("v1/**/*") if path.is_file()}
        run = context.Process(target=_run, args=(tree.directory, directory, 1))
        run.start()
        run.join(60)
        now = {path for path in directory.rglob("v1/**/*") if path.is_file()}
        seq = sync(directory, tmp_path / "reader").seq
        assert held_rows(tmp_path / "reader") == tree.rows[seq]
        assert before <= now
        exitcode = run.exitcode
        assert exitcode in {0, -signal.SIGKILL}
        assert runs < 200
    assert runs > first / 2
    assert (seq, verify(directory).seq) == (9, 9)


def test_readers_never_fail_while_it_is_updated(tmp_path: Path) -> None:
    """Clients that follow the mirror over HTTP all the time see only whole ticks, in order."""
    tree = new_tree(tmp_path / "tree", 2)
    copy = tmp_path / "copy"
    mirror(tree.directory, copy)
    stop, seen, errors = threading.Event(), [0], []

    def follow() -> None:
        with serve_tree(copy) as server:
            while not stop.is_set():
                try:
                    seen.append(sync(server.url, tmp_path / "reader").seq)
                    sync(server.url, tmp_path / f"fresh-{len(seen)}")
                except ClientError as error:
                    errors.append(error)

    reader = threading.Thread(target=follow)
    reader.start()
    for _ in range(2 * TICKS_A_DAY):
        grow(tree, 1)
        mirror(tree.directory, copy)
    stop.set()
    reader.join()
    assert errors == []
    assert seen == sorted(seen)
    assert sync(copy, tmp_path / "reader").seq == 2 + 2 * TICKS_A_DAY


def test_newer_is_never_replaced_by_older(tmp_path: Path) -> None:
    """A source that went back, another log, another root, an equivocation: the mirror stands."""
    tree = new_tree(tmp_path / "tree", 3)
    copy = tmp_path / "copy"
    mirror(tree.directory, copy)
    other = Tree(tmp_path / "other", log="f" * 32)
    grow(other, 9)
    twin = new_tree(tmp_path / "twin", 2)
    twin.tick(time_of(3), {"forged": (99, 1)})
    tree.write("v1/head", tree.read("v1/c/2.json"))
    for source, code in ((tree, "rollback"), (other, "log"), (twin, "equivocation")):
        with pytest.raises(Refused) as caught:
            mirror(source.directory, copy)
        assert caught.value.code == code
        assert (copy / "v1/head").read_bytes() == tree.read("v1/c/3.json")
    assert len(list((copy / ".mirror").glob("evidence-*"))) == 2
    with pytest.raises(Refused, match="the rows held came under"):
        mirror(tree.directory, copy, "0" * 64)


def test_a_new_root_comes_with_the_files(tmp_path: Path) -> None:
    """A rotated key reaches the mirror, and whoever trusts root 1 follows it there."""
    tree = new_tree(tmp_path / "tree", 2)
    mirror(tree.directory, tmp_path / "copy")
    tree.signer, tree.gen = Signer("online 2"), 2
    tree.write_root(2, root_text(2, online=tree.signer))
    grow(tree, 1)
    mirror(tree.directory, tmp_path / "copy")
    assert verify(tmp_path / "copy", sha256(root_text())).roots == 2
    tree.signer, tree.gen = Signer("online"), 1
    grow(tree, 1)
    with pytest.raises(Refused) as caught:
        mirror(tree.directory, tmp_path / "copy")
    assert caught.value.code == "gen"


@pytest.mark.parametrize("which", ["ring", "base", "sums", "shard"])
def test_damaged_files_of_the_source_change_nothing(tmp_path: Path, which: str) -> None:
    """What is not as the signed head says is not copied, and the old tick stands."""
    tree = whole_tree(tmp_path, 2)
    copy = tmp_path / "copy"
    mirror(tree.directory, copy)
    grow(tree, TICKS_A_DAY)
    assert tree.epoch
    keys = {
        "ring": ring_key(tree),
        "base": base_keys(tree)[0],
        "sums": next(key for key in tree.epoch.files if "sums" in key),
        "shard": next(iter(tree.epoch.shards)),
    }
    content = tree.read(keys[which])
    tree.write(keys[which], content[:-1] + b"?")
    with pytest.raises(Damaged):
        mirror(tree.directory, copy)
    assert (copy / "v1/head").read_bytes() == tree.read("v1/c/2.json")
    tree.write(keys[which], content)
    assert mirror(tree.directory, copy).seq == TICKS_A_DAY + 2


@pytest.mark.parametrize("key", ["v1/../../escaped", "/etc/escaped", "v1/head", "v1/c/1.json", "escaped"])
def test_a_list_cannot_lead_out_of_the_mirror(tmp_path: Path, key: str) -> None:
    """Even a thief of the online key writes nothing beside the tree, nor over its head."""
    tree = new_tree(tmp_path / "tree", 1)
    content = b"x"
    listing = canonical({"v": 1, "seq": 2, "files": {key: {"bytes": 1, "sha256": sha256(content)}}})
    tree.write(f"v1/m/2-{sha256(listing)[:16]}.json", listing)
    tree.tick(time_of(2), changed(tree.rows[1], 2), m={"file": sha256(listing), "bytes": len(listing)})
    with pytest.raises(Damaged, match="no file's key"):
        mirror(tree.directory, tmp_path / "copy")
    assert not (tmp_path / "copy/v1/head").exists()


def test_damage_in_the_mirror_is_healed_or_told(tmp_path: Path) -> None:
    """A file that rotted is fetched again; a head that rotted needs a person."""
    tree = whole_tree(tmp_path, 2)
    copy = tmp_path / "copy"
    mirror(tree.directory, copy)
    for key in (ring_key(tree), base_keys(tree)[1], "v1/c/1.json"):
        (copy / key).write_bytes(b"rot")
    assert mirror(tree.directory, copy).fetched == 3
    assert verify(copy).seq == 2
    (copy / "v1/head").write_bytes(b"rot")
    with pytest.raises(HeldError, match="mirror anew"):
        mirror(tree.directory, copy)


def test_a_second_run_is_turned_away(tmp_path: Path) -> None:
    """One run a mirror."""
    tree = new_tree(tmp_path / "tree", 1)
    with locked(tmp_path / "copy/.mirror"), pytest.raises(Busy):
        mirror(tree.directory, tmp_path / "copy")
