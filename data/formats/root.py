"""Root files (`docs/formats.md`, section 4): which keys may sign roots and heads."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
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
    revoked: tuple[str, ...] = ()
    """Ids of keys of the root before that are not trusted any more."""
    reason: str = ""
    """Why they are not; empty when none are."""

    def payload(self) -> bytes:
        """The canonical JSON that root keys sign."""
        keys = {signed.key_id(key): base64.b64encode(key).decode() for key in (*self.root_keys, *self.online_keys)}
        value: dict[str, object] = {
            "v": 1,
            "version": self.version,
            "created": self.created_ms,
            "keys": keys,
            "root": {"keys": _ids(self.root_keys), "threshold": self.root_threshold},
            "online": {"keys": _ids(self.online_keys), "threshold": 1},
        }
        if self.revoked:
            value["revoked"] = {"keys": list(self.revoked), "reason": self.reason}
        return canonical(value)

    def signers(self, text: signed.SignedText) -> set[str]:
        """Which of this root's root keys have truly signed a root."""
        return text.signers(signed.ROOT_CONTEXT, {signed.key_id(key): key for key in self.root_keys})

    def certifies_head(self, text: signed.SignedText) -> bool:
        """Whether an online key of this root has signed the head."""
        keys = {signed.key_id(key): key for key in self.online_keys}
        return bool(text.signers(signed.HEAD_CONTEXT, keys))


def read(text: bytes) -> tuple[Root, signed.SignedText]:
    """Reads a root's form; the caller checks who signed it.

    Raises:
        FormatError: It is malformed.
    """
    envelope = signed.parse(text)
    value = envelope.value()
    try:
        keys = {name: base64.b64decode(public, validate=True) for name, public in value["keys"].items()}
        revoked = value.get("revoked", {"keys": [], "reason": ""})
        root = Root(
            version=value["version"],
            created_ms=value["created"],
            root_keys=tuple(keys[name] for name in value["root"]["keys"]),
            root_threshold=value["root"]["threshold"],
            online_keys=tuple(keys[name] for name in value["online"]["keys"]),
            revoked=tuple(revoked["keys"]),
            reason=revoked["reason"],
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"a root lacks or garbles a field: {error!r}") from error
    if {type(number) for number in (root.version, root.root_threshold)} != {int} or root.root_threshold < 1:
        raise FormatError("a root's version and threshold must be positive integers")
    return root, envelope


def parse(text: bytes) -> Root:
    """Reads a root that must be signed by enough of its own root keys.

    Raises:
        FormatError: It is malformed or not signed by its threshold.
    """
    root, envelope = read(text)
    _must_be_signed(root, envelope, root)
    return root


def follow(texts: Mapping[int, bytes]) -> dict[int, Root]:
    """Reads all roots from root 1 on, each checked against the one before.

    Args:
        texts: Root files by version.

    Returns:
        The roots by version, ascending.

    Raises:
        FormatError: One is missing, malformed, or not signed by enough keys of its own and of the root before.
    """
    roots: dict[int, Root] = {}
    for version in range(1, max(texts) + 1):
        if version not in texts:
            raise FormatError(f"root {version} is missing")
        root, envelope = read(texts[version])
        if root.version != version:
            raise FormatError(f"the file of root {version} holds root {root.version}")
        _must_be_signed(root, envelope, root)
        if version > 1:
            _must_be_signed(root, envelope, roots[version - 1])
        roots[version] = root
    return roots


def _must_be_signed(root: Root, envelope: signed.SignedText, asks: Root) -> None:
    signers = asks.signers(envelope)
    if len(signers) < asks.root_threshold:
        whose = "" if asks is root else f" of root {asks.version}"
        raise FormatError(
            f"root {root.version} needs {asks.root_threshold} signatures of root keys{whose}, has {len(signers)}"
        )


def _ids(keys: Sequence[bytes]) -> list[str]:
    return [signed.key_id(key) for key in keys]
