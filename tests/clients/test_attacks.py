"""The attacks of formats, section 16, by their names in The Update Framework; each test names the check that stops it.

Where a check is one function, the test takes it out and sees the attack succeed.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clients import choose, climb, origins
from clients.errors import ClientError, Damaged, Refused, TooLarge
from clients.head import FileEntry
from clients.packed import read_block
from clients.reference import sync
from clients.source import DirectorySource
from tests.clients.histories import TICKS_A_DAY, grow, new_tree, time_of
from tests.clients.packing import Row, packed_block
from tests.clients.signing import ONLINE, ROOT_KEYS, Signer, canonical, root_text, sign
from tests.clients.test_hostile_files import base_keys, ring_key
from tests.clients.test_reference import held_rows
from tests.clients.tree import Tree

THIEF = Signer("thief")
ONLINE_2, ONLINE_3 = Signer("online 2"), Signer("online 3")
FORGED: dict[str, Row] = {"forged": (99, 1)}


def followed(tmp_path: Path, ticks: int = 3) -> tuple[Tree, Path]:
    """A tree, and a destination at its newest tick."""
    tree, dest = new_tree(tmp_path / "tree", ticks), tmp_path / "dest"
    sync(tree.directory, dest)
    return tree, dest


def stopped(tree: Tree, dest: Path) -> ClientError:
    """Sync, which must fail and leave the state alone."""
    before = (dest / "state").read_bytes()
    with pytest.raises(ClientError) as caught:
        sync(tree.directory, dest)
    assert (dest / "state").read_bytes() == before
    return caught.value


def code_of(error: ClientError) -> str:
    """Why it was refused."""
    assert isinstance(error, Refused), error
    return error.code


def nothing(*_: object) -> None:
    """In the place of a check."""


def rotate(tree: Tree, version: int, online: Signer, **changes: Any) -> None:
    """Publish the next root; further ticks are signed by its online key."""
    tree.write_root(version, root_text(version, online=online, **changes))
    tree.gen, tree.signer = version, online


def test_arbitrary_files_are_stopped_by_check_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever controls the origin, but no key, can publish nothing."""
    tree, dest = followed(tmp_path)
    tree.signer = THIEF
    tree.tick(time_of(4), FORGED)
    assert code_of(stopped(tree, dest)) == "signature"
    monkeypatch.setattr(choose, "check_signature", nothing)
    assert sync(tree.directory, dest).seq == 4
    assert held_rows(dest) == FORGED


def test_rollback_is_stopped_by_check_admission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older head, however valid, is refused under the same gen."""
    tree, dest = followed(tmp_path)
    tree.write("v1/head", tree.read("v1/c/1.json"))
    assert code_of(stopped(tree, dest)) == "rollback"
    monkeypatch.setattr(choose, "check_admission", nothing)
    assert sync(tree.directory, dest).seq == 1


def test_rollback_of_roots_is_stopped_by_reach_root(tmp_path: Path) -> None:
    """A head under a root that was replaced is refused, even with a higher seq."""
    tree, dest = followed(tmp_path)
    rotate(tree, 2, ONLINE_2)
    grow(tree, 1)
    sync(tree.directory, dest)
    tree.gen, tree.signer = 1, ONLINE
    grow(tree, 1)
    assert code_of(stopped(tree, dest)) == "gen"


def test_freeze_is_told_by_exp(tmp_path: Path) -> None:
    """An origin that repeats an old head is found out when it expires: rows kept, said to be old."""
    tree, dest = followed(tmp_path)
    exp = tree.payloads[-1]["exp"]
    assert [sync(tree.directory, dest, now_ms=exp + late).stale for late in (0, 1)] == [False, True]
    assert held_rows(dest) == tree.rows[3]


def test_fast_forward_is_ended_by_the_next_gen(tmp_path: Path) -> None:
    """A thief of the online key may sign a giant seq; under the next root any seq is taken, and his is over."""
    tree, dest = followed(tmp_path)
    last = tree.payloads[-1]
    sizes = [0] * 10**4 + last["ring"]["sizes"]
    far = {"seq": 3 + 10**4, "ts": last["ts"] + 1, "prev": "0" * 64, "ring": last["ring"] | {"sizes": sizes}}
    stolen = sign("realtube/head/1", canonical(last | far), [ONLINE])
    tree.write("v1/head", stolen)
    assert sync(tree.directory, dest).seq == 10_003
    grow(tree, 1)
    assert code_of(stopped(tree, dest)) == "rollback"
    rotate(tree, 2, ONLINE_2)
    grow(tree, 1)
    report = sync(tree.directory, dest)
    assert (report.from_seq, report.seq, held_rows(dest)) == (10_003, 5, tree.rows[5])
    tree.write("v1/head", stolen)
    assert code_of(stopped(tree, dest)) == "gen"


def test_mix_and_match_is_stopped_by_the_chain_of_blocks(tmp_path: Path) -> None:
    """A right head with an older ring under the new one's name gives nothing."""
    tree, dest = followed(tmp_path, 2)
    grow(tree, 1)
    older = tree.read(ring_key(tree))
    grow(tree, 2)
    tree.write(ring_key(tree), older)
    assert isinstance(stopped(tree, dest), Damaged)


