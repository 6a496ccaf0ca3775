"""Looking back: the list of ticks, and what differs between two of them."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from clients.errors import Damaged, Missing, Refused
from clients.history.commands import diff as diff_command
from clients.history.commands import ticks as ticks_command
from clients.history.diff import diff
from clients.history.ticks import ticks
from clients.mirror.commands import mirror as mirror_command
from clients.mirror.run import mirror
from tests.clients.histories import TICKS_A_DAY, changed, first_rows, grow, new_tree, time_of
from tests.clients.test_commands import run
from tests.clients.tree import Tree


def test_every_tick_is_listed_newest_first(tmp_path: Path) -> None:
    """With its rows, its changes where the commit tells them, its sizes and its marks."""
    tree = new_tree(tmp_path, 3, quiet=(3,))
    tree.kill = ("x",)
    frozen = {"frozen": {"seq": 2, "reason": "a flood"}, "note": "two people looked"}
    tree.tick(time_of(4), tree.rows[2], **frozen)
    told = list(ticks(tree.directory).ticks)
    assert [tick.seq for tick in told] == [4, 3, 2, 1]
    assert [(tick.added, tick.changed, tick.removed) for tick in told] == [(0, 0, 0), (0, 0, 0), (2, 3, 1), (47, 0, 0)]
    assert [tick.rows for tick in told] == [48, 48, 48, 47]
    assert [tick.kill_list for tick in told] == [True, False, False, False]
    assert told[0].frozen
    assert (told[0].frozen.seq, told[0].note, told[1].frozen) == (2, "two people looked", None)
    assert tree.epoch
    base = sum(len(text) for key, text in tree.epoch.files.items() if key.endswith((".p1", ".p2")))
    assert {tick.base_bytes for tick in told} == {base}
    assert [tick.ring_bytes for tick in told] == [
        sum(p["ring"]["sizes"]) if p["ring"] else 0 for p in tree.payloads[::-1]
    ]


def test_large_changes_are_not_guessed(tmp_path: Path) -> None:
    """A block that does not stand in the head is not read for its counts."""
    tree = Tree(tmp_path)
    tree.tick(time_of(1), {})
    tree.tick(time_of(2), first_rows(900))
    told = next(ticks(tree.directory).ticks)
    assert (told.rows, told.added, told.changed, told.removed) == (907, None, None, None)


def test_a_pruned_past_ends_the_list(tmp_path: Path) -> None:
    """What is not there any more is not listed; what is there and wrong is an error."""
    tree = new_tree(tmp_path, 5)
    (tree.directory / "v1/c/2.json").unlink()
    assert [tick.seq for tick in ticks(tree.directory).ticks] == [5, 4, 3]
    tree.write("v1/c/4.json", tree.read("v1/c/3.json"))
    with pytest.raises(Damaged, match=r"v1/c/4\.json"):
        list(ticks(tree.directory).ticks)


def expected(tree: Tree, a: int, b: int) -> dict[str, tuple[object, object]]:
    """What differs, by id."""
    before, after = tree.rows[a], tree.rows[b]
    return {i: (before.get(i), after.get(i)) for i in {*before, *after} if before.get(i) != after.get(i)}


def test_the_difference_of_every_pair_of_ticks(tmp_path: Path) -> None:
    """Within an epoch and across, forwards and backwards, sorted by id."""
    tree = new_tree(tmp_path, TICKS_A_DAY + 3, quiet=(4,))
    for a, b in [*combinations(range(1, TICKS_A_DAY + 4, 2), 2), (8, 2), (4, 3), (5, 5)]:
        changes = list(diff(tree.directory, a, b).changes())
        assert {change.video_id: (change.before, change.after) for change in changes} == expected(tree, a, b)
        assert [change.video_id for change in changes] == sorted(change.video_id for change in changes)


def test_killed_ids_are_in_no_difference(tmp_path: Path) -> None:
    """The newest list counts, for older ticks too."""
    tree = new_tree(tmp_path, 2)
    tree.tick(time_of(3), tree.rows[2] | {"x": (99, 1)})
    assert [change.video_id for change in diff(tree.directory, 2, 3).changes()] == ["x"]
    tree.kill = ("x",)
    tree.tick(time_of(4), tree.rows[3])
    assert list(diff(tree.directory, 2, 3).changes()) == []


def test_ticks_that_are_not_there_are_told(tmp_path: Path) -> None:
    """Not yet, and not any more, are two things."""
    tree = new_tree(tmp_path, 3)
    with pytest.raises(Refused, match="the newest one is 3"):
        diff(tree.directory, 1, 4)
    (tree.directory / "v1/c/1.json").unlink()
    with pytest.raises(Missing):
        diff(tree.directory, 1, 2)


def test_the_commands_print_tables_and_lines_of_json(tmp_path: Path) -> None:
    """For people and for machines; texts of strangers cannot steer the screen."""
    tree = Tree(tmp_path / "tree")
    tree.tick(time_of(1), {"a": (50, 1), "b": (60, 2), "c": (70, 0)})
    tree.tick(time_of(2), {"a": (50, 1), "b": (61, 3), "d": (80, 4)}, note="seen\x1b[2J")
    table = run(ticks_command, tree.directory).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["tick", "2", "1"]
    assert "note: seen" in table[1]
    assert "\x1b" not in table[1]
    lines = run(ticks_command, tree.directory, "--json", "--limit", "1").stdout.splitlines()
    assert [json.loads(line)["added"] for line in lines] == [1]
    told = run(diff_command, 1, 2, tree.directory)
    assert told.stdout.splitlines() == [
        "~ b                  60 ai_voiceover ->  61 fully_ai, ai_voiceover",
        "- c                  70 no category",
        "+ d                  80 ai_visuals",
    ]
    assert told.stderr.splitlines()[-1] == "1 added, 1 removed, 1 changed"
    assert json.loads(run(diff_command, 1, 2, tree.directory, "--json").stdout.splitlines()[0]) == {
        "videoId": "b",
        "change": "changed",
        "before": {"score": 60, "categories": ["ai_voiceover"]},
        "after": {"score": 61, "categories": ["fully_ai", "ai_voiceover"]},
    }
    assert run(diff_command, 1, 3, tree.directory).exit_code == 3
    assert run(ticks_command, tmp_path / "none").exit_code == 1


def test_a_mirror_has_the_past_of_30_days(tmp_path: Path) -> None:
    """Its ticks can be listed; the newest one's rows are there."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY)
    tree.tick(time_of(TICKS_A_DAY) + 40 * 86_400_000, changed(tree.rows[TICKS_A_DAY], 9))
    grow_later = tree.payloads[-1]["ts"]
    tree.tick(grow_later + 1, tree.rows[TICKS_A_DAY + 1])
    mirror(tree.directory, tmp_path / "copy")
    assert [tick.seq for tick in ticks(tmp_path / "copy").ticks] == [8, 7, 6]


def test_the_mirror_command_says_what_it_did(tmp_path: Path) -> None:
    """A table for people, an object for machines, exit codes for scripts."""
    tree = grow(Tree(tmp_path / "tree"), 2)
    told = run(mirror_command, tree.directory, tmp_path / "copy")
    assert [line.split("  ")[0] for line in told.stdout.splitlines()] == [
        "tick",
        "before",
        "files",
        "read",
        "next tick",
    ]
    again = json.loads(run(mirror_command, tree.directory, tmp_path / "copy", "--json").stdout)
    assert (again["from_seq"], again["seq"], again["fetched"]) == (2, 2, 0)
    tree.write("v1/head", tree.read("v1/c/1.json"))
    assert run(mirror_command, tree.directory, tmp_path / "copy").exit_code == 3
