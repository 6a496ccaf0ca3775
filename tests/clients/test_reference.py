"""A client arrives exactly at the newest tick, wherever it stood, by the cheapest way."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from clients.errors import HeldError, Missing, Refused
from clients.held import read_held
from clients.reference import SyncReport, sync
from clients.rows import NumberedRows
from tests.clients.histories import TICKS_A_DAY, changed, first_rows, grow, new_tree, time_of
from tests.clients.tree import DAY_MS, Row, Tree, integer_id, state_of


def held_rows(dest: Path) -> dict[str, Row]:
    """What a destination holds."""
    held = read_held(dest)
    assert held
    assert held.rows
    return as_rows(held.rows.now)


def as_rows(numbered: NumberedRows) -> dict[str, Row]:
    """Columns as a dictionary, the removed rows left out."""
    columns = (numbered.ids, numbered.scores, numbered.flags, numbered.alive)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return {video_id.decode(): (score, flags) for video_id, score, flags, alive in rows if alive}


def arrive(tree: Tree, dest: Path) -> SyncReport:
    """Sync, and check that the destination holds the newest rows."""
    report = sync(tree.directory, dest)
    newest = max(tree.rows)
    assert report.seq == newest
    assert held_rows(dest) == tree.rows[newest]
    assert report.state == state_of(tree.rows[newest])
    return report


def standing_at(tmp_path: Path, tree: Tree, name: str) -> Path:
    """A destination at the tree's newest tick."""
    dest = tmp_path / name
    arrive(tree, dest)
    return dest


def test_first_sync_reads_root_head_epochs_ring_and_base(tmp_path: Path) -> None:
    """A new client needs root 1, head, epochs file, ring and both parts of the base; it trusts on first use."""
    tree = new_tree(tmp_path / "tree", 4)
    report = arrive(tree, tmp_path / "dest")
    assert (report.from_seq, report.how, report.requests) == (None, "base+ring", 6)
    assert "trusted because it came first" in report.warnings[0]


def test_one_tick_behind_needs_only_the_head(tmp_path: Path) -> None:
    """A small newest block stands in the head: one request."""
    tree = new_tree(tmp_path / "tree", 3)
    dest = standing_at(tmp_path, tree, "dest")
    grow(tree, 1)
    report = arrive(tree, dest)
    assert (report.from_seq, report.how, report.requests) == (3, "inline", 1)
    assert report.bytes == len(tree.read("v1/head"))
    assert report.warnings == ()


@pytest.mark.parametrize("lag", [2, 3, 4, 5])
def test_every_lag_within_an_epoch_reads_exactly_its_prefix(tmp_path: Path, lag: int) -> None:
    """A client some ticks behind reads the head and the ring's first blocks, no byte more."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY - lag)
    dest = standing_at(tmp_path, tree, "dest")
    grow(tree, lag)
    report = arrive(tree, dest)
    prefix = sum(tree.payloads[-1]["ring"]["sizes"][:lag])
    assert (report.how, report.requests) == ("ring", 2)
    assert report.bytes == len(tree.read("v1/head")) + prefix


def test_a_tree_without_inline_blocks_is_followed_by_the_ring(tmp_path: Path) -> None:
    """Line 3 of a head is a convenience: without it the ring's prefix does."""
    tree = new_tree(tmp_path / "tree", 2)
    tree.inline = False
    dest = standing_at(tmp_path, tree, "dest")
    grow(tree, 1)
    assert arrive(tree, dest).how == "ring"


def test_the_same_tick_again_changes_nothing(tmp_path: Path) -> None:
    """An up-to-date client reads the head and leaves its file alone."""
    tree = new_tree(tmp_path / "tree", 2)
    dest = standing_at(tmp_path, tree, "dest")
    before = (dest / "state").stat()
    report = arrive(tree, dest)
    assert (report.from_seq, report.how, report.requests) == (2, "same", 1)
    assert (dest / "state").stat() == before


def test_ticks_that_change_nothing_need_only_the_head(tmp_path: Path) -> None:
    """A heartbeat moves the tick and no rows; changes before it are still found."""
    tree = new_tree(tmp_path / "tree", 2)
    dest, early = standing_at(tmp_path, tree, "dest"), tmp_path / "early"
    shutil.copytree(dest, early)
    grow(tree, 1, quiet=(3,))
    assert arrive(tree, dest).how == "head"
    grow(tree, 2, quiet=(5,))
    assert arrive(tree, dest).how == "ring"
    assert arrive(tree, early).how == "ring"


