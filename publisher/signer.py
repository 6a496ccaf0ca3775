"""Who signs heads, and whose signatures are believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.formats import root, signed
from data.formats.head import Head
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
            FormatError: A root is missing, malformed or not signed by enough keys.
        """
        return root.follow(self.roots)[max(self.roots)]

    def certifies(self, head: Head, envelope: signed.SignedText) -> bool:
        """Whether an online key of the head's own root signed it; that root may have been followed by others.

        Raises:
            FormatError: A root is missing, malformed or not signed by enough keys.
        """
        certifier = root.follow(self.roots).get(head.gen)
        return certifier is not None and certifier.certifies_head(envelope)

    def distrusts(self, envelope: signed.SignedText) -> str:
        """Why a head's signer is not trusted any more; empty when it is.

        Raises:
            FormatError: A root is missing, malformed or not signed by enough keys.
        """
        signers = {key for key, _ in envelope.signatures}
        reasons = [one.reason for one in root.follow(self.roots).values() if signers & set(one.revoked)]
        return reasons[-1] if reasons else ""

    def sign(self, payload: bytes, attachments: list[bytes], context: str = signed.HEAD_CONTEXT) -> bytes:
        """Writes a signed text: a head, unless the context says otherwise."""
        return signed.sign(payload, context, [self.key], attachments)
