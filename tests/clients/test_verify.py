"""`verify` accepts what keeps every promise, and names the first one that is broken."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tree_server import serve_tree
from clients.errors import Refused, Unreachable, VerifyError
from clients.verify import verify
from tests.clients import packing
from tests.clients.exports import Exports, Lie
from tests.clients.histories import TICKS_A_DAY, changed, first_rows, grow, time_of
from tests.clients.signing import ONLINE, ROOT_KEYS, Signer, canonical, root_text, sha256, sign
from tests.clients.tree import Epoch, Row, Tree

TICKS = TICKS_A_DAY + 3
QUIET = (4, TICKS_A_DAY + 2)


def full_tree(directory: Path, ticks: int = TICKS) -> Tree:
    """A tree with every kind of file, two epochs, ticks that change nothing, a kill list and a second root."""
    tree = Tree(directory, exports=Exports(), kill=("x", "nobody"))
    grow(tree, 5, quiet=QUIET)
    tree.gen, tree.signer = 2, Signer("online 2")
    tree.write_root(2, root_text(2, online=tree.signer))
    return grow(tree, ticks - 5, quiet=QUIET)


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """One good tree for all tests; they work on copies."""
    return full_tree(tmp_path_factory.mktemp("model") / "tree")


@pytest.fixture(name="tree")
def _tree(model: Tree, tmp_path: Path) -> Tree:
    """A copy to spoil."""
    shutil.copytree(model.directory, tmp_path / "tree")
    return Tree(tmp_path / "tree", rows=dict(model.rows), payloads=list(model.payloads))


def broken(tree: Tree) -> VerifyError:
    """Verify, which must find a broken promise."""
    with pytest.raises(VerifyError) as caught:
        verify(tree.directory)
    assert str(caught.value).startswith(f"{caught.value.key}: promised ")
    return caught.value


@pytest.mark.parametrize("kind", ["directory", "web"])
def test_a_good_tree_passes(model: Tree, kind: str) -> None:
    """Every kind of file is counted, from a directory and from a web server that lists nothing."""
    told: list[tuple[int, int]] = []
    with serve_tree(model.directory) as server:
        source = str(model.directory) if kind == "directory" else server.url
        report = verify(source, sha256(root_text()), progress=lambda *step: told.append(step))
    assert (report.seq, report.epochs, report.roots, report.warnings) == (TICKS, 2, 2, ())
    assert (report.first, report.followed, report.rolls, report.shards) == (1, TICKS, 1, 2)
    assert (report.killed, report.tombstones) == (2, 0)
    assert report.state == model.payloads[-1]["state"]
    assert report.rows == len(model.rows[TICKS])
    assert report.prefixes == (TICKS_A_DAY - 1) + (TICKS - TICKS_A_DAY)
    changes = TICKS - 1 - len(QUIET)
    assert (report.parquet, report.compat, report.unlisted) == (changes + 2 + 2, changes + 2, 0)
    assert told == [(seq, TICKS) for seq in range(1, TICKS + 1)]


def test_a_tree_without_exports_passes(tmp_path: Path) -> None:
    """Parquet and compat files are checked where there are any."""
    report = verify(grow(Tree(tmp_path), 3).directory)
    assert (report.parquet, report.compat) == (0, 0)
    assert "trusted because it came first" in report.warnings[0]


def all_keys(tree: Tree) -> Iterator[str]:
    """Every file of the tree."""
    for path in sorted(tree.directory.rglob("*")):
        if path.is_file():
            yield path.relative_to(tree.directory).as_posix()


def test_every_missing_and_every_damaged_file_is_noticed(tree: Tree) -> None:
    """No file is there for nothing: without it, cut, or with one bit turned, some promise is broken."""
    lists = [f"v1/m/{p['seq']}-{p['m']['file'][:16]}.json" for p in tree.payloads[:-1]]
    may_go = {"SHA256SUMS", "v1/c/1.json", *lists}
    for key in all_keys(tree):
        content = tree.read(key)
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        for damaged in (flipped, content[:-1], None):
            if damaged is None:
                (tree.directory / key).unlink()
            else:
                tree.write(key, damaged)
            if damaged is None and key in may_go:
                assert verify(tree.directory).warnings[1:], key
                continue
            with pytest.raises((VerifyError, Refused)) as caught:
                verify(tree.directory)
            assert key in str(caught.value) or key == "v1/head", (key, caught.value)
        tree.write(key, content)
    assert verify(tree.directory).seq == TICKS


def resign(tree: Tree, from_seq: int, attachments: tuple[bytes, ...] | None = None, **changes: Any) -> None:
    """Change a commit's payload and sign it, and everything after it, again."""
    for seq in range(from_seq, len(tree.payloads) + 1):
        lines = tuple(tree.read(f"v1/c/{seq}.json").splitlines()[2:])
        payload = tree.payloads[seq - 1]
        if seq > from_seq:
            payload = payload | {"prev": sha256(canonical(tree.payloads[seq - 2]))}
        else:
            payload, lines = payload | changes, lines if attachments is None else attachments
        tree.payloads[seq - 1] = payload
        signer = ONLINE if payload["gen"] == 1 else Signer("online 2")
        tree.publish(sign("realtube/head/1", canonical(payload), [signer], lines), seq)


