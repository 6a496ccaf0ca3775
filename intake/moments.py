"""Reads times as clients write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+ -]\d\d:\d\d)", re.ASCII)
SCHEMA: dict[str, Any] = {
    "type": "string", "format": "date-time", "pattern": f"^[ \\t\\r\\n]*{RFC_3339.pattern}[ \\t\\r\\n]*$",
    "examples": ["1970-01-01T00:00:00.000Z"],
}  # fmt: skip
"""The JSON Schema of what `milliseconds` reads, blanks around it allowed."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(text: str) -> int | None:
    """Reads an RFC 3339 time, of any offset and with any fraction, as Unix milliseconds; None when it is none.

    The "+" of an offset may have become a space: that is how a query reads when a client did not escape it.
    """
    if not RFC_3339.fullmatch(text):
        return None
    clock = text[11:].upper().replace(" ", "+")
    try:
        return (datetime.fromisoformat(f"{text[:10]}T{clock}") - EPOCH) // timedelta(milliseconds=1)
    except ValueError:
        return None