def test_midnight_needs_no_download(tmp_path: Path) -> None:
    """Up to date at midnight, a client makes the new base from its own rows: one request, the head."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY)
    dest = standing_at(tmp_path, tree, "dest")
    grow(tree, 1)
    report = arrive(tree, dest)
    assert (report.how, report.requests) == ("rebase+inline", 1)
    assert report.bytes == len(tree.read("v1/head"))


def test_midnight_then_some_ticks_needs_only_the_new_ring(tmp_path: Path) -> None:
    """The last client of the day, back some ticks into the next one, reads no base."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY)
    dest = standing_at(tmp_path, tree, "dest")
    grow(tree, 4)
    report = arrive(tree, dest)
    assert (report.how, report.requests) == ("rebase+ring", 2)


def test_midnight_with_quiet_ticks_needs_only_the_head(tmp_path: Path) -> None:
    """A new epoch that has not changed anything yet has no ring at all."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY)
    dest = standing_at(tmp_path, tree, "dest")
    grow(tree, 2, quiet=(TICKS_A_DAY + 1, TICKS_A_DAY + 2))
    assert tree.payloads[-1]["ring"] is None
    assert arrive(tree, dest).how == "rebase"
    assert arrive(tree, tmp_path / "new").how == "base"


def test_a_client_of_yesterday_finishes_its_epoch_first(tmp_path: Path) -> None:
    """Head, yesterday's last commit, what is missing of its ring, today's ring: at most four requests."""
    tree = new_tree(tmp_path / "tree", 3)
    dest = standing_at(tmp_path, tree, "dest")
    grow(tree, TICKS_A_DAY)
    part = sum(tree.payloads[TICKS_A_DAY - 1]["ring"]["sizes"][: TICKS_A_DAY - 3])
    head, commit = len(tree.read("v1/head")), len(tree.read(f"v1/c/{TICKS_A_DAY}.json"))
    report = arrive(tree, dest)
    assert (report.how, report.requests) == ("finish+rebase+ring", 4)
    assert report.bytes == head + commit + part + sum(tree.payloads[-1]["ring"]["sizes"])


def test_one_tick_before_midnight_the_commit_is_enough(tmp_path: Path) -> None:
    """Yesterday's last commit has the missing block in its third line, the head has today's: two requests."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY - 1)
    dest = standing_at(tmp_path, tree, "dest")
    grow(tree, 2)
    report = arrive(tree, dest)
    assert (report.how, report.requests) == ("finish+rebase+inline", 2)


def big_tree(tmp_path: Path) -> Tree:
    """A tree of 600 rows, of which a day changes few."""
    tree = Tree(tmp_path / "tree")
    tree.tick(time_of(1), first_rows(600))
    return tree


@pytest.mark.parametrize("days", [2, 7, 29])
def test_a_gap_of_up_to_30_days_needs_four_requests(tmp_path: Path, days: int) -> None:
    """Head, epochs file, roll, ring; the base held, not the newest rows, is what the roll applies to."""
    tree = big_tree(tmp_path)
    grow(tree, 2)
    dest = standing_at(tmp_path, tree, "dest")
    for day in range(1, days + 1):
        seq = len(tree.payloads) + 1
        tree.tick(time_of(1) + day * DAY_MS, changed(tree.rows[seq - 1], seq))
    seq = len(tree.payloads)
    for more in (1, 2):
        tree.tick(tree.payloads[-1]["ts"] + 1, changed(tree.rows[seq + more - 1], seq + more))
    report = arrive(tree, dest)
    assert (report.how, report.requests, report.warnings) == ("roll+ring", 4, ())


def test_after_a_finished_epoch_the_newer_base_is_held(tmp_path: Path) -> None:
    """Each day's base takes the place of the one before, so that a later roll fits."""
    tree = big_tree(tmp_path)
    dest = standing_at(tmp_path, tree, "dest")
    for day in (1, 4, 5, 9):
        for more in range(3):
            seq = len(tree.payloads) + 1
            tree.tick(time_of(1) + day * DAY_MS + more, changed(tree.rows[seq - 1], seq))
        arrive(tree, dest)
        held = read_held(dest)
        assert held
        assert held.rows
        assert tree.epoch
        assert as_rows(held.rows.base) == tree.epoch.base_rows


def test_equal_bases_need_no_roll(tmp_path: Path) -> None:
    """Days without a change have a roll without a file: head and epochs file do."""
    tree = Tree(tmp_path / "tree")
    tree.tick(time_of(1), first_rows())
    dest = standing_at(tmp_path, tree, "dest")
    for day in range(1, 4):
        tree.tick(time_of(1) + day * DAY_MS, first_rows())
    report = arrive(tree, dest)
    assert (report.how, report.requests) == ("roll", 2)


