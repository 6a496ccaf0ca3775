"""Several origins of one tree, and the list of ids to hide."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.tree_server import serve_tree
from clients.errors import ClientError, Damaged, Missing, Refused, Unreachable
from clients.held import read_held
from clients.kill import shown_rows
from clients.reference import sync
from tests.clients.histories import TICKS_A_DAY, changed, grow, new_tree, time_of
from tests.clients.packing import packed
from tests.clients.signing import Signer, canonical, root_text, sha256
from tests.clients.test_hostile_files import CachedSource, base_keys, ring_key
from tests.clients.test_reference import held_rows
from tests.clients.tree import Tree


def copied(tree: Tree, directory: Path) -> Path:
    """A mirror as it is now."""
    shutil.copytree(tree.directory, directory)
    return directory


def test_the_newest_valid_head_wins_and_files_come_from_any(tmp_path: Path) -> None:
    """An origin that is behind, one that is ahead without its ring, one that is gone: the client arrives."""
    tree = new_tree(tmp_path / "tree", 2)
    dest = tmp_path / "dest"
    sync(tree.directory, dest)
    behind = copied(tree, tmp_path / "behind")
    grow(tree, 3)
    whole = copied(tree, tmp_path / "whole")
    (tree.directory / ring_key(tree)).unlink()
    report = sync(behind, dest, mirrors=[tree.directory, tmp_path / "gone", whole])
    assert (report.seq, report.how) == (5, "ring+mirror")
    assert held_rows(dest) == tree.rows[5]
    assert any("gone" in warning for warning in report.warnings)
    again = sync(behind, dest, mirrors=[whole])
    assert (again.how, again.seq) == ("same", 5)
    assert any("went back" in warning for warning in again.warnings)


def test_a_higher_gen_wins_over_a_higher_seq(tmp_path: Path) -> None:
    """What the root keys say comes before what an online key says."""
    tree = new_tree(tmp_path / "tree", 2)
    old = Tree(copied(tree, tmp_path / "old"), rows=dict(tree.rows), payloads=list(tree.payloads), epoch=tree.epoch)
    online = Signer("online 2")
    tree.write_root(2, root_text(2, online=online))
    tree.gen, tree.signer = 2, online
    tree.tick(time_of(3), changed(tree.rows[2], 3))
    last = old.payloads[-1]
    old.payloads += [last, last]
    old.rows |= {3: old.rows[2], 4: old.rows[2]}
    old.tick(time_of(5), old.rows[2])
    report = sync(old.directory, tmp_path / "dest", mirrors=[tree.directory])
    assert report.seq == 3


def test_all_origins_gone_is_one_error(tmp_path: Path) -> None:
    """Nobody answers: the first failure is told, and the rows stay."""
    tree = new_tree(tmp_path / "tree", 2)
    sync(tree.directory, tmp_path / "dest")
    with serve_tree(tree.directory) as server:
        url = server.url
    with pytest.raises(Unreachable):
        sync(url, tmp_path / "dest", mirrors=[url])
    with pytest.raises(Missing):
        sync(tmp_path / "none", tmp_path / "dest", mirrors=[tmp_path / "no"])
    assert held_rows(tmp_path / "dest") == tree.rows[2]


def test_an_origin_that_falls_silent_is_not_asked_again(tmp_path: Path) -> None:
    """Files come from the others; the silent one costs one attempt."""
    tree = new_tree(tmp_path / "tree", 4)
    silent = CachedSource(tree.directory, unreachable=frozenset({ring_key(tree), *base_keys(tree)}))
    report = sync(silent, tmp_path / "dest", mirrors=[tree.directory])
    assert report.how == "base+ring+mirror"
    assert len([warning for warning in report.warnings if "no answer" in warning]) == 1


def test_a_rollback_of_a_cache_is_asked_past(tmp_path: Path) -> None:
    """An edge that still has the old head is asked to look again before anybody speaks of a rollback."""
    tree = new_tree(tmp_path / "tree", 1)
    old = tree.read("v1/head")
    grow(tree, 1)
    sync(tree.directory, tmp_path / "dest")
    report = sync(CachedSource(tree.directory, cached={"v1/head": old}), tmp_path / "dest")
    assert (report.how, report.requests) == ("same", 2)


def shown(dest: Path) -> set[str]:
    """The ids that may be shown."""
    held = read_held(dest)
    assert held
    assert held.rows
    return {video_id.decode() for video_id in shown_rows(held.rows.now, held.kill).ids.tolist()}


def test_killed_ids_are_hidden_and_their_rows_stay(tmp_path: Path) -> None:
    """The list is an overlay: rows and state are untouched, and a shorter list shows them again."""
    tree, dest = new_tree(tmp_path / "tree", 1), tmp_path / "dest"
    sync(tree.directory, dest)
    tree.kill = ("x", "not-a-row")
    tree.tick(time_of(2), tree.rows[1])
    report = sync(tree.directory, dest)
    assert (report.killed, report.requests) == (2, 2)
    assert held_rows(dest) == tree.rows[1]
    assert shown(dest) == {*tree.rows[1]} - {"x"}
    grow(tree, 1)
    assert sync(tree.directory, dest).requests == 1, "the list that is held is not read again"
    tree.kill = ()
    grow(tree, 1)
    assert sync(tree.directory, dest).killed == 0
    tree.kill = None
    grow(tree, TICKS_A_DAY)
    assert sync(tree.directory, dest).killed == 0
    assert shown(dest) == {*tree.rows[len(tree.payloads)]}


def test_a_kill_list_that_is_wrong_stops_the_sync(tmp_path: Path) -> None:
    """Nothing newer is shown without the list that belongs to it: the old state stands, or another origin has it."""
    tree, dest = new_tree(tmp_path / "tree", 1), tmp_path / "dest"
    sync(tree.directory, dest)
    tree.kill = ("x",)
    grow(tree, 1)
    whole = copied(tree, tmp_path / "whole")
    key = next(tree.directory.glob("v1/kill-*.json"))
    for content in (b"", packed(b"{}"), key.read_bytes() + b" "):
        key.write_bytes(content)
        with pytest.raises(ClientError):
            sync(tree.directory, dest)
        assert held_rows(dest) == tree.rows[1]
    assert sync(tree.directory, dest, mirrors=[whole]).killed == 1


@pytest.mark.parametrize("content", [{"v": 2, "ids": []}, {"v": 1, "ids": ["b", "a"]}, {"v": 1, "ids": ["a b"]}, []])
def test_a_signed_kill_list_is_still_read_strictly(tmp_path: Path, content: object) -> None:
    """The head vouches for bytes, not for sense."""
    tree = new_tree(tmp_path / "tree", 1)
    text = canonical(content)
    tree.write(f"v1/kill-{sha256(text)[:16]}.json", text)
    tree.tick(time_of(2), tree.rows[1], kill={"file": sha256(text), "bytes": len(text)})
    with pytest.raises(Damaged, match="v1/kill-"):
        sync(tree.directory, tmp_path / "dest")


def test_what_the_publisher_announces_is_told(tmp_path: Path) -> None:
    """A frozen tree, a note and a sunset stand in the report; texts cannot steer a terminal."""
    tree = new_tree(tmp_path / "tree", 2)
    announced = {
        "frozen": {"seq": 2, "reason": "a flood\x1b[2J"},
        "note": "looked at by two people",
        "sunset": {"ts": time_of(99), "see": "https://example.org/v2"},
    }
    tree.tick(time_of(3), tree.rows[2], **announced)
    report = sync(tree.directory, tmp_path / "dest")
    assert report.frozen
    assert report.sunset
    assert (report.frozen.seq, report.note) == (2, announced["note"])
    assert (report.sunset.ts_ms, report.sunset.see) == (time_of(99), "https://example.org/v2")
    assert len([warning for warning in report.warnings if "flood" in warning or "v2" in warning]) == 2
    assert "\x1b" not in "".join(report.warnings)


def test_a_head_of_another_log_at_a_mirror_is_refused(tmp_path: Path) -> None:
    """Two trees are not one tree with two origins."""
    tree, other = new_tree(tmp_path / "tree", 2), Tree(tmp_path / "other", log="f" * 32)
    grow(other, 1)
    with pytest.raises(Refused) as caught:
        sync(tree.directory, tmp_path / "dest", mirrors=[other.directory])
    assert caught.value.code == "log"
