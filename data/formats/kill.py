"""Kill lists (`docs/formats.md`, section 14): ids to hide at once, whatever their rows say."""

from __future__ import annotations

from collections.abc import Collection

import orjson

from data.formats.rows import id_column, order
from data.formats.tree import FormatError, canonical
from data.records import VIDEO_ID

MOST_BYTES = 1 << 20


def encode(ids: Collection[str]) -> bytes:
    """Writes a kill list.

    Raises:
        FormatError: It would be larger than clients take.
    """
    column = id_column(list(ids))
    body = canonical({"v": 1, "ids": [one.decode() for one in column[order(column)].tolist()]})
    if len(body) > MOST_BYTES:
        raise FormatError(f"a kill list of {len(ids):,} ids has {len(body):,} bytes, clients take {MOST_BYTES:,}")
    return body


def parse(body: bytes) -> frozenset[str]:
    """Reads a kill list.

    Raises:
        FormatError: It is malformed.
    """
    try:
        ids = orjson.loads(body)["ids"]
        if not all(VIDEO_ID.fullmatch(one) for one in ids):
            raise ValueError("an id is none")
        return frozenset(ids)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"a kill list cannot be read: {error!r}") from error
