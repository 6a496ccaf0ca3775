"""Network tokens: which votes came from one network, without keeping any address.

A token is an HMAC of the address block under a key that is replaced and destroyed every 30 days: then nobody, we
included, can tell which block a token stood for, nor link a network's votes across the change.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

PERIOD_MS = 30 * 86_400_000
KEY_BYTES = 32
TOKEN_BYTES = 16
IPV4_BLOCK_BYTES, IPV6_UNIT_BYTES, IPV6_BLOCK_BYTES = 3, 8, 6
IPV4_MAPPED = bytes(10) + b"\xff\xff"
"""How an IPv4 address starts when it is written as an IPv6 one."""


class NetworkKeyError(Exception):
    """The key file cannot be read or replaced; no token was made."""


class Networks:
    """Turns addresses into tokens under the key of the running period."""

    def __init__(self, path: Path, draw: Callable[[int], bytes]) -> None:
        """Takes the key file, which is made when it is missing or its period is over.

        Args:
            path: Holds the number of a 30-day period since 1970 and its key, readable by its owner only.
            draw: Gives that many random bytes.
        """
        self._path = path
        self._draw = draw
        self._lock = threading.Lock()
        self._period = -1
        self._key = b""

    def token(self, address: str, now_ms: int) -> str:
        """The token of the network that an address belongs to, 32 hex digits; empty when it is no address.

        Raises:
            NetworkKeyError: A new period has begun and its key cannot be stored.
        """
        block = address_block(address)
        if not block:
            return ""
        period = now_ms // PERIOD_MS
        if period != self._period:
            with self._lock:
                self._enter(period)
        return hmac.digest(self._key, block, hashlib.sha256)[:TOKEN_BYTES].hex()

    def _enter(self, period: int) -> None:
        if period == self._period:
            return
        try:
            key = _read(self._path, period) or _replace(self._path, period, self._draw(KEY_BYTES))
        except OSError as error:
            raise NetworkKeyError(f"{self._path} cannot be stored ({error}): check the home") from error
        self._key, self._period = key, period


def address_block(address: str) -> bytes:
    """The /24 of an IPv4 address or the /48 of an IPv6 address, empty when it is neither."""
    return address_unit(address)[1]


def address_unit(address: str) -> tuple[bytes, bytes]:
    """What one subscriber has, and the block of their network; both empty when it is no address.

    Of IPv4 these are the address and its /24; of IPv6, of which a subscriber has a /64 at least, the /64 and the /48.
    """
    try:
        if ":" not in address:
            packed = socket.inet_pton(socket.AF_INET, address)
            return packed, packed[:IPV4_BLOCK_BYTES]
        packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):
        return b"", b""
    if packed.startswith(IPV4_MAPPED):
        packed = packed[len(IPV4_MAPPED) :]
        return packed, packed[:IPV4_BLOCK_BYTES]
    return packed[:IPV6_UNIT_BYTES], packed[:IPV6_BLOCK_BYTES]


def client_address(peer: str, forwarded_for: str, trusted_hops: int) -> str:
    """The address of whoever sent a request.

    Args:
        peer: The address that the connection came from.
        forwarded_for: `X-Forwarded-For`, to which each proxy has appended the address that it saw.
        trusted_hops: How many proxies stand before this server; what clients wrote further left is not read.
    """
    if trusted_hops == 0:
        return peer
    seen = forwarded_for.split(",")
    return seen[-trusted_hops].strip() if len(seen) >= trusted_hops else peer


def _read(path: Path, period: int) -> bytes:
    try:
        number, _, key = path.read_text(encoding="ascii").strip().partition(" ")
        return bytes.fromhex(key) if int(number) == period and len(key) == 2 * KEY_BYTES else b""
    except (FileNotFoundError, ValueError):
        return b""


def _replace(path: Path, period: int, key: bytes) -> bytes:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{period} {key.hex()}\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    return key
