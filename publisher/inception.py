"""Creates a home: votes log, keys, first root, settings file. Whatever is there already is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.formats.tree import sha256
from data.home import Home
from data.log import schema
from publisher import keys

FIRST_ROOT = "1.json"
WORLD_READABLE = 0o644
OWNER_ONLY_DIRECTORY = 0o700


class InceptionError(Exception):
    """A home that was complete has lost a part that cannot be made again; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Inception:
    """A home, complete."""

    log_id: str
    fingerprint: str
    """SHA-256 of root 1's file: what clients pin."""
    made: tuple[Path, ...]
    """What was made now, in order; empty when nothing was missing."""


def missing(home: Home, root_dir: Path) -> list[Path]:
    """What `begin` would make, in its order."""
    return [path for path in _parts(home, root_dir) if not path.exists()]


def begin(home: Home, root_dir: Path, *, identity: schema.LogIdentity, settings_text: str) -> Inception:
    """Makes what is missing of a home; root 1 comes last, so that an interrupted call is completed by another.

    Args:
        home: Where.
        root_dir: Where new root keys go; not looked at when root 1 exists.
        identity: Of the votes log, if it is made now; its time is root 1's too.
        settings_text: The settings file, if it is made now.

    Raises:
        InceptionError: Root 1 exists but the votes log or the online key does not.
        KeyFileError: A key file holds no key.
    """
    made = missing(home, root_dir)
    first_root = home.roots / FIRST_ROOT
    if first_root.exists():
        _must_be_whole(home)
    else:
        home.roots.mkdir(parents=True, exist_ok=True)
        root_dir.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY_DIRECTORY)
        if not home.votes_log.exists():
            schema.create(home.votes_log, identity)
        online_key = keys.keep_or_make(home.online_key)
        root_keys = [keys.keep_or_make(root_dir / name) for name in keys.ROOT_KEYS]
        keys.create_file(
            first_root, keys.first_root(root_keys, online_key, created_ms=identity.created_ms), WORLD_READABLE
        )
    keys.create_file(home.settings, settings_text.encode(), keys.PRIVATE)
    return Inception(_log_id(home), sha256(first_root.read_bytes()), tuple(made))


def _parts(home: Home, root_dir: Path) -> list[Path]:
    first_root = home.roots / FIRST_ROOT
    private = [home.votes_log, home.online_key, *(root_dir / name for name in keys.ROOT_KEYS)]
    return [home.settings] if first_root.exists() else [*private, first_root, home.settings]


def _must_be_whole(home: Home) -> None:
    for path in (home.votes_log, home.online_key):
        if not path.exists():
            raise InceptionError(
                f"{path} is missing, but {home.roots / FIRST_ROOT} says that it was made once: restore it from a "
                "backup; a new one would not continue what was published"
            )


def _log_id(home: Home) -> str:
    connection = schema.open_for_reading(home.votes_log)
    try:
        return schema.identity(connection).log_id
    finally:
        connection.close()
