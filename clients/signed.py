"""Signed texts: a payload in line 1, signatures in line 2, attachments after them (formats, section 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from clients.errors import Malformed
from clients.strict import KEY_ID, Fields, read_json, shown

HEAD_CONTEXT = b"realtube/head/1"
ROOT_CONTEXT = b"realtube/root/1"
TOMBSTONE_CONTEXT = b"realtube/tombstone/1"

MAX_SIGNATURES = 64
"""More are refused: each one costs a check."""


@dataclass(frozen=True, slots=True)
class SignedText:
    """A signed text, split and not yet believed."""

    payload: bytes
    """Line 1 exactly as received: the bytes that were signed."""
    signatures: tuple[tuple[str, bytes], ...]
    """Key id and signature."""
    attachments: tuple[bytes, ...]
    """Line 3 and on."""
    core: bytes
    """Lines 1 and 2: what proves who said what."""

    @property
    def payload_hash(self) -> str:
        """SHA-256 of the payload."""
        return hashlib.sha256(self.payload).hexdigest()

    def fields(self) -> Fields:
        """The payload's object.

        Raises:
            Malformed: when the payload is no strict JSON object.
        """
        return Fields.of(read_json(self.payload))

    def signers(self, context: bytes, keys: Mapping[str, bytes]) -> frozenset[str]:
        """The ids of those keys that have signed the payload in this context.

        Args:
            context: `HEAD_CONTEXT`, `ROOT_CONTEXT` or `TOMBSTONE_CONTEXT`.
            keys: raw public keys by id; signatures by other keys are passed over.
        """
        message = context + b"\n" + self.payload
        return frozenset(
            name for name, signature in self.signatures if name in keys and _signed(keys[name], signature, message)
        )


def key_id(raw: bytes) -> str:
    """The id of a raw public key."""
    return hashlib.sha256(raw).hexdigest()[:16]


def split_signed(text: bytes) -> SignedText:
    """Split a signed text into its parts.

    Raises:
        Malformed: when a line end is missing or the signatures are not an array of signatures.
    """
    lines = text.split(b"\n")
    if len(lines) < 3 or lines[-1]:
        raise Malformed("must be a payload and signatures, each line ended by a line feed")
    signatures = read_json(lines[1])
    if not isinstance(signatures, list) or len(signatures) > MAX_SIGNATURES:
        raise Malformed(f"line 2 must be an array of at most {MAX_SIGNATURES} signatures, found {shown(signatures)}")
    return SignedText(
        payload=lines[0],
        signatures=tuple(_signature(Fields.of(entry, f"signatures[{i}].")) for i, entry in enumerate(signatures)),
        attachments=tuple(lines[2:-1]),
        core=lines[0] + b"\n" + lines[1] + b"\n",
    )


def _signature(entry: Fields) -> tuple[str, bytes]:
    return entry.text("key", KEY_ID), entry.bytes("sig")


def _signed(raw: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
