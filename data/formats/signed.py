"""Signed texts (`docs/formats.md`, section 3): payload, signatures, attachments, one a line."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from data.formats.tree import FormatError

HEAD_CONTEXT = "realtube/head/1"
ROOT_CONTEXT = "realtube/root/1"
TOMBSTONE_CONTEXT = "realtube/tombstone/1"


@dataclass(frozen=True, slots=True)
class SignedText:
    """A signed text taken apart; nothing is verified yet."""

    payload: bytes
    """The exact bytes that signatures cover."""
    signatures: tuple[tuple[str, bytes], ...]
    """(key id, signature)."""
    attachments: tuple[bytes, ...]
    """Lines after the signatures."""

    def value(self) -> dict[str, Any]:
        """The payload's object.

        Raises:
            FormatError: It is not a JSON object.
        """
        try:
            value = orjson.loads(self.payload)
        except orjson.JSONDecodeError as error:
            raise FormatError(f"the signed payload is no JSON: {error}") from error
        if not isinstance(value, dict):
            raise FormatError("the signed payload must be a JSON object")
        return value

    def signers(self, context: str, keys: Mapping[str, bytes]) -> set[str]:
        """Which of these keys have truly signed.

        Args:
            context: One of the three above.
            keys: Key id -> 32 raw public bytes.
        """
        signed_bytes = message(context, self.payload)
        return {key for key, signature in self.signatures if key in keys and _holds(keys[key], signature, signed_bytes)}


def sign(payload: bytes, context: str, keys: Sequence[Ed25519PrivateKey], attachments: Sequence[bytes] = ()) -> bytes:
    """Writes a signed text.

    Args:
        payload: Canonical JSON, without a line end.
        context: One of the three above.
        keys: Who signs; the signatures stand in this order.
        attachments: Further lines, without line ends.
    """
    signed_bytes = message(context, payload)
    signatures = [
        {"key": key_id(public_bytes(key)), "sig": base64.b64encode(key.sign(signed_bytes)).decode()} for key in keys
    ]
    return b"".join(line + b"\n" for line in (payload, orjson.dumps(signatures), *attachments))


def parse(text: bytes) -> SignedText:
    """Takes a signed text apart.

    Raises:
        FormatError: It is not lines of payload, signatures and attachments.
    """
    lines = text.split(b"\n")
    if len(lines) < 3 or lines[-1] != b"":
        raise FormatError("a signed text needs a payload line and a signatures line, each ended by a line end")
    try:
        signatures = tuple(
            (entry["key"], base64.b64decode(entry["sig"], validate=True)) for entry in orjson.loads(lines[1])
        )
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"the second line of a signed text must be an array of signatures: {error}") from error
    return SignedText(payload=lines[0], signatures=signatures, attachments=tuple(lines[2:-1]))


def key_id(public: bytes) -> str:
    """Names a key by its 32 raw public bytes."""
    return hashlib.sha256(public).hexdigest()[:16]


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 raw public bytes of a private key."""
    return key.public_key().public_bytes_raw()


def message(context: str, payload: bytes) -> bytes:
    """The bytes that a signature covers."""
    return context.encode() + b"\n" + payload


def _holds(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
