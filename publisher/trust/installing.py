"""A home's way from one root to the next: an ordered list of effects, each of which may be the last before a crash.

1. the next online key, if there is one, is written beside the old one;
2. the unfinished root is written: from here on it can be signed anywhere;
3. the finished root is created in `root/`: this is the change, and the next publish goes by it;
4. the next online key takes the old one's place, and the unfinished root is deleted.

Before 3 the old root and key publish, after it the new ones: `signer_of` takes whichever key the newest root
certifies, and `settle` does 4 when a run ended before it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from data.formats import root as roots
from data.formats import signed
from data.formats.root import Root
from data.home import Home
from publisher import keys, schedule
from publisher.signer import Signer
from publisher.trust.drafts import Draft, DraftError

WORLD_READABLE = 0o644


def roots_of(home: Home) -> dict[int, Root]:
    """All roots of a home by version, each checked against the one before.

    Raises:
        KeyFileError: There is none.
        FormatError: One is missing, malformed or not signed by enough.
    """
    return roots.follow(keys.read_roots(home.roots))


def signer_of(home: Home) -> Signer:
    """The home's signer: the online key that its newest root certifies, be it still named the next one.

    Raises:
        KeyFileError: There is no root, or no key.
        FormatError: A root is missing, malformed or not signed by enough.
    """
    texts = keys.read_roots(home.roots)
    certified = roots.follow(texts)[max(texts)].online_keys
    if home.next_online_key.exists():
        following = keys.read(home.next_online_key)
        if signed.public_bytes(following) in certified:
            return Signer(following, texts)
    return Signer(keys.read(home.online_key), texts)


def new_online_key(home: Home) -> Ed25519PrivateKey:
    """Effect 1: draws the next online key.

    Raises:
        DraftError: An unfinished root waits for signatures, and its key must not be lost.
    """
    refuse_second(home)
    home.next_online_key.unlink(missing_ok=True)  # of a call that ended before effect 2: nobody certifies it
    return keys.draw(home.next_online_key)


def refuse_second(home: Home) -> None:
    """A home has one unfinished root at a time.

    Raises:
        DraftError: There is one.
    """
    if home.unfinished_root.exists():
        raise DraftError(
            f"{home.unfinished_root} waits for signatures: finish it with `realtube keys install`, or delete it first"
        )


def put_aside(home: Home, draft: Draft) -> None:
    """Effect 2: keeps a draft until it is signed by enough."""
    keys.replace_file(home.unfinished_root, draft.text(), WORLD_READABLE)


def install(home: Home, draft: Draft) -> Root:
    """Effects 3 and 4: takes a finished root in; again does nothing.

    Raises:
        DraftError: Signatures are missing, it follows another root, or this home lacks its online key.
        KeyFileError, FormatError: The home's keys or roots cannot be read.
    """
    text, texts = draft.finished(), keys.read_roots(home.roots)
    newest = max(texts)
    if texts.get(draft.root.version) == text:
        settle(home)
        return draft.root
    if texts[newest] != draft.before_text:
        raise DraftError(
            f"it follows another root {draft.before.version} than this home's newest, {newest}: draw it up again here"
        )
    if not set(draft.root.online_keys) & set(_public_keys(home)):
        raise DraftError(f"this home does not hold the online key of root {draft.root.version}: install it where it is")
    keys.create_file(home.roots / f"{draft.root.version}.json", text, WORLD_READABLE)
    settle(home)
    return draft.root


def settle_quietly(home: Home) -> None:
    """Effect 4 for whoever publishes: leaves it to a command that changes keys at this moment."""
    with contextlib.suppress(schedule.Busy), schedule.alone(home.keys_lock):
        settle(home)


def settle(home: Home) -> None:
    """Effect 4, should a call have ended before it; otherwise nothing. The caller holds the keys lock.

    Raises:
        KeyFileError, FormatError: The home's keys or roots cannot be read.
    """
    if not (home.next_online_key.exists() or home.unfinished_root.exists()):
        return
    texts = keys.read_roots(home.roots)
    newest = roots.follow(texts)[max(texts)]
    if home.next_online_key.exists() and keys.read_public(home.next_online_key) in newest.online_keys:
        os.replace(home.next_online_key, home.online_key)
        keys.sync_directory(home.directory)
    if home.unfinished_root.exists() and roots.read(home.unfinished_root.read_bytes())[0].version <= newest.version:
        home.unfinished_root.unlink()


def _public_keys(home: Home) -> Sequence[bytes]:
    return [keys.read_public(path) for path in (home.online_key, home.next_online_key) if path.exists()]
