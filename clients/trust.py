"""Whose signature makes a head valid: root keys, how a client pins them, how it follows them (formats, section 4)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from clients.errors import Malformed, Refused, TooLarge
from clients.head import Head
from clients.signed import HEAD_CONTEXT, ROOT_CONTEXT, SignedText, key_id, split_signed
from clients.source import Source
from clients.strict import HASH, KEY_ID, Fields

MAX_ROOT_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Role:
    """Whose signatures, and how many, make something valid."""

    keys: Mapping[str, bytes]
    """Raw public keys by id."""
    threshold: int


@dataclass(frozen=True, slots=True)
class Root:
    """One version of the root keys, well-formed; `Trust` says whether to believe it."""

    signed: SignedText
    version: int
    root: Role
    online: Role

    def signed_by(self, role: Role) -> bool:
        """Whether enough of the role's keys have signed this root."""
        return len(self.signed.signers(ROOT_CONTEXT, role.keys)) >= role.threshold


@dataclass(frozen=True, slots=True)
class Trust:
    """What a client believes about keys; it only grows."""

    root_1: str
    """Fingerprint of the pinned root 1."""
    root: Root
    """The highest root seen."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """What a person gave to say which root 1 to trust."""

    fingerprint: str
    text: bytes | None = None
    """The root's bytes, when a file was given."""


def read_pin(root: str | Path) -> Pin:
    """Take FILE or FINGERPRINT; the one function here that reads the file system.

    Raises:
        Refused: `root`, when it is neither 64 hex digits nor a file that can be read.
    """
    name = str(root)
    if HASH.fullmatch(name.lower()) and not Path(name).exists():
        return Pin(name.lower())
    try:
        with Path(name).open("rb") as file:
            text = file.read(MAX_ROOT_BYTES + 1)
    except (OSError, ValueError):
        raise Refused("root", f"{name}: expected a root file, or its SHA-256 as 64 hex digits") from None
    return Pin(fingerprint_of(text), text)


def fingerprint_of(text: bytes) -> str:
    """SHA-256 of a root file's bytes."""
    return hashlib.sha256(text).hexdigest()


def root_key(version: int) -> str:
    """Key of a root."""
    return f"v1/root/{version}.json"


def parse_root(text: bytes, version: int) -> Root:
    """Check a root's form.

    Args:
        text: the file's bytes, or its first two lines.
        version: the version that it must be.

    Raises:
        Refused: `root`, when the root breaks its format or is another version.
    """
    try:
        if len(text) > MAX_ROOT_BYTES:
            raise Malformed(f"larger than {MAX_ROOT_BYTES} bytes")
        signed = split_signed(text)
        fields = signed.fields()
        fields.integer("v", 1, 1)
        fields.integer("created")
        keys = _keys(fields.object("keys"))
        return Root(
            signed=signed,
            version=fields.integer("version", version, version),
            root=_role(fields.object("root"), keys),
            online=_role(fields.object("online"), keys),
        )
    except Malformed as error:
        raise Refused("root", f"{root_key(version)} is not root {version} of format 1: {error}") from None


def _keys(fields: Fields) -> dict[str, bytes]:
    keys = {name: fields.bytes(name) for name in fields.values}
    for name, raw in keys.items():
        if len(raw) != 32 or name != key_id(raw):
            raise Malformed(f"keys.{name[:20]} must be named by the hash of its 32 bytes")
    return keys


def _role(fields: Fields, keys: Mapping[str, bytes]) -> Role:
    names = fields.texts("keys", KEY_ID)
    if len(set(names)) != len(names) or not set(names) <= set(keys):
        raise fields.wrong("keys", "different ids of keys of this root")
    return Role({name: keys[name] for name in names}, fields.integer("threshold", 1, len(names)))


def begin_trust(source: Source, held: Trust | None, pin: Pin | None) -> Trust:
    """Settle which root 1 to trust: the pinned one, the one held, or with a warning the first one seen.

    Raises:
        Refused: `root`, when pin, held root and source do not agree or root 1 is not signed by its own keys.
        SourceError: when root 1 is needed and the source does not give it.
    """
    if held:
        if pin and pin.fingerprint != held.root_1:
            raise Refused("root", f"root {pin.fingerprint} is asked for, but the rows held came under {held.root_1}")
        return replace(held, warnings=())
    text = pin.text if pin and pin.text is not None else _fetch_root(source, 1)
    fingerprint = fingerprint_of(text)
    if pin and fingerprint != pin.fingerprint:
        raise Refused("root", f"{root_key(1)} has the fingerprint {fingerprint}, expected {pin.fingerprint}")
    root = parse_root(text, 1)
    if not root.signed_by(root.root):
        raise Refused("root", f"root 1 is not signed by {root.root.threshold} of its own root keys")
    warning = f"root {fingerprint} is trusted because it came first; compare it with its owner's and give it as --root"
    return Trust(fingerprint, root, () if pin else (warning,))


def _fetch_root(source: Source, version: int) -> bytes:
    try:
        return source.get(root_key(version), limit_bytes=MAX_ROOT_BYTES)
    except TooLarge as error:
        raise Refused("root", str(error)) from None


def reach_root(source: Source, trust: Trust, gen: int) -> Trust:
    """Follow the roots, one after the other, up to the version that a head names.

    Each further root needs the signatures of the root before it, and its own.

    Raises:
        Refused: `gen` when the head is behind the highest root seen; `root` when one on the way is not valid.
        SourceError: when one on the way is missing.
    """
    if gen < trust.root.version:
        raise Refused("gen", f"the head is certified by root {gen}, but root {trust.root.version} has replaced it")
    while trust.root.version < gen:
        version = trust.root.version + 1
        root = parse_root(_fetch_root(source, version), version)
        if not (root.signed_by(trust.root.root) and root.signed_by(root.root)):
            raise Refused("root", f"{root_key(version)} is not signed by enough keys of root {version - 1} and its own")
        trust = replace(trust, root=root)
    return trust


def check_signature(head: Head, root: Root) -> None:
    """Check that the root's online keys have signed the head.

    Raises:
        Refused: `signature`, when too few have.
    """
    if len(head.signed.signers(HEAD_CONTEXT, root.online.keys)) < root.online.threshold:
        named = ", ".join(name for name, _ in head.signed.signatures[:4]) or "nobody"
        expected = ", ".join(root.online.keys)
        raise Refused(
            "signature", f"no valid signature of tick {head.seq} by {expected} (root {root.version}): {named}"
        )
