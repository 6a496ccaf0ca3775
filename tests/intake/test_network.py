"""Network tokens tell votes of one network apart from others', and nothing else."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from data.records import NETWORK
from intake.network import PERIOD_MS, NetworkKeyError, Networks, address_block, client_address

NOW_MS = 1_790_000_000_000


def keys() -> Callable[[int], bytes]:
    """Draws keys that differ: first 0101…, then 0202…."""
    drawn = iter(range(1, 100))
    return lambda size: bytes([next(drawn)]) * size


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.7", b"\xcb\x00\x71"),
        ("::ffff:203.0.113.9", b"\xcb\x00\x71"),
        ("2001:db8:1:2::3", b"\x20\x01\x0d\xb8\x00\x01"),
        ("fe80::1%eth0", b"\xfe\x80\x00\x00\x00\x00"),
        ("", b""),
        ("unknown", b""),
        ("203.0.113", b""),
        ("203.0.113.7:80", b""),
        ("1\x00.2.3.4", b""),
        (":\x00:", b""),
        ("256.1.1.1", b""),
        ("ä", b""),
    ],
)
def test_blocks(address: str, block: bytes) -> None:
    """A /24 of IPv4, however it is written, a /48 of IPv6; anything else is no network."""
    assert address_block(address) == block


@pytest.mark.parametrize(
    ("forwarded", "hops", "address"),
    [
        ("9.9.9.9", 0, "127.0.0.1"),
        ("203.0.113.7", 1, "203.0.113.7"),
        ("9.9.9.9, 203.0.113.7", 1, "203.0.113.7"),
        ("9.9.9.9, 203.0.113.7, 10.0.0.1", 2, "203.0.113.7"),
        ("203.0.113.7", 2, "127.0.0.1"),
        ("", 1, ""),
    ],
)
def test_only_trusted_proxies_say_where_a_request_comes_from(forwarded: str, hops: int, address: str) -> None:
    """What a client writes into X-Forwarded-For is never read."""
    assert client_address("127.0.0.1", forwarded, hops) == address


def test_one_network_has_one_token(tmp_path: Path) -> None:
    """Addresses of one block share a token, others do not; the log accepts it; no address has none."""
    networks = Networks(tmp_path / "network-key", keys())
    one, same, other = (networks.token(address, NOW_MS) for address in ("203.0.113.7", "203.0.113.8", "203.0.114.7"))

    assert one == same != other
    assert NETWORK.fullmatch(one)
    assert networks.token("unknown", NOW_MS) == ""


def test_a_restart_keeps_the_token_and_30_days_end_it(tmp_path: Path) -> None:
    """The key lives in the home for one period; then it is replaced, in a running server too, and gone."""
    path = tmp_path / "network-key"
    networks = Networks(path, keys())
    first = networks.token("203.0.113.7", NOW_MS)
    old_key = path.read_text().split()[1]
    later_ms = NOW_MS + PERIOD_MS

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Networks(path, keys()).token("203.0.113.7", NOW_MS + 1) == first
    second = networks.token("203.0.113.7", later_ms)
    assert second != first
    assert Networks(path, keys()).token("203.0.113.7", later_ms) == second
    assert all(old_key not in file.read_text() for file in tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "nonsense", "3 zz", f"{NOW_MS // PERIOD_MS} 0102", "\xff"])
def test_a_damaged_key_file_is_replaced(tmp_path: Path, text: str) -> None:
    """A key file that does not hold this period's key is made anew."""
    path = tmp_path / "network-key"
    path.write_text(text, encoding="latin-1")

    assert Networks(path, keys()).token("203.0.113.7", NOW_MS)
    assert path.read_text() == f"{NOW_MS // PERIOD_MS} {'01' * 32}\n"


def test_a_home_that_cannot_keep_the_key_is_told(tmp_path: Path) -> None:
    """Without a place for the key there is no token, and the message says what to do."""
    with pytest.raises(NetworkKeyError, match="check the home"):
        Networks(tmp_path / "missing" / "network-key", keys()).token("203.0.113.7", NOW_MS)
