"""The hash tree of RFC 6962 over a power of two of leaves (`docs/formats.md`, section 13)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"


def leaf(body: bytes) -> bytes:
    """Hash of a leaf."""
    return hashlib.sha256(LEAF + body).digest()


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All hashes of the tree, level by level: the leaves' first, the top last.

    Args:
        leaves: Their hashes, 1, 2, 4, 8, … of them.
    """
    found = [list(leaves)]
    while len(found[-1]) > 1:
        below = found[-1]
        pairs = zip(below[::2], below[1::2], strict=True)
        found.append([hashlib.sha256(NODE + left + right).digest() for left, right in pairs])
    return found


def path(tree: Sequence[Sequence[bytes]], place: int) -> list[bytes]:
    """What proves a leaf, from its sibling up.

    Args:
        tree: As `levels` returns it.
        place: Which leaf.
    """
    return [level[(place >> height) ^ 1] for height, level in enumerate(tree[:-1])]
