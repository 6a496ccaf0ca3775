"""What every store must do: one suite, run on each of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.store import AlreadyThere, Artifact, Listed, Store, StoreError, SwapLost
from publisher.stores.local import LocalStore
from publisher.stores.memory import MemoryStore

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "local": lambda directory: LocalStore(directory / "tree"),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return STORES[request.param](tmp_path)


def test_reads_what_was_created(store: Store) -> None:
    """An object reads back byte for byte, with its size."""
    store.create(Artifact("v1/e/day/base", b"\x00rows"))

    assert store.read("v1/e/day/base") == b"\x00rows"
    assert store.size("v1/e/day/base") == 5


def test_missing_objects(store: Store) -> None:
    """What is not there reads as None."""
    assert (store.read("v1/none"), store.size("v1/none"), store.read_tagged("v1/none")) == (None, None, None)


def test_creating_the_same_bytes_again_is_done(store: Store) -> None:
    """An interrupted run that creates its files once more finds them."""
    store.create(Artifact("v1/c/1.json", b"one"))
    store.create(Artifact("v1/c/1.json", b"one"))

    assert store.read("v1/c/1.json") == b"one"


def test_created_bytes_never_change(store: Store) -> None:
    """The same key with other bytes is refused."""
    store.create(Artifact("v1/c/1.json", b"one"))
    with pytest.raises(AlreadyThere, match=r"v1/c/1\.json"):
        store.create(Artifact("v1/c/1.json", b"two"))

    assert store.read("v1/c/1.json") == b"one"


def test_swap_needs_the_tag_that_was_read(store: Store) -> None:
    """The head moves from what was read, else not at all."""
    store.swap(Artifact("v1/head", b"1"), None)
    first = store.read_tagged("v1/head")
    assert first is not None
    store.swap(Artifact("v1/head", b"2"), first.tag)
    for stale in (None, first.tag, "nonsense"):
        with pytest.raises(SwapLost):
            store.swap(Artifact("v1/head", b"3"), stale)

    assert store.read("v1/head") == b"2"


def test_one_of_many_swaps_wins(store: Store) -> None:
    """Of eight publishers that swap from the same tag, one wins."""
    store.swap(Artifact("v1/head", b"start"), None)
    tagged = store.read_tagged("v1/head")
    assert tagged is not None
    won: list[int] = []

    def swap(number: int) -> None:
        try:
            store.swap(Artifact("v1/head", b"%d" % number), tagged.tag)
            won.append(number)
        except SwapLost:
            pass

    threads = [threading.Thread(target=swap, args=(number,)) for number in range(8)]
    if isinstance(store, MemoryStore):
        threads = threads[:1]  # one thread's own: it is for tests of one publisher
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert store.read("v1/head") == b"%d" % won[0]


def test_replaces_copies(store: Store) -> None:
    """A convenience copy is written over."""
    store.replace(Artifact("SHA256SUMS", b"old"))
    store.replace(Artifact("SHA256SUMS", b"new"))

    assert store.read("SHA256SUMS") == b"new"


def test_lists_what_begins_alike(store: Store) -> None:
    """A listing has every object below a prefix, with its size and a time, and ends at the prefix's last letter."""
    for key in ("v1/c/1.json", "v1/c/12.json", "v1/e/day/base", "SHA256SUMS"):
        store.create(Artifact(key, key.encode()))

    assert sorted(listed.key for listed in store.keys("v1/c/")) == ["v1/c/1.json", "v1/c/12.json"]
    assert [(listed.key, listed.bytes) for listed in store.keys("v1/c/12")] == [("v1/c/12.json", 12)]
    assert sorted(listed.key for listed in store.keys("")) == [
        "SHA256SUMS",
        "v1/c/1.json",
        "v1/c/12.json",
        "v1/e/day/base",
    ]
    assert list(store.keys("v1/none/")) == []
    assert all(listed.modified_ms >= 0 for listed in store.keys("v1/"))


def test_deletes(store: Store) -> None:
    """What is deleted is gone, its neighbours stay, and deleting it again is a success."""
    for key in ("v1/e/one/base", "v1/e/one/ring", "v1/e/two/base"):
        store.create(Artifact(key, b"rows"))
    for key in ("v1/e/one/base", "v1/e/one/base", "v1/e/two/base", "v1/none"):
        store.delete(key)
    store.create(Artifact("v1/e/two/base", b"other rows"))

    assert sorted(listed.key for listed in store.keys("v1/")) == ["v1/e/one/ring", "v1/e/two/base"]
    assert store.read("v1/e/one/base") is None


def test_local_listing_knows_when_and_shows_no_unfinished_file(tmp_path: Path) -> None:
    """Times are the files'; what a crash left is no object."""
    store = LocalStore(tmp_path)
    store.create(Artifact("v1/c/1.json", b"one"))
    os.utime(tmp_path / "v1/c/1.json", (5, 5))
    (tmp_path / "v1/c/2.json.77.new").write_bytes(b"half")
    store.swap(Artifact("v1/head", b"1"), None)
    store.delete("v1/head")

    assert list(store.keys("")) == [Listed("v1/c/1.json", 3, 5_000)]


def test_local_store_leaves_no_unfinished_file(tmp_path: Path) -> None:
    """After any outcome only whole objects stand in the tree."""
    store = LocalStore(tmp_path)
    store.create(Artifact("v1/c/1.json", b"one"))
    with pytest.raises(AlreadyThere):
        store.create(Artifact("v1/c/1.json", b"two"))
    store.swap(Artifact("v1/head", b"1"), None)

    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [".head.lock", "1.json", "head"]


def test_local_store_says_what_failed(tmp_path: Path) -> None:
    """A path that cannot be written is a store's failure with its key and reason."""
    (tmp_path / "v1").write_text("a file")
    with pytest.raises(StoreError, match=r"v1/c/1\.json: .*"):
        LocalStore(tmp_path).create(Artifact("v1/c/1.json", b"one"))
