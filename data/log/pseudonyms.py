"""Names for voters that give nobody's id away. A home and what is restored from its backups give the same ones."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable

import numpy as np

from data.log import lookup
from data.log.schema import LogError

DIGITS = 12
PSEUDONYM = re.compile(rf"[0-9a-f]{{{DIGITS}}}", re.ASCII)
KEY = "SELECT key FROM pseudonym_key"
EVERYBODY = "SELECT voter_id FROM voters"


def pseudonyms_of(log: sqlite3.Connection) -> Callable[[int], str]:
    """Names voters by key: a keyed hash of their id, under a secret that stands in the log and nowhere else.

    Raises:
        LogError: The log was not brought up to date yet.
    """
    name = naming(log)
    return lambda voter: name(lookup.voter_ids(log, np.array([voter], np.int32))[voter])


def naming(log: sqlite3.Connection) -> Callable[[str], str]:
    """Names voters by id; see `pseudonyms_of`."""
    try:
        ((key,),) = log.execute(KEY).fetchall()
    except (sqlite3.OperationalError, ValueError) as error:
        raise LogError("the votes log is of an earlier version: `realtube token list` brings it up to date") from error

    def name(voter_id: str) -> str:
        return hashlib.blake2b(voter_id.encode(), key=key, digest_size=DIGITS // 2).hexdigest()

    return name


def known_as(log: sqlite3.Connection, pseudonym: str) -> list[str]:
    """The ids of all voters with this name: one, or none, or once in a very long time two. Asks for every voter."""
    name = naming(log)
    return [voter_id for (voter_id,) in log.execute(EVERYBODY) if name(voter_id) == pseudonym]
