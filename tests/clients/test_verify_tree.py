"""`verify` on what only some trees have: rolls, shards, JSON twins, tombstones, gaps, pruned ends."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tree_server import serve_tree
from clients.errors import VerifyError
from clients.verify import verify
from tests.clients import packing
from tests.clients.exports import Exports
from tests.clients.histories import TICKS_A_DAY, changed, first_rows, grow, time_of
from tests.clients.packing import packed, packed_block, packed_roll
from tests.clients.signing import ONLINE, Signer, canonical, root_text, sha256, sign
from tests.clients.test_verify import broken
from tests.clients.tree import DAY_MS, Epoch, Tree, h16


def days(tmp_path: Path, count: int = 4, rows: int = 40, **options: Any) -> Tree:
    """A tree of some days, two ticks each."""
    tree = Tree(tmp_path / "tree", **options)
    for day in range(count):
        for more in (0, 1):
            seq = len(tree.payloads) + 1
            before = tree.rows.get(seq - 1)
            tree.tick(time_of(1) + day * DAY_MS + more, changed(before, seq) if before else first_rows(rows))
    return tree


def test_every_roll_and_every_shard_is_followed(tmp_path: Path) -> None:
    """Each earlier base and its roll give the newest base; sixteen shards lead to one top."""
    report = verify(days(tmp_path, 4, rows=400).directory)
    assert (report.epochs, report.rolls, report.shards) == (4, 3, 4 * 16)


def test_a_base_that_is_gone_has_no_roll_to_check(tmp_path: Path) -> None:
    """An older epoch may be pruned; what is left keeps its promises."""
    tree = days(tmp_path)
    for folder in ("2024-10-04",):
        shutil.rmtree(tree.directory / "v1/e" / folder)
    for seq in (1, 2):
        next((tree.directory / "v1/m").glob(f"{seq}-*.json")).unlink()
    report = verify(tree.directory)
    assert (report.first, report.followed, report.rolls) == (1, 6, 2)
    assert any("2 are there without their files" in warning for warning in report.warnings)


def test_the_old_end_may_be_pruned(tmp_path: Path) -> None:
    """Commits that are not there any more are counted; from a web server too."""
    tree = days(tmp_path, exports=Exports())
    for seq in (1, 2, 3):
        (tree.directory / f"v1/c/{seq}.json").unlink()
        next((tree.directory / "v1/m").glob(f"{seq}-*.json")).unlink()
    report = verify(tree.directory)
    assert (report.first, report.seq, report.followed) == (4, 8, 5)
    with serve_tree(tree.directory) as server:
        assert verify(server.url).first == 4


def test_a_hole_is_a_broken_promise(tmp_path: Path) -> None:
    """Commits are pruned from the old end only."""
    tree = days(tmp_path)
    (tree.directory / "v1/c/4.json").unlink()
    assert broken(tree).key == "v1/c/4.json"
    with serve_tree(tree.directory) as server, pytest.raises(VerifyError, match=r"v1/c/4\.json"):
        verify(server.url)


@pytest.mark.parametrize("gen", [1, 2])
def test_numbers_are_left_out_only_under_a_new_gen(tmp_path: Path, gen: int) -> None:
    """After a key was stolen the publisher may go on beyond the thief's numbers; the chain of payloads goes on."""
    tree = days(tmp_path, 1)
    if gen == 2:
        tree.signer, tree.gen = Signer("online 2"), 2
        tree.write_root(2, root_text(2, online=tree.signer))
    gap = 5
    tree.payloads += [tree.payloads[-1]] * gap
    tree.rows |= dict.fromkeys(range(3, 3 + gap), tree.rows[2])
    tree.tick(time_of(3), changed(tree.rows[2], 3))
    if gen == 2:
        report = verify(tree.directory)
        assert (report.first, report.seq, report.followed) == (1, 3 + gap, 3)
    else:
        assert broken(tree).key == "v1/c/7.json"


def spoil_epochs(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], object]) -> None:
    """Later epochs files are other ones."""
    right = packing.packed

    def spoiled(content: bytes) -> bytes:
        if content.startswith(b'{"base":{'):
            told = json.loads(content)
            change(told)
            content = canonical(told)
        return right(content)

    monkeypatch.setattr(packing, "packed", spoiled)