def test_mix_and_match_is_stopped_by_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the hash of blocks taken out, the rows that another ring leads to still are not those of the head."""
    tree, dest = followed(tmp_path, 2)
    grow(tree, 2)
    assert tree.epoch
    forged = packed_block(4, None, len(tree.epoch.base_rows), [], {0: (99, 1)})
    monkeypatch.setattr(climb, "decode_prefix", lambda *_: [read_block(forged)])
    assert "the head says" in str(stopped(tree, dest))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_wrong_files_are_stopped_by_their_hash(tmp_path: Path, which: int) -> None:
    """Another epoch's base, or another file of the same epoch, under the right name is refused before it is read."""
    tree, _ = followed(tmp_path, TICKS_A_DAY)
    old = {key: tree.read(key) for key in base_keys(tree)}
    grow(tree, 1)
    keys = base_keys(tree)
    for content in (*old.values(), *(tree.read(key) for key in keys if key != keys[which])):
        right = tree.read(keys[which])
        tree.write(keys[which], content)
        with pytest.raises((Damaged, TooLarge), match=f"^{keys[which]}"):
            sync(tree.directory, tmp_path / "new")
        tree.write(keys[which], right)
    assert sync(tree.directory, tmp_path / "new").seq == TICKS_A_DAY + 1


def test_wrong_files_would_be_caught_by_the_state_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the hash of files taken out, the base of another epoch still is not the head's."""
    tree, _ = followed(tmp_path, TICKS_A_DAY)
    old = [tree.read(key) for key in base_keys(tree)]
    grow(tree, 1)
    for key, content in zip(base_keys(tree)[:2], old, strict=False):
        tree.write(key, content)

    def any_bytes(self: origins.Origins, key: str, entry: FileEntry) -> bytes:
        return self.get(key, limit_bytes=1 << 20, check=lambda content: content)

    monkeypatch.setattr(origins.Origins, "fetch", any_bytes)
    with pytest.raises(Damaged, match="not what the epochs file says"):
        sync(tree.directory, tmp_path / "new")


def test_equivocation_is_stopped_by_check_admission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two signed versions of a tick are evidence, and the one held stays."""
    _, dest = followed(tmp_path, 2)
    other = new_tree(tmp_path / "other", 1)
    other.tick(time_of(2), FORGED)
    assert code_of(stopped(other, dest)) == "equivocation"
    assert len(list(dest.glob("evidence-*.head"))) == 2
    monkeypatch.setattr(choose, "check_admission", nothing)
    assert sync(other.directory, dest).seq == 2
    assert held_rows(dest) == FORGED


def test_equivocation_between_origins_is_stopped_by_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new client that asks two origins sees that they tell two stories, in this tick or in the one before."""
    tree = new_tree(tmp_path / "tree", 2)
    other = new_tree(tmp_path / "other", 1)
    other.tick(time_of(2), FORGED)
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            sync(tree.directory, tmp_path / "new", mirrors=[other.directory])
        assert caught.value.code == "equivocation"
        assert len(list((tmp_path / "new").glob("evidence-*.head"))) >= 2
        grow(tree, 1)
        if len(tree.payloads) > 3:
            break
    monkeypatch.setattr(choose, "_compare", nothing)
    assert sync(tree.directory, tmp_path / "new", mirrors=[other.directory]).seq == len(tree.payloads)


def test_key_compromise_ends_with_the_next_root(tmp_path: Path) -> None:
    """The old online key signs nothing more, neither under its own gen nor under the new one."""
    tree, dest = followed(tmp_path)
    rotate(tree, 2, ONLINE_2)
    grow(tree, 1)
    sync(tree.directory, dest)
    for gen, code in ((1, "gen"), (2, "signature")):
        tree.gen, tree.signer = gen, ONLINE
        grow(tree, 1)
        assert code_of(stopped(tree, dest)) == code


