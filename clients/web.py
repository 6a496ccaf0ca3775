"""A tree behind a web server or a CDN."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from clients.errors import Missing, TooLarge, Unreachable

TIMEOUT_S = 30.0
"""How long a server may be silent."""
SLOWEST_BYTES_PER_S = 4096
"""A download slower than this over its whole length is given up: a server may not hold a client for ever."""
CHUNK_BYTES = 1 << 16
NOT_THERE = frozenset({403, 404, 410})
"""Object stores answer 403 for a missing file to whoever may not list."""
CONTENT_RANGE = re.compile(r"bytes 0-\d+/(?:\d+|\*)")


class Body(Protocol):
    """What is used of an answer."""

    def read1(self, n: int, /) -> bytes:
        """At most `n` bytes from one receive; empty at the end."""


@dataclass(slots=True)
class HttpSource:
    """Files by HTTP GET, unpacked by nobody on the way."""

    where: str
    """The address, without a slash at its end."""
    clock: Callable[[], float] | None = None
    on_chunk: Callable[[str, int, int | None], None] | None = None
    timeout_s: float = TIMEOUT_S
    requests: int = 0
    received_bytes: int = 0

    def keys(self) -> Iterator[str] | None:
        """None: web servers do not list."""
        return None

    def get(self, key: str, *, limit_bytes: int, prefix_bytes: int | None = None, fresh: bool = False) -> bytes:
        """Read one file, or its beginning; see `Source.get`.

        A server that ignores the Range and answers with the whole file is read up to the prefix and then left.
        """
        self.requests += 1
        try:
            request = self._request(key, prefix_bytes, fresh)
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:  # noqa: S310 - as in _request
                if prefix_bytes is not None:
                    self._check_range(key, answer.status, answer.headers.get("Content-Range", ""))
                    return self._read(key, answer, _length(answer), min(prefix_bytes, limit_bytes))
                content = self._read(key, answer, _length(answer), limit_bytes + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise _failure(key, error.code) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise Unreachable(key, f"{self.where} does not answer: {reason or type(error).__name__}") from None
        if len(content) > limit_bytes:
            raise TooLarge(key, f"larger than the {limit_bytes} bytes that it may have")
        return content

    def _request(self, key: str, prefix_bytes: int | None, fresh: bool) -> urllib.request.Request:
        # Only v1/compat/ may carry a Content-Encoding; asked for as stored, no proxy inflates it on the way.
        encoding = "gzip" if key.startswith("v1/compat/") else "identity"
        address = f"{self.where}/{key}"
        request = urllib.request.Request(address, headers={"Accept-Encoding": encoding})  # noqa: S310 - http(s) only
        if prefix_bytes is not None:
            request.add_header("Range", f"bytes=0-{prefix_bytes - 1}")
        if fresh:
            request.add_header("Cache-Control", "no-cache")
        return request

    def _check_range(self, key: str, status: int, content_range: str) -> None:
        if status == 206 and not CONTENT_RANGE.fullmatch(content_range):
            raise Unreachable(key, f"asked for the beginning, was given {content_range[:60]!r}")

    def _read(self, key: str, answer: Body, length: int | None, wanted: int) -> bytes:
        expected = wanted if length is None else min(length, wanted)
        began_s = self.clock() if self.clock else 0.0
        received = bytearray()
        while len(received) < wanted:
            chunk = answer.read1(min(CHUNK_BYTES, wanted - len(received)))
            if not chunk:
                break
            received += chunk
            self.received_bytes += len(chunk)
            if self.on_chunk:
                self.on_chunk(key, len(received), length)
            if self.clock and self.clock() - began_s > self.timeout_s + len(received) / SLOWEST_BYTES_PER_S:
                raise Unreachable(key, f"slower than {SLOWEST_BYTES_PER_S} bytes a second")
        if length is not None and len(received) < expected:
            raise Unreachable(key, f"the connection ended after {len(received)} of {length} bytes")
        return bytes(received)


def _length(answer: http.client.HTTPResponse) -> int | None:
    return answer.length


def _failure(key: str, status: int) -> Missing | Unreachable:
    if status in NOT_THERE:
        return Missing(key, f"not there (HTTP {status})")
    return Unreachable(key, f"the server answers HTTP {status}")
