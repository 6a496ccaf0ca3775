"""The held state survives crashes, damage and a second sync."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clients.errors import Busy, HeldError, Refused
from clients.held import locked, read_held
from clients.reference import sync
from tests.clients.histories import grow, new_tree
from tests.clients.signing import root_text, sha256
from tests.clients.test_reference import held_rows
from tests.clients.tree import Tree

CHECKOUT = Path(__file__).parents[2]

KILLED_BEFORE_RENAME = """
import os, signal, sys
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from clients.reference import sync
sync(sys.argv[1], sys.argv[2])
"""


def followed(tmp_path: Path) -> tuple[Tree, Path]:
    """A tree of two ticks and a destination at its end."""
    tree, dest = new_tree(tmp_path / "tree", 2), tmp_path / "dest"
    sync(tree.directory, dest)
    return tree, dest


def test_killed_between_write_and_rename_keeps_the_old_state(tmp_path: Path) -> None:
    """Killed with the new state complete under another name, the old one stands, and the next sync heals."""
    tree, dest = followed(tmp_path)
    grow(tree, 2)
    arguments = [sys.executable, "-c", KILLED_BEFORE_RENAME, str(tree.directory), str(dest)]
    died = subprocess.run(arguments, cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, check=False)
    assert died.returncode == -signal.SIGKILL
    assert (dest / "state.tmp").exists()
    assert held_rows(dest) == tree.rows[2]
    assert sync(tree.directory, dest).from_seq == 2
    assert held_rows(dest) == tree.rows[4]
    assert not (dest / "state.tmp").exists()


def test_a_full_disk_keeps_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails is one clear error."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HeldError, match="No space left on device"):
        sync(tree.directory, dest)
    monkeypatch.undo()
    assert held_rows(dest) == tree.rows[2]


def test_a_second_sync_is_turned_away(tmp_path: Path) -> None:
    """One sync a destination: the other one is told to wait, and changes nothing."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    with locked(dest), pytest.raises(Busy, match="another sync"):
        sync(tree.directory, dest)
    assert held_rows(dest) == tree.rows[2]
    assert sync(tree.directory, dest).seq == 3


def test_many_syncs_at_once_end_in_the_right_state(tmp_path: Path) -> None:
    """However many start together, the destination ends at the newest tick."""
    tree, dest = followed(tmp_path)
    grow(tree, 3)
    program = "import sys; from clients.reference import sync; sync(sys.argv[1], sys.argv[2])"
    arguments = [sys.executable, "-c", program, str(tree.directory), str(dest)]
    running = [subprocess.Popen(arguments, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert any(process.returncode == 0 for process in running)
    assert all("Busy" in error for error in errors if error)
    assert held_rows(dest) == tree.rows[5]


def test_no_damage_to_the_state_gives_wrong_rows(tmp_path: Path) -> None:
    """Flipped bits and cuts are healed from the base, or are one clear error; they are never believed."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    state = (dest / "state").read_bytes()
    header = len(b"".join(state.splitlines(keepends=True)[:2]))
    for at in [*range(0, len(state), 97), header - 1, header, len(state) - 1]:
        for damaged in (state[:at] + bytes([state[at] ^ (1 << at % 8)]) + state[at + 1 :], state[:at]):
            (dest / "state").write_bytes(damaged)
            if at < header:
                with pytest.raises(HeldError, match="remove it and sync again"):
                    sync(tree.directory, dest)
                assert (dest / "state").read_bytes() == damaged
            else:
                assert sync(tree.directory, dest).how == "base+ring"
                assert held_rows(dest) == tree.rows[3]


def test_a_state_of_an_earlier_version_is_told_plainly(tmp_path: Path) -> None:
    """Another format of the state is no damage, and is not guessed at."""
    tree, dest = followed(tmp_path)
    line, _, rest = (dest / "state").read_bytes().split(b"\n", 2)
    older = line.replace(b'"v": 2', b'"v": 1')
    (dest / "state").write_bytes(older + b"\n" + sha256(older).encode() + b"\n" + rest)
    with pytest.raises(HeldError, match=r"left by another version .* remove it and sync again"):
        sync(tree.directory, dest)


def test_damaged_rows_do_not_forget_what_was_seen(tmp_path: Path) -> None:
    """With the rows lost, the pinned root and the newest tick still rule out a rollback and another log."""
    tree, dest = followed(tmp_path)
    state = (dest / "state").read_bytes()
    (dest / "state").write_bytes(state[:-1])
    tree.write("v1/head", tree.read("v1/c/1.json"))
    with pytest.raises(Refused, match="went back"):
        sync(tree.directory, dest)
    tree.write("v1/head", tree.read("v1/c/2.json"))
    with pytest.raises(Refused, match="the rows held came under"):
        sync(tree.directory, dest, "0" * 64)
    report = sync(tree.directory, dest, sha256(root_text()))
    assert (report.from_seq, report.seq, report.how) == (2, 2, "base+inline")
    assert report.warnings == ("the rows held were damaged on disk; they came anew",)


@pytest.mark.parametrize("what", ["a file", "a file's child", "not writable"])
def test_a_destination_that_cannot_be_is_a_clear_error(tmp_path: Path, what: str) -> None:
    """The destination must be a directory that can be written."""
    tree = new_tree(tmp_path / "tree")
    (tmp_path / "file").write_text("")
    dest = {"a file": tmp_path / "file", "a file's child": tmp_path / "file" / "x", "not writable": Path("/proc/x")}[
        what
    ]
    with pytest.raises(HeldError, match="expected a directory to write to"):
        sync(tree.directory, dest)


def test_no_state_yet_is_none(tmp_path: Path) -> None:
    """A destination that nobody synced holds nothing."""
    assert read_held(tmp_path) is None