def test_one_lost_root_key_is_survived_by_the_threshold(tmp_path: Path) -> None:
    """The two others make the next root, which replaces the lost one."""
    tree, dest = followed(tmp_path)
    roots = (*ROOT_KEYS[1:], Signer("root d"))
    rotate(tree, 2, ONLINE_2, roots=roots, signers=ROOT_KEYS[1:])
    grow(tree, 1)
    assert sync(tree.directory, dest).seq == 4


@pytest.mark.parametrize("signers", [(ROOT_KEYS[0],), (ROOT_KEYS[0], ROOT_KEYS[0]), (ROOT_KEYS[0], THIEF)])
def test_one_stolen_root_key_is_stopped_by_the_threshold(tmp_path: Path, signers: tuple[Signer, ...]) -> None:
    """One key of three makes no root, however often it signs and whoever helps."""
    tree, dest = followed(tmp_path)
    rotate(tree, 2, THIEF, roots=(ROOT_KEYS[0], THIEF, Signer("thief 2")), signers=signers)
    grow(tree, 1)
    assert code_of(stopped(tree, dest)) == "root"


def test_two_roots_hops_are_each_checked_against_the_one_before(tmp_path: Path) -> None:
    """A client that missed a root follows both; a second hop that only the first root's keys signed is refused."""
    tree, dest = followed(tmp_path)
    roots_2 = (ROOT_KEYS[0], Signer("root d"), Signer("root e"))
    roots_3 = (roots_2[1], roots_2[2], Signer("root f"))
    rotate(tree, 2, ONLINE_2, roots=roots_2, signers=(*ROOT_KEYS[:2], roots_2[1]))
    rotate(tree, 3, ONLINE_3, roots=ROOT_KEYS, signers=ROOT_KEYS)
    grow(tree, 1)
    assert code_of(stopped(tree, dest)) == "root"
    rotate(tree, 3, ONLINE_3, roots=roots_3, signers=roots_2[1:])
    grow(tree, 1)
    assert sync(tree.directory, dest).seq == 5


@dataclass
class EndlessSource(DirectorySource):
    """Answers one key without an end."""

    endless: str = ""
    given: dict[str, int] = field(default_factory=dict)

    def get(self, key: str, *, limit_bytes: int, prefix_bytes: int | None = None, fresh: bool = False) -> bytes:
        """Whatever the reader allows comes."""
        if self.endless and self.endless in key:
            self.given[key] = max(self.given.get(key, 0), limit_bytes)
            raise TooLarge(key, "endless")
        return super().get(key, limit_bytes=limit_bytes, prefix_bytes=prefix_bytes, fresh=fresh)


@pytest.mark.parametrize(
    ("part", "most"), [("head", 1 << 20), ("root", 1 << 16), ("epochs", 1 << 20), (".p1", 1 << 16), (".p2", 4 * 100)]
)
def test_endless_data_is_stopped_by_limits_known_before(tmp_path: Path, part: str, most: int) -> None:
    """Every reader says how much it will take: by the head, or by the page."""
    tree, _ = followed(tmp_path)
    source = EndlessSource(tree.directory, endless=part)
    with pytest.raises(ClientError):
        sync(source, tmp_path / "new")
    assert source.given
    assert all(0 < limit <= most for limit in source.given.values())


class _Endless(http.server.BaseHTTPRequestHandler):
    sent = 0

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Send zeros for as long as anybody reads."""
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                type(self).sent += self.wfile.write(bytes(1 << 16))
        except OSError:
            return


@pytest.fixture(name="endless")
def _endless() -> Iterator[str]:
    """A server that never ends an answer."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Endless) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_endless_data_over_http_is_left_at_the_limit(tmp_path: Path, endless: str) -> None:
    """The connection is closed at the limit: the server gets rid of little more."""
    _, dest = followed(tmp_path)
    with pytest.raises(Refused) as caught:
        sync(endless, dest)
    assert caught.value.code == "size"
    assert _Endless.sent < 64 << 20


def test_a_giant_ring_is_stopped_by_what_is_plausible(tmp_path: Path) -> None:
    """A thief of the online key cannot have clients read for ever: sizes beyond the rows are refused."""
    tree, dest = followed(tmp_path)
    grow(tree, 2)
    payload = tree.payloads[-1]
    sizes = [2**40, *payload["ring"]["sizes"][1:]]
    forged = payload | {"ring": payload["ring"] | {"sizes": sizes}}
    tree.write("v1/head", sign("realtube/head/1", canonical(forged), [ONLINE]))
    assert "plausible" in str(stopped(tree, dest))
