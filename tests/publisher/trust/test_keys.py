"""`realtube keys`: roots change with two of three signatures, wherever they are given, and a crash heals."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clients.reference import sync
from clients.verify import verify
from data.formats import signed
from data.formats.head import parse
from publisher import keys
from publisher.trust.installing import roots_of, signer_of
from tests.factories import HOUR_MS, START_MS
from tests.homes import CommandLine, new_home

REASON = "laptop stolen"


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def site(tmp_path: Path) -> CommandLine:
    """A home that has published one tick."""
    made = new_home(tmp_path)
    made.run("publish", "--now-ms", START_MS)
    return made


def root_keys(site: CommandLine, *numbers: int) -> list[object]:
    """Options that name some of the root keys."""
    directory = site.home.directory.parent / "root-keys"
    return [word for n in numbers for word in ("--root-key", directory / f"root-{n}.pem")]


def head_of(site: CommandLine) -> Any:
    """The published head's payload."""
    return json.loads((site.home.public / "v1/head").read_bytes().split(b"\n")[0])


def key_ids(site: CommandLine) -> list[str]:
    """Ids of the newest root's root keys."""
    return [signed.key_id(key) for key in list(roots_of(site.home).values())[-1].root_keys]


def online_id(site: CommandLine) -> str:
    """Id of the key that signs heads."""
    return signed.key_id(signed.public_bytes(signer_of(site.home).key))


def test_rotated_online_key_goes_on_with_the_tree(site: CommandLine, tmp_path: Path) -> None:
    """The next tick is signed by the new key under root 2, and a client that pinned root 1 follows."""
    fingerprint = signed_root_1(site)
    sync(site.home.public, tmp_path / "client", root=fingerprint)
    before = online_id(site)
    facts = site.facts("keys", "rotate", *root_keys(site, 1, 3))
    site.run("publish", "--now-ms", START_MS + HOUR_MS)
    report = sync(site.home.public, tmp_path / "client", root=fingerprint)

    assert (facts["installed"], facts["version"]) == (True, 2)
    assert online_id(site) != before
    assert (head_of(site)["gen"], head_of(site)["seq"], report.seq) == (2, 2, 2)
    assert not site.home.next_online_key.exists()
    assert verify(site.home.public, root=fingerprint).seq == 2
    assert site.facts("doctor")[10]["found"] == f"{online_id(site)}, certified by root 2"


def signed_root_1(site: CommandLine) -> str:
    """The fingerprint of root 1."""
    from data.formats.tree import sha256

    return sha256((site.home.roots / "1.json").read_bytes())


def test_holders_in_different_places(site: CommandLine, tmp_path: Path) -> None:
    """Without enough root keys the root waits; each holder signs a copy; the home publishes on meanwhile."""
    facts = site.facts("keys", "rotate")
    assert not facts["installed"]
    site.run("publish", "--now-ms", START_MS + HOUR_MS)
    assert head_of(site)["gen"] == 1
    copies = [tmp_path / "a.json", tmp_path / "b.json"]
    for number, copy in enumerate(copies, 1):
        shutil.copy(site.home.unfinished_root, copy)
        said = site.run("keys", "sign", copy, *root_keys(site, number)).stdout
        assert f"online key {online_id(site)} goes" in said
    assert "needs 1 more of root 1's keys" in site.run("keys", "install", copies[0], exit_code=1).stderr
    assert site.facts("keys", "install", *copies)["installed"]
    assert site.facts("keys", "install", *copies)["installed"]  # again does nothing
    site.run("publish", "--now-ms", START_MS + 2 * HOUR_MS)

    assert head_of(site)["gen"] == 2
    assert not site.home.unfinished_root.exists()


def test_root_key_is_replaced_and_the_old_one_decides_nothing(site: CommandLine, tmp_path: Path) -> None:
    """A new root key takes a lost one's place; the lost one's signature counts no more."""
    lost = key_ids(site)[2]
    new = tmp_path / "root-4.pem"
    created = site.facts("keys", "create", new)
    site.run("keys", "rotate", "--root", lost, new, *root_keys(site, 1, 2))
    assert created["key"] in key_ids(site)
    assert lost not in key_ids(site)
    assert "is a root key neither" in site.run("keys", "rotate", *root_keys(site, 1, 3), exit_code=1).stderr
    assert not site.home.unfinished_root.exists()
    site.run("keys", "rotate", *root_keys(site, 1), "--root-key", new)
    site.run("publish", "--now-ms", START_MS + HOUR_MS)

    assert head_of(site)["gen"] == 3
    assert verify(site.home.public, root=site.home.roots / "1.json").seq == 2


def test_revoked_root_key_and_one_more(site: CommandLine, tmp_path: Path) -> None:
    """A stolen root key is taken out by the other two, and another one comes in."""
    stolen = key_ids(site)[0]
    site.run("keys", "revoke", stolen, "--reason", REASON, *root_keys(site, 2, 3))
    found = {finding["name"]: finding for finding in site.facts("doctor")}
    assert "2 of them lie in" in found["root keys"]["found"]
    empty = tmp_path / "empty"
    empty.mkdir()
    found = {finding["name"]: finding for finding in site.facts("doctor", "--root-keys", empty)}
    assert "all must sign" in found["root keys"]["found"]
    site.run("keys", "create", tmp_path / "root-4.pem")
    site.run("keys", "rotate", "--add-root", tmp_path / "root-4.pem", *root_keys(site, 2, 3))
    facts = site.facts("keys", "show")["roots"]

    assert [root["revoked"] for root in facts] == [[], [stolen], []]
    assert facts[1]["reason"] == REASON
    assert [len(root["root"]) for root in facts] == [3, 2, 3]
    assert REASON in site.run("keys", "show").stdout


