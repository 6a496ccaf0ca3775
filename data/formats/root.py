"""Root files (`docs/formats.md`, section 4): which keys may sign roots and heads."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from data.formats import signed
from data.formats.tree import FormatError, canonical


@dataclass(frozen=True, slots=True)
class Root:
    """One version of the root of trust."""

    version: int
    created_ms: int
    root_keys: tuple[bytes, ...]
    """Raw public keys whose signatures make a root valid."""
    root_threshold: int
    """How many of them must sign."""
    online_keys: tuple[bytes, ...]
    """Raw public keys, any of which signs heads."""

    def payload(self) -> bytes:
        """The canonical JSON that root keys sign."""
        keys = {signed.key_id(key): base64.b64encode(key).decode() for key in (*self.root_keys, *self.online_keys)}
        return canonical({
            "v": 1,
            "version": self.version,
            "created": self.created_ms,
            "keys": keys,
            "root": {"keys": _ids(self.root_keys), "threshold": self.root_threshold},
            "online": {"keys": _ids(self.online_keys), "threshold": 1},
        })  # fmt: skip

    def certifies_head(self, text: signed.SignedText) -> bool:
        """Whether an online key of this root has signed the head."""
        keys = {signed.key_id(key): key for key in self.online_keys}
        return bool(text.signers(signed.HEAD_CONTEXT, keys))


def parse(text: bytes) -> Root:
    """Reads a root that must be signed by enough of its own root keys.

    Raises:
        FormatError: It is malformed or not signed by its threshold.
    """
    envelope = signed.parse(text)
    value = envelope.value()
    try:
        keys = {name: base64.b64decode(public, validate=True) for name, public in value["keys"].items()}
        root = Root(
            version=value["version"],
            created_ms=value["created"],
            root_keys=tuple(keys[name] for name in value["root"]["keys"]),
            root_threshold=value["root"]["threshold"],
            online_keys=tuple(keys[name] for name in value["online"]["keys"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"a root lacks or garbles a field: {error!r}") from error
    signers = envelope.signers(signed.ROOT_CONTEXT, {signed.key_id(key): key for key in root.root_keys})
    if root.root_threshold < 1 or len(signers) < root.root_threshold:
        raise FormatError(
            f"root {root.version} needs {root.root_threshold} signatures of root keys, has {len(signers)}"
        )
    return root


def _ids(keys: Sequence[bytes]) -> list[str]:
    return [signed.key_id(key) for key in keys]