EPOCHS: dict[str, tuple[Callable[[Any], object], str]] = {
    "another base": (lambda told: told["base"].update(state="0" * 64), "the epochs file"),
    "another count": (lambda told: told["base"].update(n=1), "the rows of tick"),
    "another epoch": (lambda told: told.update(epoch="2024-10-09"), "the epochs file"),
    "a JSON base that is not there": (lambda told: told["base"]["json"].update(file="0" * 64), "the base"),
    "more digits": (lambda told: told["shards"].update(digits=1), "0 digits"),
    "another top": (lambda told: told["shards"].update(root="0" * 64), "one list of sums"),
    "rolls in another order": (lambda told: told["rolls"].reverse(), "the epochs file"),
    "a roll of another count": (lambda told: told["rolls"][-1].update(n=1), "tick and rows"),
    "a roll of another tick": (lambda told: told["rolls"][-1].update(seq=2), "tick and rows"),
    "a roll without its file": (lambda told: told["rolls"][-1].update(file=None, bytes=0), "equal bases"),
}


@pytest.mark.parametrize("case", EPOCHS)
def test_epochs_files_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Base, shards and rolls are those that the file says."""
    tree = days(tmp_path, 2)
    change, promised = EPOCHS[case]
    spoil_epochs(monkeypatch, change)
    tree.tick(time_of(1) + 3 * DAY_MS, tree.rows[4])
    assert promised in broken(tree).promised


def test_a_roll_that_was_left_out_does_not_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large roll may be left out, and then no later epoch has one from that base."""
    tree = days(tmp_path, 2)
    with monkeypatch.context() as patch:
        spoil_epochs(patch, lambda told: told["rolls"].pop())
        tree.tick(time_of(1) + 3 * DAY_MS, tree.rows[4])
    tree.tick(time_of(1) + 4 * DAY_MS, tree.rows[4])
    assert broken(tree).promised == "no roll from an epoch that had none before"


def test_rolls_must_lead_to_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A roll that is well-formed, signed and wrong is named."""
    tree = days(tmp_path, 2)
    monkeypatch.setattr(
        packing, "packed_roll", lambda old, new, seq: packed_roll(old, dict(list(new.items())[1:]), seq)
    )
    tree.tick(time_of(1) + 3 * DAY_MS, tree.rows[4])
    error = broken(tree)
    assert "the way from the base of 2024-10-05" in error.promised
    assert error.key.startswith("v1/roll/2024-10-07/2024-10-05-")


def test_a_roll_has_a_form_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No next, the base's tick, numbers from the earlier base's count."""
    tree = days(tmp_path, 2)
    for wrong in (("0" * 63 + "1", 4, None), (None, 3, None), (None, 4, 1)):

        def roll(old: Any, new: Any, seq: int, wrong: Any = wrong) -> bytes:
            first = len(old) if wrong[2] is None else wrong[2]
            return packed_block(wrong[1], wrong[0], first, [], {0: (1, 1)})

        monkeypatch.setattr(packing, "packed_roll", roll)
        again = Tree(tmp_path / f"again-{wrong[1]}-{wrong[2]}", rows=dict(tree.rows), payloads=list(tree.payloads))
        shutil.copytree(tree.directory, again.directory, dirs_exist_ok=True)
        again.epoch = tree.epoch
        again.tick(time_of(1) + 3 * DAY_MS, tree.rows[4])
        assert "the way from" in broken(again).promised


SHARDS: dict[str, Callable[[list[Any], list[Any]], object]] = {
    "another score": lambda body, _: body[0].update(scores=[1] * len(body[0]["scores"])),
    "a row less": lambda body, _: body[0]["ids"].pop(),
    "another prefix": lambda body, _: body[0].update(prefix="f"),
    "another tick": lambda body, _: body[0].update(seq=1),
    "another path": lambda _, path: path.reverse(),
    "no path": lambda _, path: path.clear(),
    "a longer path": lambda _, path: path.append("0" * 64),
}


@pytest.mark.parametrize("case", SHARDS)
def test_shards_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Body and path of each shard are what the base and the top say, however well the sums fit."""
    tree = days(tmp_path, 1, rows=400)
    right = packing.shards

    def spoiled(*arguments: Any) -> Any:
        digits, top, files = right(*arguments)
        body, path = (json.loads(line) for line in gzip.decompress(files["3"]).splitlines())
        SHARDS[case]([body], path)
        files["3"] = packed(canonical(body) + b"\n" + canonical(path) + b"\n")
        return digits, top, files

    monkeypatch.setattr(packing, "shards", spoiled)
    tree.tick(time_of(1) + DAY_MS, tree.rows[2])
    assert broken(tree).key.endswith("/3.json.gz")


def test_sums_name_all_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard that no sums list is a broken promise."""
    tree = days(tmp_path, 1, rows=400)
    right = packing.shards

    def fewer(*arguments: Any) -> Any:
        digits, top, files = right(*arguments)
        del files["a"]
        return digits, top, files

    monkeypatch.setattr(packing, "shards", fewer)
    tree.tick(time_of(1) + DAY_MS, tree.rows[2])
    assert broken(tree).promised == "16 shards"


