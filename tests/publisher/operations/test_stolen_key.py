"""A stolen online key is survived: new root, rollback above whatever the thief committed, clients follow."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from clients.errors import Refused, VerifyError
from clients.reference import sync
from clients.verify import verify
from data.formats import root as roots
from data.formats.head import Head, parse
from data.formats.tree import HEAD, commit_key
from data.home import Home
from publisher import run
from publisher.operations.ground import FARTHEST, Ground
from publisher.operations.orders import Order
from publisher.refusals import PublishRefused
from publisher.research.ticks import ticks
from publisher.run import publish
from publisher.signer import Signer
from publisher.store import Artifact
from publisher.stores.local import LocalStore
from publisher.trust import changes, drafts
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, private_key, vote

STOLEN_MS = START_MS + 3 * HOUR_MS
FOUND_MS = STOLEN_MS + 5 * HOUR_MS
HUGE = 10**9


def victim(directory: Path) -> Site:
    """A site with two good ticks."""
    site = new_site(directory)
    site.appoint(1)
    for tick in range(2):
        site.cast(*(vote(1, f"video{number}", "fully_ai") for number in range(tick, tick + 20)))
        site.publish(START_MS + tick * HOUR_MS)
    return site


def head_of(store: LocalStore) -> Head:
    """The store's head."""
    return parse(store.read(HEAD) or b"")[0]


def put(store: LocalStore, head: Head, signer: Signer) -> None:
    """Writes a head and its commit, whatever it names."""
    text = signer.sign(head.payload(), [])
    store.replace(Artifact(commit_key(head.seq), text))
    store.replace(Artifact(HEAD, text))


def thief_of(site: Site, directory: Path, store: LocalStore) -> Site:
    """Whoever copied the home."""
    shutil.copytree(site.home.directory, directory, ignore=shutil.ignore_patterns("public"))
    return Site(Home(directory), store, site.signer)


def whole_ticks(site: Site, directory: Path) -> None:
    """The thief publishes on as the owner would."""
    thief = thief_of(site, directory, LocalStore(site.home.public))
    for tick in range(3):
        thief.cast(*(vote(1, f"honest{number}", "fully_ai") for number in range(tick, tick + 9)))
        thief.publish(STOLEN_MS + tick * HOUR_MS)


def missing_files(site: Site, directory: Path) -> None:
    """The thief commits heads, far away and far in the future, whose files nobody has."""
    store = LocalStore(site.home.public)
    head = replace(head_of(store), ts=STOLEN_MS + 1000 * DAY_MS, exp=STOLEN_MS + 2000 * DAY_MS, ring=None)
    for seq in (3, 4, HUGE):
        base = replace(head.base, seq=seq - 1)
        put(store, replace(head, seq=seq, base=base, files=replace(head.files, sha256="0" * 64)), site.signer)


def damaged_files(site: Site, directory: Path) -> None:
    """The thief publishes on, then spoils what the ticks need, and the head."""
    whole_ticks(site, directory)
    store = LocalStore(site.home.public)
    for listed in list(store.keys("v1/e/")):
        if "/ring-5-" in listed.key:
            store.replace(Artifact(listed.key, b"rotten"))
    store.replace(Artifact(HEAD, b"rotten"))


def last_numbers(site: Site, directory: Path) -> None:
    """The thief takes the last numbers that there are."""
    store = LocalStore(site.home.public)
    head = replace(head_of(store), ring=None)
    for seq in (3, 2**53 - 1, FARTHEST):
        put(store, replace(head, seq=seq, base=replace(head.base, seq=seq - 1)), site.signer)


def not_json(site: Site, directory: Path) -> None:
    """The thief writes commits that are none."""
    store = LocalStore(site.home.public)
    for name in ("3", "4", "7", "what"):
        store.replace(Artifact(f"v1/c/{name}.json", b"\xff\x00"))


def renewed(site: Site) -> Site:
    """The owner, with a new online key under root 2."""
    text = site.signer.roots[1]
    after = changes.with_online_key(
        roots.parse(text), private_key(10).public_key().public_bytes_raw(), created_ms=FOUND_MS, reason="stolen"
    )
    draft = drafts.sign(drafts.draw_up(text, after), [private_key(1), private_key(3)])
    return Site(site.home, site.store, Signer(private_key(10), {1: text, 2: draft.finished()}))