def test_a_large_roll_is_left_for_the_base(tmp_path: Path) -> None:
    """When most rows changed, the roll is not worth it: head, epochs file, ring, the base's two parts."""
    tree = new_tree(tmp_path / "tree", 3)
    dest = standing_at(tmp_path, tree, "dest")
    for day in (2, 3):
        tree.tick(time_of(1) + day * DAY_MS, first_rows(90, seed=day))
    tree.tick(tree.payloads[-1]["ts"] + 1, first_rows(95, seed=5))
    tree.inline = False
    tree.tick(tree.payloads[-1]["ts"] + 1, first_rows(96, seed=5))
    report = arrive(tree, dest)
    assert (report.how, report.requests) == ("base+ring", 5)


def test_after_more_than_30_days_the_base_is_read(tmp_path: Path) -> None:
    """No roll leads from a base that old."""
    tree = big_tree(tmp_path)
    dest = standing_at(tmp_path, tree, "dest")
    for day in (5, 31, 32):
        tree.tick(time_of(1) + day * DAY_MS, tree.rows[len(tree.payloads)])
    assert arrive(tree, dest).how == "base"


def test_a_past_tick_comes_into_a_directory_of_its_own(tmp_path: Path) -> None:
    """Any tick whose files are still there, with the newest kill list; the directory then goes forward as any other."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY + 3)
    tree.kill = ("x",)
    grow(tree, 1)
    for seq in (1, 4, TICKS_A_DAY + 1):
        dest = tmp_path / f"at-{seq}"
        report = sync(tree.directory, dest, at=seq)
        assert (report.seq, report.killed, held_rows(dest)) == (seq, 1, tree.rows[seq])
        assert sync(tree.directory, dest, at=seq).how == "same"
        with pytest.raises(HeldError, match="a directory of its own"):
            sync(tree.directory, dest, at=seq + 1)
        arrive(tree, dest)
    with pytest.raises(Refused, match="the newest one is 10"):
        sync(tree.directory, tmp_path / "none", at=11)
    epoch = tree.payloads[0]["epoch"]
    for path in (tree.directory / f"v1/e/{epoch}").glob("ring-3-*.bin"):
        path.unlink()
    with pytest.raises(Missing):
        sync(tree.directory, tmp_path / "none", at=3)


def test_removed_and_added_again_keeps_its_number(tmp_path: Path) -> None:
    """A row that comes again within an epoch comes under its old number, for clients of every lag."""
    a, b, c = integer_id(5), integer_id(2**63), "other"
    steps: list[dict[str, Row]] = [
        {a: (50, 1), b: (60, 1)},
        {a: (50, 1)},
        {a: (50, 1), c: (40, 2)},
        {c: (40, 2)},
        {a: (51, 1), b: (60, 1)},
        {a: (51, 1), b: (61, 1), c: (99, 64)},
    ]
    tree = Tree(tmp_path / "tree")
    clients = []
    for seq, rows in enumerate(steps, start=1):
        tree.tick(time_of(seq), rows)
        clients.append(standing_at(tmp_path, tree, f"at-{seq}"))
        for number, dest in enumerate(clients):
            shutil.copytree(dest, tmp_path / f"{seq}-{number}")
            arrive(tree, tmp_path / f"{seq}-{number}")
    tree.tick(time_of(TICKS_A_DAY + 1), steps[0])
    for dest in clients:
        arrive(tree, dest)


def test_an_empty_tree_is_followed(tmp_path: Path) -> None:
    """No rows at all is a state like any other, and so is losing the last row."""
    tree = Tree(tmp_path / "tree")
    tree.tick(time_of(1), {})
    dest = standing_at(tmp_path, tree, "dest")
    tree.tick(time_of(2), {"one": (20, 1)})
    assert arrive(tree, dest).rows == 1
    tree.tick(time_of(3), {})
    assert arrive(tree, dest).rows == 0


def test_a_stale_head_is_reported_and_followed(tmp_path: Path) -> None:
    """After `exp` the rows are kept and said to be old; without a clock nobody can tell."""
    tree = new_tree(tmp_path / "tree", 2)
    exp = tree.payloads[-1]["exp"]
    fresh = sync(tree.directory, tmp_path / "dest", now_ms=exp)
    stale = sync(tree.directory, tmp_path / "dest", now_ms=exp + 1)
    unknown = sync(tree.directory, tmp_path / "dest")
    assert [fresh.stale, stale.stale, unknown.stale] == [False, True, False]
    assert stale.warnings == ("tick 2 is stale: nothing newer came in time",)