def test_json_twins_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A JSON ring with another score is named, although the packed one is right."""
    tree = days(tmp_path, 1)
    right = Epoch.json_ring

    def other(epoch: Epoch, seq: int) -> bytes:
        text = gzip.decompress(right(epoch, seq))
        told = json.loads(text.splitlines()[0]) if text.count(b'"v"') == 1 else None
        assert told
        return packed(canonical(told | {"first": told["first"] + 1}))

    monkeypatch.setattr(Epoch, "json_ring", other)
    tree.tick(time_of(1) + DAY_MS, tree.rows[2])
    tree.tick(time_of(1) + DAY_MS + 1, changed(tree.rows[2], 5))
    error = broken(tree)
    assert error.key.endswith(".jsonl.gz")
    assert error.promised.startswith("the blocks of v1/e/")


def test_a_json_ring_is_a_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members in another order name other ones."""
    right = Epoch.json_ring

    def cut(epoch: Epoch, seq: int) -> bytes:
        whole = right(epoch, seq)
        return whole[: len(whole) // 2] if seq == 3 else whole

    monkeypatch.setattr(Epoch, "json_ring", cut)
    tree = grow(Tree(tmp_path), 3)
    assert "as JSON" in broken(tree).promised


def tombstone(tree: Tree, key: str, signer: Signer = ONLINE, /, **changes: Any) -> None:
    """Put a tombstone in a file's place."""
    content = tree.read(key)
    payload = {"v": 1, "key": key, "sha256": sha256(content), "bytes": len(content), "log": tree.log, "gen": 1}
    payload |= {"ts": time_of(99), "reason": "a court's order"} | changes
    tree.write(key, sign("realtube/tombstone/1", canonical(payload), [signer]))


def test_tombstones_are_accepted_in_the_place_of_old_files(tmp_path: Path) -> None:
    """Whatever file of an older tick they replace, the rest still keeps its promises."""
    tree = days(tmp_path, 3, exports=Exports())
    newest = next((tree.directory / "v1/m").glob("6-*.json"))
    listed = set(json.loads(newest.read_bytes())["files"])
    old = [path.relative_to(tree.directory).as_posix() for path in tree.directory.rglob("v1/**/*") if path.is_file()]
    skip = ("v1/c/", "v1/root/", "v1/head", "v1/m/", "v1/shard/2024-10-06")
    keys = [key for key in old if key not in listed and not key.startswith(skip)]
    assert len(keys) > 10
    for key in keys:
        content = tree.read(key)
        tombstone(tree, key)
        report = verify(tree.directory)
        assert (report.tombstones, report.seq) == (1, 6), key
        tree.write(key, content)
    for key in keys:
        tombstone(tree, key)
    seen = [key for key in keys if "/shard/" not in key]  # shards are looked at beside their base
    assert verify(tree.directory).tombstones >= len([key for key in seen if "sums" not in key])


TOMBSTONES: dict[str, dict[str, Any]] = {
    "another key": {"key": "v1/x-0123456789abcdef.gz"},
    "another hash": {"sha256": "0" * 64},
    "another size": {"bytes": 1},
    "another log": {"log": "f" * 32},
    "a root that is not there": {"gen": 2},
    "another format": {"v": 2},
    "no reason": {"reason": None},
}


@pytest.mark.parametrize("case", [*TOMBSTONES, "a stranger"])
def test_tombstones_must_be_valid(tmp_path: Path, case: str) -> None:
    """Signed by an online key, for this key, this file, this log."""
    tree = days(tmp_path, 3)
    key = next(path for path in tree.directory.rglob("v1/e/2024-10-04/base-*.p2"))
    name = key.relative_to(tree.directory).as_posix()
    tombstone(tree, name, Signer("stranger") if case == "a stranger" else ONLINE, **TOMBSTONES.get(case, {}))
    assert broken(tree).key == name


def test_the_newest_files_are_never_replaced(tmp_path: Path) -> None:
    """A client of now must find everything."""
    tree = days(tmp_path, 3)
    assert tree.epoch
    for key in tree.epoch.files:
        if "epochs" not in key:
            content = tree.read(key)
            tombstone(tree, key)
            assert "never replaced" in broken(tree).promised
            tree.write(key, content)


def test_a_plain_copy_is_checked_alike(tmp_path: Path) -> None:
    """A mirror made with cp, and without what was left of SHA256SUMS, keeps the same promises."""
    tree = grow(Tree(tmp_path / "tree", exports=Exports()), TICKS_A_DAY + 2)
    shutil.copytree(tree.directory, tmp_path / "copy")
    assert verify(tmp_path / "copy").state == verify(tree.directory).state
    assert h16(tree.read("v1/head")) == h16((tmp_path / "copy/v1/head").read_bytes())
