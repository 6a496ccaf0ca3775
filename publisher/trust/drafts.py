"""A root that waits for signatures: drawn up, signed here and there, complete (`docs/formats.md`, section 4). Pure.

A draft is a signed text whose third line is the root before, so that a holder of a root key sees on any machine what
changes and whether the key counts. The finished root leaves that line out.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.formats import root as roots
from data.formats import signed
from data.formats.root import Root
from data.formats.tree import FormatError


class DraftError(Exception):
    """A root cannot be drawn up, signed or taken in like this; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The next root, and who has signed it so far."""

    root: Root
    before: Root
    before_text: bytes
    payload: bytes
    signatures: Mapping[str, bytes]
    """Key id -> signature, only such as hold."""

    def text(self) -> bytes:
        """The file that goes from holder to holder."""
        return self._text([base64.b64encode(self.before_text)])

    def finished(self) -> bytes:
        """The root file.

        Raises:
            DraftError: Signatures are missing.
        """
        if lacks := self.lacks():
            raise DraftError(f"root {self.root.version} is unfinished: {lacks}")
        return self._text([])

    def lacks(self) -> str:
        """What is missing, in words; empty when nothing is."""
        sides = []
        for root in (self.before, self.root):
            holders = [signed.key_id(key) for key in root.root_keys]
            missing = root.root_threshold - len(set(holders) & set(self.signatures))
            if missing > 0:
                rest = ", ".join(key for key in holders if key not in self.signatures)
                sides.append(f"it needs {missing} more of root {root.version}'s keys {rest}")
        return " and ".join(sides)

    def _text(self, attachments: Sequence[bytes]) -> bytes:
        signatures = [
            {"key": key, "sig": base64.b64encode(signature).decode()} for key, signature in self.signatures.items()
        ]
        return b"".join(line + b"\n" for line in (self.payload, orjson.dumps(signatures), *attachments))


def draw_up(before_text: bytes, after: Root) -> Draft:
    """Draws up the root that follows another one.

    Args:
        before_text: The newest root file.
        after: What the next one says.

    Raises:
        DraftError: It could not be signed by enough, or nobody could sign heads.
    """
    if len(after.root_keys) < after.root_threshold:
        raise DraftError(
            f"root {after.version} would have {len(after.root_keys)} root keys and needs {after.root_threshold} "
            "signatures: bring in a new root key at the same time"
        )
    for what, keys in (("root", after.root_keys), ("online", after.online_keys)):
        if len(set(keys)) != len(keys):
            raise DraftError(f"root {after.version} would have an {what} key twice: give another one")
    if set(after.root_keys) & set(after.online_keys):
        raise DraftError("a root key must not sign heads: give another one")
    return Draft(after, roots.parse(before_text), before_text, after.payload(), {})


def parse(text: bytes) -> Draft:
    """Reads a draft.

    Raises:
        DraftError: It is no draft.
    """
    try:
        after, envelope = roots.read(text)
        before_text = base64.b64decode(envelope.attachments[0], validate=True)
        before = roots.parse(before_text)
        if after.version != before.version + 1:
            raise DraftError(f"root {after.version} does not follow root {before.version}")
        holders = {signed.key_id(key): key for key in (*before.root_keys, *after.root_keys)}
        true = envelope.signers(signed.ROOT_CONTEXT, holders)
    except (FormatError, IndexError, ValueError) as error:
        raise DraftError(f"this is no unfinished root: {error}") from error
    kept = {key: signature for key, signature in envelope.signatures if key in true}
    return Draft(after, before, before_text, envelope.payload, kept)


def sign(draft: Draft, keys: Sequence[Ed25519PrivateKey]) -> Draft:
    """Adds signatures; whoever has signed already signs the same again.

    Raises:
        DraftError: A key is a root key of neither root.
    """
    holders = {signed.key_id(key) for key in (*draft.before.root_keys, *draft.root.root_keys)}
    signatures = dict(draft.signatures)
    message = signed.message(signed.ROOT_CONTEXT, draft.payload)
    for key in keys:
        name = signed.key_id(signed.public_bytes(key))
        if name not in holders:
            raise DraftError(f"{name} is a root key neither of root {draft.before.version} nor of {draft.root.version}")
        signatures[name] = key.sign(message)
    return Draft(draft.root, draft.before, draft.before_text, draft.payload, signatures)


def merged(drafts: Sequence[Draft]) -> Draft:
    """One draft with all signatures of several copies that were signed apart.

    Raises:
        DraftError: They are not copies of one draft.
    """
    first = drafts[0]
    if any((one.payload, one.before_text) != (first.payload, first.before_text) for one in drafts):
        raise DraftError("these files are not copies of one unfinished root: take those of one `keys rotate`")
    together = {key: signature for one in drafts for key, signature in one.signatures.items()}
    return Draft(first.root, first.before, first.before_text, first.payload, together)
