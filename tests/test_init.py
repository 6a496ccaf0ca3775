"""`realtube init` makes a home once, completes an interrupted one, and never makes a key anew."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from data.formats import root as roots
from data.formats import signed
from data.home import Home
from publisher import keys
from tests.homes import CommandLine

PARTS = [
    "root-keys/root-1.pem", "root-keys/root-2.pem", "root-keys/root-3.pem",
    "var/online-key.pem", "var/root/1.json", "var/settings.env", "var/votes.db",
]  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> CommandLine:
    """No home yet."""
    return CommandLine(Home(tmp_path / "var"))


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_home_is_complete_and_its_secrets_closed(site: CommandLine, tmp_path: Path) -> None:
    """Log, keys, root 1 and settings are there; only the owner can read what is private."""
    facts = site.facts("init")
    assert sorted(contents(tmp_path)) == PARTS
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in PARTS}
    assert {name for name, mode in modes.items() if mode != 0o600} == {"var/root/1.json"}
    assert stat.S_IMODE((tmp_path / "root-keys").stat().st_mode) == 0o700
    assert site.rows("SELECT log_id FROM log_identity") == [(facts["log_id"],)]
    assert facts["fingerprint"] == hashlib.sha256((tmp_path / "var/root/1.json").read_bytes()).hexdigest()


def test_root_1_follows_the_format(site: CommandLine, tmp_path: Path) -> None:
    """Canonical JSON, signed by all three root keys over context and payload, certifying the online key."""
    site.run("init")
    text = (tmp_path / "var/root/1.json").read_bytes()
    payload, signatures, end = text.split(b"\n")
    value: dict[str, Any] = json.loads(payload)
    assert end == b""
    assert rfc8785.dumps(value) == payload
    assert (value["v"], value["version"], value["root"]["threshold"], value["online"]["threshold"]) == (1, 1, 2, 1)
    online = signed.public_bytes(keys.read(tmp_path / "var/online-key.pem"))
    root = roots.parse(text)
    assert root.online_keys == (online,)
    assert len(set(root.root_keys)) == 3
    assert [entry["key"] for entry in json.loads(signatures)] == value["root"]["keys"]
    for public, (_, signature) in zip(root.root_keys, signed.parse(text).signatures, strict=True):
        Ed25519PublicKey.from_public_bytes(public).verify(signature, b"realtube/root/1\n" + payload)


def test_the_same_keys_make_the_same_root() -> None:
    """Root 1 is a function of its keys and its time."""
    made = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(4)]
    texts = {keys.first_root(made[:3], made[3], created_ms=7) for _ in range(2)}
    assert [hashlib.sha256(text).hexdigest()[:16] for text in texts] == ["d61202e40206421d"]


def test_a_second_call_changes_nothing(site: CommandLine, tmp_path: Path) -> None:
    """Exit code 0, the same facts, the same bytes; even when the root keys are offline by now."""
    first = site.facts("init")
    for name in keys.ROOT_KEYS:
        (tmp_path / "root-keys" / name).unlink()
    before = contents(tmp_path)
    assert site.facts("init") == first | {"made": []}
    assert "nothing changed" in site.run("init").stdout
    assert contents(tmp_path) == before


@pytest.mark.parametrize("there", range(len(PARTS)))
def test_an_interrupted_call_is_completed(site: CommandLine, tmp_path: Path, there: int) -> None:
    """Whichever parts were made before root 1, the second call keeps them and makes the others."""
    site.run("init")
    order = ["var/votes.db", "var/online-key.pem", *PARTS[:3], "var/root/1.json", "var/settings.env"]
    whole = contents(tmp_path)
    for name in order[there:]:
        (tmp_path / name).unlink()
    (tmp_path / "var/online-key.pem.new").write_bytes(b"half")
    site.run("init")
    after = contents(tmp_path)
    assert [name for name in order if after[name] == whole[name]][:there] == order[:there]
    assert sorted(set(after) - {"var/online-key.pem.new"}) == PARTS
    online = signed.public_bytes(keys.read(tmp_path / "var/online-key.pem"))
    assert roots.parse(after["var/root/1.json"]).online_keys == (online,)


@pytest.mark.parametrize("lost", ["var/votes.db", "var/online-key.pem"])
def test_a_lost_part_is_not_made_anew(site: CommandLine, tmp_path: Path, lost: str) -> None:
    """After root 1 a new log or key would not continue what was published: a person must restore it."""
    site.run("init")
    (tmp_path / lost).unlink()
    done = site.run("init", exit_code=1)
    assert done.stderr.startswith(f"Error: {tmp_path / lost} is missing, but")
    assert not (tmp_path / lost).exists()


def test_a_damaged_key_is_not_written_over(site: CommandLine, tmp_path: Path) -> None:
    """A file that is no key stays as it is, and the message names it."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var/online-key.pem").write_bytes(b"not a key")
    done = site.run("init", exit_code=1)
    assert done.stderr == (
        f"Error: {tmp_path}/var/online-key.pem must hold an unencrypted private key in PEM: restore it from a backup\n"
    )
    assert (tmp_path / "var/online-key.pem").read_bytes() == b"not a key"


def test_root_keys_go_where_they_are_told(site: CommandLine, tmp_path: Path) -> None:
    """--root-dir names another place, and the command says to take them offline."""
    done = site.run("init", "--root-dir", tmp_path / "usb")
    assert sorted(path.name for path in (tmp_path / "usb").iterdir()) == list(keys.ROOT_KEYS)
    assert f"Take the root keys in {tmp_path}/usb offline now" in done.stdout
    assert not (tmp_path / "root-keys").exists()


def test_a_dry_run_makes_nothing(site: CommandLine, tmp_path: Path) -> None:
    """It lists what a call would make."""
    listed = site.facts("init", "--dry-run")["would_make"]
    assert sorted(str(Path(path).relative_to(tmp_path)) for path in listed) == PARTS
    assert contents(tmp_path) == {}


def test_the_settings_file_shows_every_setting(site: CommandLine, tmp_path: Path) -> None:
    """All of it is comment: the defaults hold until somebody changes a line."""
    site.run("init")
    lines = (tmp_path / "var/settings.env").read_text().splitlines()
    assert all(not line or line.startswith("#") for line in lines)
    assert "# REALTUBE_PORT=8080" in lines
    assert "# REALTUBE_MINIMUM_SCORE=20" in lines