COMMITS: dict[str, tuple[int, dict[str, Any], str]] = {
    "another log": (3, {"log": "f" * 32}, "the votes log"),
    "an older root": (7, {"gen": 1}, "gen 2 or above"),
    "another prev": (3, {"prev": "0" * 64}, "the payload of tick 2"),
    "time that stands": (3, {"ts": time_of(2)}, "a ts after"),
    "time that goes back": (3, {"ts": time_of(1)}, "a ts after"),
    "a log that shrinks": (3, {"through_position": 19}, "through_position 20 or above"),
    "an exp in the past": (3, {"exp": time_of(3)}, "a head of format 1"),
    "other epochs": (3, {"epochs": {"file": "0" * 64, "bytes": 5}}, "base and epochs file of tick 2"),
    "frozen with other rows": (3, {"frozen": {"seq": 1, "reason": "x"}}, "the rows of tick 1"),
    "another kill list": (3, {"kill": {"file": "0" * 64, "bytes": 5}}, "the kill list"),
    "another count": (3, {"n": 1}, "rows with the hash"),
    "another state": (3, {"state": "0" * 64}, "rows with the hash"),
    "another tick": (3, {"seq": 4}, "a head of format 1"),
    "another list": (TICKS, {"m": {"file": "0" * 64, "bytes": 5}}, "the newest tick's list"),
    "a feature": (3, {"req": ["x"]}, "a head of format 1"),
}


@pytest.mark.parametrize("case", COMMITS)
def test_commits_that_break_a_promise_are_named(tree: Tree, case: str) -> None:
    """Signed is not enough: each commit follows from the one before it."""
    seq, changes, promised = COMMITS[case]
    resign(tree, seq, **changes)
    error = broken(tree)
    assert promised in error.promised
    assert str(seq) in error.key


def test_a_new_epoch_begins_with_the_rows_before(tree: Tree) -> None:
    """The base of an epoch is the state of the tick before it, nothing else."""
    first = TICKS_A_DAY + 1
    resign(tree, first, base=tree.payloads[first - 1]["base"] | {"state": "0" * 64})
    assert "the rows of tick 6 as the new epoch's base" in broken(tree).promised


def test_a_base_stays_for_its_epoch(tree: Tree) -> None:
    """Within an epoch the base does not change."""
    resign(tree, 3, base=tree.payloads[2]["base"] | {"state": "0" * 64})
    assert "base and epochs file of tick 2" in broken(tree).promised


def test_the_payload_is_canonical(tree: Tree) -> None:
    """The same object in another form has other bytes."""
    payload = canonical(tree.payloads[0]).replace(b'{"base"', b'{ "base"')
    tree.publish(sign("realtube/head/1", payload, [ONLINE]), 1)
    assert broken(tree).promised == "canonical JSON"


def test_signatures_are_checked(tree: Tree) -> None:
    """A commit that the online key has not signed is no commit."""
    tree.publish(sign("realtube/head/1", canonical(tree.payloads[2]), [Signer("stranger")]), 3)
    assert broken(tree).promised == "a signature by an online key of its root"


def test_roots_are_checked(tree: Tree) -> None:
    """A root needs the signatures of the one before it."""
    tree.write("v1/root/2.json", root_text(2, online=Signer("online 2"), signers=ROOT_KEYS[:1]))
    assert broken(tree).key == "v1/root/2.json"
    with pytest.raises(Refused, match="expected 0000"):
        verify(tree.directory, "0" * 64)


@pytest.mark.parametrize("lines", [(), (b"AAAA",), (b"AAAA", b"AAAA")])
def test_the_newest_block_stands_in_the_head(tree: Tree, lines: tuple[bytes, ...]) -> None:
    """A tick's small block is line 3 of its head; nothing else is."""
    resign(tree, 3, lines)
    assert "as line 3" in broken(tree).promised


