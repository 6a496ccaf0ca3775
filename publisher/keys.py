"""The private keys: three root keys that people keep offline, one online key that signs heads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from data.formats import signed
from data.formats.root import Root

ROOT_KEYS = ("root-1.pem", "root-2.pem", "root-3.pem")
"""Files of the root keys, each meant for another person and place."""
ROOT_THRESHOLD = 2
"""How many root keys must sign a root: one may be lost, one may be stolen."""
PRIVATE = 0o600


class KeyFileError(Exception):
    """A private key cannot be read; nothing was changed and nothing signed."""


def keep_or_make(path: Path) -> Ed25519PrivateKey:
    """Reads the key at a path, or makes one there, readable by its owner only.

    The file appears whole or not at all, and an existing one is never written over.

    Raises:
        KeyFileError: There is a file, and it is no such key.
    """
    if not path.exists():
        create_file(path, _pem(Ed25519PrivateKey.generate()), PRIVATE)
    return read(path)


def read(path: Path) -> Ed25519PrivateKey:
    """Reads a private key.

    Raises:
        KeyFileError: The file is missing, may not be read, or is no unencrypted Ed25519 key in PEM.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError as error:
        message = f"there is no key {path}: restore it from a backup, or `realtube init` a new home"
        raise KeyFileError(message) from error
    except OSError as error:
        raise KeyFileError(f"the key {path} cannot be read ({error.strerror}): restore it from a backup") from error
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path} must hold an unencrypted private key in PEM: restore it from a backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} must hold an Ed25519 key, found another kind: restore it from a backup")
    return key


def read_public(path: Path) -> bytes:
    """The 32 raw public bytes of a key, from its private or its public file.

    Raises:
        KeyFileError: The file is missing, may not be read, or holds no Ed25519 key in PEM.
    """
    try:
        public = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, TypeError):
        return signed.public_bytes(read(path))
    if not isinstance(public, Ed25519PublicKey):
        raise KeyFileError(f"{path} must hold an Ed25519 key, found another kind: give the right file")
    return public.public_bytes_raw()


def draw(path: Path) -> Ed25519PrivateKey:
    """Makes a new private key in a file that must not exist yet.

    Raises:
        KeyFileError: There is a file, or it cannot be written.
    """
    if path.exists():
        raise KeyFileError(f"{path} exists already, and a key is never written over: name another file")
    try:
        return keep_or_make(path)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written ({error.strerror}): name another place") from error


def create_file(path: Path, body: bytes, mode: int) -> None:
    """Makes a file that appears whole and durable, or not at all; an existing one is left as it is."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)  # of an interrupted call
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(unfinished, path)
    unfinished.unlink()
    sync_directory(path.parent)


def replace_file(path: Path, body: bytes, mode: int) -> None:
    """Writes a file over another one, whole and durable, or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    create_file(unfinished, body, mode)
    os.replace(unfinished, path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def first_root(root_keys: Sequence[Ed25519PrivateKey], online_key: Ed25519PrivateKey, *, created_ms: int) -> bytes:
    """Writes root 1: all root keys sign that they are the root keys and that the online key signs heads.

    Source:
        `docs/formats.md`, sections 3 and 4.
    """
    root = Root(
        version=1,
        created_ms=created_ms,
        root_keys=tuple(signed.public_bytes(key) for key in root_keys),
        root_threshold=ROOT_THRESHOLD,
        online_keys=(signed.public_bytes(online_key),),
    )
    return signed.sign(root.payload(), signed.ROOT_CONTEXT, root_keys)


def read_roots(directory: Path) -> dict[int, bytes]:
    """Reads the signed roots of a home, by version.

    Raises:
        KeyFileError: There is none.
    """
    roots = {int(path.stem): path.read_bytes() for path in directory.glob("*.json") if path.stem.isdigit()}
    if not roots:
        raise KeyFileError(f"there is no signed root in {directory}: run `realtube init`")
    return roots


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
