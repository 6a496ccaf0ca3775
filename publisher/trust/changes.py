"""What the next root says, from what a person asks. Pure."""

from __future__ import annotations

from dataclasses import replace

from data.formats import signed
from data.formats.root import Root
from publisher.trust.drafts import DraftError


def with_online_key(root: Root, public: bytes, *, created_ms: int, reason: str = "") -> Root:
    """The next root: another online key.

    Args:
        root: The newest one.
        public: The new key.
        created_ms: Time of the change, Unix milliseconds.
        reason: Why the old keys are not trusted any more; empty for a change out of routine.
    """
    revoked = tuple(signed.key_id(key) for key in root.online_keys) if reason else ()
    return replace(_next(root, created_ms), online_keys=(public,), revoked=revoked, reason=reason)


def with_root_key(root: Root, public: bytes, *, instead_of: str, created_ms: int) -> Root:
    """The next root: another root key.

    Args:
        root: The newest one.
        public: The new key.
        instead_of: Id of the root key whose place it takes; empty adds one.
        created_ms: Time of the change, Unix milliseconds.

    Raises:
        DraftError: There is no such root key.
    """
    if not instead_of:
        return replace(_next(root, created_ms), root_keys=(*root.root_keys, public))
    _must_have(root, instead_of)
    root_keys = tuple(public if signed.key_id(key) == instead_of else key for key in root.root_keys)
    return replace(_next(root, created_ms), root_keys=root_keys)


def without_root_key(root: Root, key: str, *, created_ms: int, reason: str) -> Root:
    """The next root: one root key less.

    Raises:
        DraftError: There is no such root key.
    """
    _must_have(root, key)
    root_keys = tuple(one for one in root.root_keys if signed.key_id(one) != key)
    return replace(_next(root, created_ms), root_keys=root_keys, revoked=(key,), reason=reason)


def _next(root: Root, created_ms: int) -> Root:
    return replace(root, version=root.version + 1, created_ms=created_ms, revoked=(), reason="")


def _must_have(root: Root, key: str) -> None:
    known = [signed.key_id(one) for one in root.root_keys]
    if key not in known:
        raise DraftError(
            f"root {root.version} has no root key {key}; it has {', '.join(known)}: see `realtube keys show`"
        )