def test_too_few_root_keys_are_refused(site: CommandLine) -> None:
    """Nobody can take out so many root keys that no root could follow."""
    first, second, _ = key_ids(site)
    site.run("keys", "revoke", first, "--reason", REASON, *root_keys(site, 2, 3))
    text = site.run("keys", "revoke", second, "--reason", REASON, *root_keys(site, 2, 3), exit_code=1).stderr
    assert "would have 1 root keys and needs 2" in text


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (["keys", "revoke", "0" * 16, "--reason", "x"], 1, "has no root key 0000000000000000"),
        (["keys", "revoke", "0" * 16, "--reason", " "], 2, "--reason must say something"),
        (["keys", "install"], 1, "no root waits here"),
        (["keys", "sign", "{home}/root/1.json", "--root-key", "{home}/online-key.pem"], 1, "no unfinished root"),
        (["keys", "create", "{home}/online-key.pem"], 1, "never written over"),
        (["keys", "rotate", "--root-key", "{home}/settings.env"], 1, "unencrypted private key in PEM"),
        (["keys", "rotate", "--root-key", "{home}/online-key.pem"], 1, "is a root key neither"),
        (["keys", "rotate", "--add-root", "{home}/online-key.pem"], 1, "a root key must not sign heads"),
    ],
)
def test_what_cannot_be_meant_is_refused(site: CommandLine, words: list[str], exit_code: int, says: str) -> None:
    """A message that says why; roots and key stay."""
    before = online_id(site)
    assert says in site.run(*(w.format(home=site.home.directory) for w in words), exit_code=exit_code).stderr
    assert (list(roots_of(site.home)), online_id(site)) == ([1], before)


def test_signature_of_another_root_does_not_count(site: CommandLine, tmp_path: Path) -> None:
    """Signatures are over one root's bytes: a copy from another draft is not merged, a changed one not taken."""
    site.run("keys", "rotate", *root_keys(site, 1))
    first = tmp_path / "first.json"
    shutil.move(site.home.unfinished_root, first)
    site.run("keys", "rotate", *root_keys(site, 2))
    assert "not copies of one" in site.run("keys", "install", first, site.home.unfinished_root, exit_code=1).stderr
    changed = site.home.unfinished_root.read_bytes().replace(b'"threshold":2', b'"threshold":1')
    site.home.unfinished_root.write_bytes(changed)
    assert "is unfinished" in site.run("keys", "install", exit_code=1).stderr
    site.run("keys", "sign", first, *root_keys(site, 2))
    assert "does not hold the online key" in site.run("keys", "install", first, exit_code=1).stderr


def test_root_that_follows_another_root_is_refused(site: CommandLine, tmp_path: Path) -> None:
    """A draft that was overtaken is not installed over what stands."""
    site.run("keys", "create", tmp_path / "root-4.pem")
    site.run("keys", "rotate", "--add-root", tmp_path / "root-4.pem")
    late = tmp_path / "late.json"
    shutil.move(site.home.unfinished_root, late)
    site.run("keys", "rotate", *root_keys(site, 1, 2))
    site.run("keys", "sign", late, *root_keys(site, 1, 2))
    assert "follows another root 1" in site.run("keys", "install", late, exit_code=1).stderr


def mortal(monkeypatch: pytest.MonkeyPatch, dies_at: int, *, after: bool) -> list[int]:
    """Lets the process die at its n-th change of a name in the file system."""
    calls = [0]

    def dying(effect: Callable[..., Any]) -> Callable[..., Any]:
        def once(*arguments: Any, **options: Any) -> Any:
            calls[0] += 1
            if calls[0] == dies_at and not after:
                raise Killed
            result = effect(*arguments, **options)
            if calls[0] == dies_at:
                raise Killed
            return result

        return once

    for name in ("link", "replace", "unlink"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    return calls


@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
def test_killed_at_every_effect(
    site: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Killed anywhere in a rotation, the home publishes, and the same command completes it."""
    copies, dead = tmp_path / "copies", 0
    shutil.copytree(site.home.directory, copies / "start")
    for n in range(1, 40):
        shutil.rmtree(site.home.directory)
        shutil.copytree(copies / "start", site.home.directory)
        with monkeypatch.context() as patch:
            calls = mortal(patch, n, after=after)
            try:
                site.run("keys", "rotate", *root_keys(site, 1, 2))
            except Killed:
                dead += 1
        if calls[0] < n:
            break
        site.run("publish", "--now-ms", START_MS + HOUR_MS)
        assert parse((site.home.public / "v1/head").read_bytes())[0].gen == max(roots_of(site.home))
        if site.home.unfinished_root.exists() and max(roots_of(site.home)) == 1:
            site.run("keys", "install")
        elif max(roots_of(site.home)) == 1:
            site.run("keys", "rotate", *root_keys(site, 1, 2))
        site.run("publish", "--now-ms", START_MS + 2 * HOUR_MS)
        assert parse((site.home.public / "v1/head").read_bytes())[0].gen == 2
        assert keys.read_public(site.home.online_key) in roots_of(site.home)[2].online_keys
        assert verify(site.home.public).seq == 3

    assert dead >= 6