@pytest.mark.parametrize("theft", [whole_ticks, missing_files, damaged_files, last_numbers, not_json])
def test_owner_outranks_the_thief(tmp_path: Path, theft: Callable[[Site, Path], None]) -> None:
    """Whatever stands in the store, a rollback under root 2 goes on above it, and clients end on the owner's rows."""
    site = victim(tmp_path / "site")
    store = LocalStore(site.home.public)
    pinned = tmp_path / "root.json"
    pinned.write_bytes(site.signer.roots[1])
    good = parse(store.read(commit_key(2)) or b"")[0]
    sync(store.directory, tmp_path / "honest", root=pinned)
    theft(site, tmp_path / "thief")
    if theft is whole_ticks:
        sync(store.directory, tmp_path / "deceived", root=pinned)
    numbers = [int(path.stem) for path in (store.directory / "v1/c").glob("[0-9]*.json")]
    owner = renewed(site)
    publish(
        owner.home, store, owner.signer, owner.settings,
        now_ms=FOUND_MS, order=Order(reason="key stolen", rollback_to=2),
    )  # fmt: skip
    back = head_of(store)

    assert (back.gen, back.state, back.n) == (2, good.state, good.n)
    assert back.seq > max(number for number in numbers if number < FARTHEST)
    for client in ("honest", "deceived", "new"):
        assert sync(store.directory, tmp_path / client, root=pinned).seq == back.seq
    owner.cast(vote(1, "afterwards", "fully_ai"))
    owner.publish(FOUND_MS + HOUR_MS)
    assert head_of(store).state == good.state
    publish(
        owner.home, store, owner.signer, owner.settings,
        now_ms=FOUND_MS + DAY_MS, order=Order(reason="key replaced", resume=True),
    )  # fmt: skip
    assert head_of(store).n == good.n + 1
    assert sync(store.directory, tmp_path / "honest", root=pinned).seq == back.seq + 2
    if theft is damaged_files:  # the verifier names what the thief left, and the owner deletes it
        with pytest.raises(VerifyError, match=r"v1/e/2026-09-21/ring-5-"):
            verify(store.directory, root=pinned)
        for ring in store.directory.glob("v1/e/*/ring-5-*"):
            ring.unlink()
    assert verify(store.directory, root=pinned).seq == back.seq + 2


def outrun(thief: Site, monkeypatch: pytest.MonkeyPatch, seq: int, at_ms: int) -> None:
    """The thief publishes a whole tick under a number of their own."""
    ground = Ground(thief.store.read(HEAD), seq, broken=True)
    with monkeypatch.context() as patch:
        patch.setattr(run, "find_ground", lambda *_, **__: ground)
        thief.publish(at_ms)


def test_thief_with_a_mirror_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror with a huge number deceives until root 2 is seen; then the owner's lower number wins for good."""
    site = victim(tmp_path / "site")
    store, mirror = LocalStore(site.home.public), LocalStore(tmp_path / "mirror")
    shutil.copytree(store.directory, mirror.directory)
    thief = thief_of(site, tmp_path / "thief", mirror)
    outrun(thief, monkeypatch, HUGE, STOLEN_MS)
    pinned = tmp_path / "root.json"
    pinned.write_bytes(site.signer.roots[1])
    client = tmp_path / "client"
    assert sync(mirror.directory, client, root=pinned).seq == HUGE
    owner = renewed(site)
    with pytest.raises(PublishRefused, match=r"a key that was revoked \(stolen\).*publish --override"):
        owner.publish(FOUND_MS)
    publish(
        owner.home, store, owner.signer, owner.settings,
        now_ms=FOUND_MS, order=Order(reason="our store was not touched", override=True),
    )  # fmt: skip
    owner.publish(FOUND_MS + HOUR_MS)
    assert sync(store.directory, client, root=pinned).seq == 4
    outrun(thief, monkeypatch, HUGE + 9, FOUND_MS + HOUR_MS)
    with pytest.raises(Refused, match="root 2 has replaced it"):
        sync(mirror.directory, client, root=pinned)

    assert sync(store.directory, client, root=pinned).seq == 4


def test_history_leaves_the_thief_out(tmp_path: Path) -> None:
    """The table of ticks has the owner's chain: given-up numbers are not in it, and a huge gap costs nothing."""
    site = victim(tmp_path / "site")
    missing_files(site, tmp_path)
    owner, store = renewed(site), LocalStore(site.home.public)
    publish(
        owner.home, store, owner.signer, owner.settings,
        now_ms=FOUND_MS, order=Order(reason="key stolen", rollback_to=2),
    )  # fmt: skip
    owner.publish(FOUND_MS + HOUR_MS)
    table = ticks(store, HUGE + 3, progress=lambda *_: None)

    assert table["seq"].to_pylist() == [1, 2, HUGE + 2, HUGE + 3]
