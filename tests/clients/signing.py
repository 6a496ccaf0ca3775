"""Keys, roots and signed texts for test trees, made from docs/formats.md alone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

START_MS = 20_000 * 86_400_000
"""Midnight of an October day of 2024."""


def canonical(value: object) -> bytes:
    """RFC 8785, for what these documents hold."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def b64(raw: bytes) -> str:
    """RFC 4648, section 4."""
    return base64.b64encode(raw).decode()


def sha256(content: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Signer:
    """One Ed25519 key, made from a name."""

    name: str

    @property
    def private(self) -> Ed25519PrivateKey:
        """The private key."""
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.name.encode()).digest())

    @property
    def public(self) -> bytes:
        """The raw public key."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        """KEY_ID."""
        return sha256(self.public)[:16]


def sign(context: str, payload: bytes, signers: Iterable[Signer], attachments: Iterable[bytes] = ()) -> bytes:
    """A signed text."""
    message = context.encode() + b"\n" + payload
    signatures = [{"key": signer.key_id, "sig": b64(signer.private.sign(message))} for signer in signers]
    return b"".join(line + b"\n" for line in (payload, canonical(signatures), *attachments))


ROOT_KEYS = (Signer("root a"), Signer("root b"), Signer("root c"))
ONLINE = Signer("online")


def root_text(
    version: int = 1,
    *,
    roots: tuple[Signer, ...] = ROOT_KEYS,
    online: Signer = ONLINE,
    signers: tuple[Signer, ...] = ROOT_KEYS[:2],
) -> bytes:
    """A root."""
    keys = {signer.key_id: b64(signer.public) for signer in (*roots, online)}
    payload = {
        "v": 1,
        "version": version,
        "created": START_MS,
        "keys": keys,
        "root": {"keys": [signer.key_id for signer in roots], "threshold": 2},
        "online": {"keys": [online.key_id], "threshold": 1},
    }
    return sign("realtube/root/1", canonical(payload), signers)
