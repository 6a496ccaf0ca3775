"""Tokens let in whoever bears one, until they end; nothing that is stored lets anybody in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

import pytest

from data.log import schema, tokens
from data.log.tokens import UnknownToken

SECRET = bytes(range(32))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Connection]:
    """An empty log."""
    schema.create(tmp_path / "votes.db", schema.LogIdentity("0" * 32, 0))
    with closing(schema.open_for_append(tmp_path / "votes.db")) as connection:
        yield connection


def test_a_token_lets_in_from_its_first_to_its_last_millisecond(log: Connection) -> None:
    """And not one longer."""
    made, text = tokens.create(log, "moderator", "ada", secret=SECRET, created_ms=10, expires_ms=20)

    assert tokens.check(log, text, 10) == tokens.check(log, text, 19) == made
    assert tokens.check(log, text, 20) is None
    assert [made.state(now_ms) for now_ms in (19, 20)] == ["valid", "expired"]


def test_a_revoked_token_lets_nobody_in(log: Connection) -> None:
    """From the moment on; the others still do, and revoking twice changes nothing."""
    _, one = tokens.create(log, "moderator", "ada", secret=SECRET, created_ms=10, expires_ms=99)
    _, other = tokens.create(log, "maintainer", "ada", secret=SECRET[::-1], created_ms=10, expires_ms=99)

    assert [tokens.revoke(log, 1, 30), tokens.revoke(log, 1, 40)] == [True, False]
    assert tokens.check(log, one, 31) is None
    assert tokens.check(log, other, 31) is not None
    assert [token.state(31) for token in tokens.every(log)] == ["revoked", "valid"]
    assert tokens.every(log)[0].revoked_ms == 30
    with pytest.raises(UnknownToken, match="no token 3"):
        tokens.revoke(log, 3, 50)


def test_forged_tokens_let_nobody_in(log: Connection) -> None:
    """A secret is good for its own number only, and nothing near it is good at all."""
    _, text = tokens.create(log, "moderator", "ada", secret=SECRET, created_ms=10, expires_ms=99)
    _, other = tokens.create(log, "moderator", "bob", secret=SECRET[::-1], created_ms=10, expires_ms=99)
    forged = [
        "", "rt_1_", "rt_1_" + "0" * 64, text[:-1], text + "0", text.upper(), " " + text, text + "\n",
        text.replace("rt_1_", "rt_2_"), text.replace("rt_1_", "rt_01_"), text.replace("rt_1_", "rt_3_"),
        text.replace("rt_1_", "rt_9999999999999999_"), text.replace("rt_1_", "rt_99999999999999999999_"),
        text.replace("rt_1_", "rt_-1_"), text.replace("rt_1_", "rt_1 OR 1=1_"), text.replace("rt_1_", "rt_١_"),
        other.replace("rt_2_", "rt_1_"), "rt_0_" + "0" * 64,
    ]  # fmt: skip

    assert [tokens.check(log, one, 15) for one in forged] == [None] * len(forged)
    assert tokens.check(log, text, 15) is not None


def test_what_is_stored_lets_nobody_in(log: Connection, tmp_path: Path) -> None:
    """Neither the secret nor the token stands in the log's files; the hash that does is no secret."""
    _, text = tokens.create(log, "moderator", "ada", secret=SECRET, created_ms=10, expires_ms=99)
    (digest,) = log.execute("SELECT hash FROM tokens").fetchone()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("votes.db*"))

    assert digest in stored
    assert SECRET not in stored
    assert SECRET.hex().encode() not in stored
    assert text.encode() not in stored
    assert tokens.check(log, f"rt_1_{digest.hex()}", 15) is None


def test_numbers_are_not_given_again(log: Connection) -> None:
    """What somebody once held must not turn into somebody else's."""
    tokens.create(log, "moderator", "ada", secret=SECRET, created_ms=10, expires_ms=99)
    log.execute("DELETE FROM tokens")
    made, _ = tokens.create(log, "moderator", "bob", secret=SECRET, created_ms=10, expires_ms=99)

    assert made.token_id == 2


def test_roles_have_an_order(log: Connection) -> None:
    """A maintainer may do what a moderator may, and not the other way round."""
    moderator, _ = tokens.create(log, "moderator", "ada", secret=SECRET, created_ms=1, expires_ms=9)
    maintainer, _ = tokens.create(log, "maintainer", "bob", secret=SECRET, created_ms=1, expires_ms=9)

    assert [one.may("moderator") for one in (moderator, maintainer)] == [True, True]
    assert [one.may("maintainer") for one in (moderator, maintainer)] == [False, True]