def test_a_quiet_tick_has_two_lines(tree: Tree) -> None:
    """A tick without changes has nothing to attach."""
    resign(tree, 4, (b"AAAA",))
    assert "two lines" in broken(tree).promised


def test_the_head_is_the_newest_commit(tree: Tree) -> None:
    """Byte for byte, attachments included."""
    tree.write("v1/head", tree.read("v1/head") + b"AAAA\n")
    assert "v1/head, byte for byte" in broken(tree).promised


def relist(tree: Tree, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the newest list of files, and sign its head again."""
    files = {}
    for line in tree.read("SHA256SUMS").decode().splitlines():
        sha, key = line.split()
        files[key] = {"bytes": len(tree.read(key)), "sha256": sha}
    change(files)
    text = canonical({"v": 1, "seq": TICKS, "licence": "CC-BY-4.0", "round": [1, 1], "files": files})
    tree.write(f"v1/m/{TICKS}-{sha256(text)[:16]}.json", text)
    resign(tree, TICKS, m={"file": sha256(text), "bytes": len(text)})


NO_FILE = {"bytes": 1, "sha256": "0" * 64}


def drop(files: dict[str, Any], *parts: str) -> None:
    """Leave out what has all these parts in its key."""
    for key in list(files):
        if all(part in key for part in parts):
            del files[key]


LISTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no ring": (lambda files: drop(files, "ring", ".bin"), "the ring"),
    "no JSON ring": (lambda files: drop(files, "ring", ".jsonl.gz"), "one JSON ring"),
    "no epochs file": (lambda files: drop(files, "epochs"), "the epochs file"),
    "no root": (lambda files: drop(files, "root/2"), "roots 1 to 2"),
    "no kill list": (lambda files: drop(files, "kill"), "the kill list"),
    "no roll": (lambda files: drop(files, "roll"), "the roll"),
    "no snapshot": (lambda files: [files.pop(k) for k in list(files) if "videos-6" in k], "verdicts"),
    "no full file": (lambda files: [files.pop(k) for k in list(files) if "full" in k], "compat"),
    "no delta": (lambda files: [files.pop(k) for k in list(files) if "compat" in k and "delta" in k], "as in the rows"),
    "a key outside": (lambda files: files.update({"../x-0123456789abcdef.gz": NO_FILE}), "key"),
    "a key further outside": (lambda files: files.update({"v1/../../x-0123456789abcdef.gz": NO_FILE}), "key"),
    "a key without a hash": (lambda files: files.update({"v1/x.gz": NO_FILE}), "key"),
    "a file that is not there": (
        lambda files: files.update({"v1/x/a-0123456789abcdef.gz": {"bytes": 1, "sha256": "0" * 64}}), "a file, by"),
    "another size": (lambda files: [entry.update(bytes=entry["bytes"] + 1) for entry in files.values()], "bytes with"),
    "a text as size": (lambda files: [entry.update(bytes="1") for entry in files.values()], "a list of files"),
}  # fmt: skip


@pytest.mark.parametrize("case", LISTS)
def test_lists_of_files_are_checked(tree: Tree, case: str) -> None:
    """What a list says of its files is true, and what a tick needs is on it."""
    change, promised = LISTS[case]
    relist(tree, change)
    if case in {"no snapshot", "no full file"}:  # named by the epoch's first tick, which has a list of its own
        assert verify(tree.directory).seq == TICKS
    else:
        assert promised in broken(tree).promised


LIES: dict[str, Lie] = {
    "another score": lambda rows: {i: row and (row[0] - 1, row[1]) for i, row in rows.items()},
    "another lock": lambda rows: {i: row and (row[0], row[1] ^ 64) for i, row in rows.items()},
    "one video missing": lambda rows: dict(sorted(rows.items())[1:]),
    "one video removed": lambda rows: rows | {min(i for i in rows if rows[i]): None},
    "one video more": lambda rows: rows | {"more": (50, 1)},
}


@pytest.mark.parametrize("ticks", [1, 2, TICKS_A_DAY + 1])
@pytest.mark.parametrize("case", LIES)
@pytest.mark.parametrize("kind", ["Parquet", "compat"])
def test_exports_must_say_what_the_rows_say(tmp_path: Path, kind: str, case: str, ticks: int) -> None:
    """A snapshot or a delta that tells another score, lock or set of videos is named with the first video."""

    def lie(rows: dict[str, Row | None]) -> dict[str, Row | None]:
        return LIES[case](rows) if len(tree.rows) == ticks else rows

    exports = Exports(in_parquet=lie) if kind == "Parquet" else Exports(in_compat=lie)
    tree = Tree(tmp_path, exports=exports)
    error = broken(grow(tree, ticks))
    assert (
        kind in error.key or kind.lower() in error.key or "changed_at" in error.promised or "lastUpdated" in error.found
    )


def misplace(epoch: Epoch) -> None:
    """A value of tick 3 stands in the block of tick 2: right for the base, wrong for a client at tick 2."""
    values = epoch.blocks[3]["values"]
    number = next(k for k, row in values.items() if row and k < len(epoch.base_rows))
    epoch.blocks[2]["values"][number] = values.pop(number)


def repeat(epoch: Epoch) -> None:
    """A value that tick 3 replaced still stands in the block of tick 2."""
    number = next(k for k, row in epoch.blocks[3]["values"].items() if row and k < len(epoch.base_rows))
    epoch.blocks[2]["values"][number] = (1, 1)


@pytest.mark.parametrize(("spoil", "promised"), [(misplace, "from those of tick 2"), (repeat, "in one block")])
def test_rings_that_serve_some_clients_only_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Epoch], None], promised: str
) -> None:
    """Base and ring may give the right rows, and the ring may still fail a client of the tick before."""
    tree = grow(Tree(tmp_path), 2)
    change = Epoch.change

    def spoiled(epoch: Epoch, seq: int, before: dict[str, Row], after: dict[str, Row]) -> None:
        change(epoch, seq, before, after)
        spoil(epoch)

    monkeypatch.setattr(Epoch, "change", spoiled)
    assert promised in broken(grow(tree, 1)).promised


def test_an_id_keeps_its_number(tmp_path: Path) -> None:
    """A row that comes again within the epoch comes under its old number, not under a new one."""
    tree = Tree(tmp_path)
    for seq, rows in enumerate(({"x": (50, 1), "y": (50, 1)}, {"y": (50, 1)}), start=1):
        tree.tick(time_of(seq), rows)
    assert tree.epoch
    tree.epoch.numbers["forgotten"] = tree.epoch.numbers.pop("x")
    tree.tick(time_of(3), {"x": (50, 1), "y": (50, 1)})
    assert broken(tree).promised == "one row number for each id"


def test_the_reserved_flag_is_0(tmp_path: Path) -> None:
    """Flag 32 has no meaning yet."""
    tree = Tree(tmp_path)
    tree.tick(time_of(1), {"x": (50, 33)})
    assert "flag 32 is 0" in broken(tree).promised


def test_gzip_carries_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A modification time would make equal content differ."""
    tree = Tree(tmp_path)
    rows = changed(first_rows(), 1)
    monkeypatch.setattr(packing, "packed", lambda content: gzip.compress(content, mtime=1))
    tree.tick(time_of(1), rows)
    assert "modification time of 0" in broken(tree).promised


def test_checksums_may_lag_one_tick_and_no_more(tree: Tree) -> None:
    """`SHA256SUMS` is of the newest tick, or of the one before; its hashes are always right."""
    lines = ""
    for payload, fine in ((tree.payloads[TICKS - 2], True), (tree.payloads[TICKS_A_DAY - 1], False)):
        listing = json.loads(tree.read(f"v1/m/{payload['seq']}-{payload['m']['file'][:16]}.json"))["files"]
        lines = "".join(f"{entry['sha256']}  {key}\n" for key, entry in listing.items())
        tree.write("SHA256SUMS", lines.encode())
        assert verify(tree.directory).seq == TICKS if fine else "all files" in broken(tree).promised
    for line in ("hello", f"{'0' * 64}  ../secret", f"{'0' * 64}  v1/none", f"{'0' * 64}  v1/c/1.json"):
        tree.write("SHA256SUMS", (lines + line + "\n").encode())
        assert "SHA256SUMS" in str(broken(tree))


def test_unlisted_files_have_their_names_right(tree: Tree) -> None:
    """What a publish that did not end left behind is counted; bytes under a wrong name are not."""
    tree.write(f"v1/e/2024-10-06/base-{sha256(b'half')[:16]}.json.gz", b"half")
    assert verify(tree.directory).unlisted == 1
    tree.write("v1/e/2024-10-06/base-0123456789abcdef.json.gz", b"half")
    assert broken(tree).key == "v1/e/2024-10-06/base-0123456789abcdef.json.gz"


def test_a_source_that_does_not_answer_is_no_broken_promise(tree: Tree) -> None:
    """A server that fails says nothing about the tree."""
    with serve_tree(tree.directory) as server:
        url = server.url
    with pytest.raises(Unreachable):
        verify(url)
