"""Who signs heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.formats import root, signed
from data.formats.root import Root


@dataclass(frozen=True, slots=True)
class Signer:
    """The online key, and the roots of which the newest certifies it."""

    key: Ed25519PrivateKey
    roots: Mapping[int, bytes]
    """Root files by version."""

    def newest(self) -> Root:
        """The newest root.

        Raises:
            FormatError: It is malformed or not signed by its threshold.
        """
        return root.parse(self.roots[max(self.roots)])

    def sign(self, payload: bytes, attachments: list[bytes]) -> bytes:
        """Writes a head's signed text."""
        return signed.sign(payload, signed.HEAD_CONTEXT, [self.key], attachments)
