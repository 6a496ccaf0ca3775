"""Names for voters that give nobody's id away."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Callable

import numpy as np

from data.home import Home
from data.log import lookup
from publisher import keys

PSEUDONYM_CONTEXT = b"realtube/pseudonym/1"


def pseudonyms_of(home: Home, log: sqlite3.Connection) -> Callable[[int], str]:
    """Names voters by a keyed hash of their id, under a secret that never leaves the home."""
    secret = hmac.digest(keys.read(home.online_key).private_bytes_raw(), PSEUDONYM_CONTEXT, hashlib.sha256)

    def pseudonym(voter: int) -> str:
        voter_id = lookup.voter_ids(log, np.array([voter], np.int32))[voter]
        return hmac.digest(secret, voter_id.encode(), hashlib.sha256).hex()[:12]

    return pseudonym
