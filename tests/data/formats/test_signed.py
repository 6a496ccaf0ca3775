"""Signed texts, roots and heads."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import rfc8785

from data.formats import head, root, signed
from data.formats.head import Base, File, Frozen, Head, Ring, Sunset
from data.formats.root import Root
from data.formats.tree import FormatError, canonical
from tests.factories import private_key

ONLINE = private_key(9)
ROOT_KEYS = [private_key(n) for n in (1, 2, 3)]
ROOT = Root(1, 1000, tuple(signed.public_bytes(k) for k in ROOT_KEYS), 2, (signed.public_bytes(ONLINE),))
HASH = "0123456789abcdef" * 4
HEAD = Head(
    gen=1, log="ab" * 16, seq=7, epoch="2026-11-21", ts=1, exp=2, next=3, spread=4, n=5, state=HASH,
    base=Base(5, "2026-11-20", HASH), ring=Ring(HASH[:16], HASH, (0, 3)), epochs=File(HASH, 10), files=File(HASH, 20),
    prev=None, through_position=99,
)  # fmt: skip


def test_payloads_are_canonical_json() -> None:
    """What we sign is RFC 8785, as an independent implementation writes it."""
    for payload in (HEAD.payload(), ROOT.payload(), canonical({"b": [1, {"z": None, "a": True}], "a": "x"})):
        assert payload == rfc8785.dumps(json.loads(payload))


def test_head_reads_back() -> None:
    """A head holds exactly what it was made of, with a ring and without."""
    told = replace(HEAD, kill=File(HASH, 2), frozen=Frozen(5, "a «pause»"), note="", sunset=Sunset(9, "https://x.test"))
    for made in (HEAD, replace(HEAD, ring=None), told):
        read, _ = head.parse(signed.sign(made.payload(), signed.HEAD_CONTEXT, [ONLINE]))
        assert read == made


def test_what_is_not_set_is_absent() -> None:
    """Optional fields that are not set do not stand in the payload."""
    assert {"kill", "frozen", "note", "sunset"} & set(json.loads(HEAD.payload())) == set()


def test_ring_key_names_the_newest_block() -> None:
    """The ring's key has the tick of its newest block, which may be older than the head."""
    assert HEAD.ring_key() == "v1/e/2026-11-21/ring-6-0123456789abcdef.bin"
    assert replace(HEAD, ring=None).ring_key() is None


def test_root_certifies_the_online_key_only() -> None:
    """A head signed by the online key holds; one signed by a root key, or for another purpose, does not."""
    payload = HEAD.payload()
    for key, context, holds in (
        (ONLINE, signed.HEAD_CONTEXT, True),
        (ONLINE, signed.ROOT_CONTEXT, False),
        (ROOT_KEYS[0], signed.HEAD_CONTEXT, False),
    ):
        assert ROOT.certifies_head(signed.parse(signed.sign(payload, context, [key]))) is holds


def test_changed_payload_does_not_hold() -> None:
    """One changed character of a payload breaks its signature."""
    text = signed.sign(HEAD.payload(), signed.HEAD_CONTEXT, [ONLINE]).replace(b'"seq":7', b'"seq":8')

    assert not ROOT.certifies_head(signed.parse(text))


@pytest.mark.parametrize(
    ("signers", "holds"), [([0, 1], True), ([1, 2], True), ([0], False), ([0, 0], False), ([], False)]
)
def test_root_needs_two_of_three(signers: list[int], holds: bool) -> None:
    """Two different root keys make a root; one of them, even twice, does not."""
    text = signed.sign(ROOT.payload(), signed.ROOT_CONTEXT, [ROOT_KEYS[n] for n in signers])
    if holds:
        assert root.parse(text) == ROOT
        return
    with pytest.raises(FormatError, match="needs 2 signatures"):
        root.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"{}\n",
        b"{}\nnot json\n",
        b"{}\n{}\n",
        b'{}\n[{"key":1}]\n',
        b"[]\n[]\n",
        b"nothing\n[]\n",
        b'{"v":1,"req":[]}\n[]\n',
        b'{"v":1,"req":["newer"]}\n[]\n',
        b'{"v":2,"req":[]}\n[]\n',
        HEAD.payload() + b"\n[]",
        HEAD.payload().replace(b'"base":{', b'"base":null,"x":{') + b"\n[]\n",
        HEAD.payload().replace(b'"sizes":[0,3]', b'"sizes":[3]') + b"\n[]\n",
        HEAD.payload().replace(b'"sizes":[0,3]', b'"sizes":[0,0]') + b"\n[]\n",
        HEAD.payload().replace(b'"sizes":[0,3]', b'"sizes":[-1,3]') + b"\n[]\n",
        HEAD.payload().replace(b'"log":', b'"kill":null,"log":') + b"\n[]\n",
    ],
)
def test_malformed_heads_are_refused(text: bytes) -> None:
    """What is no head of this format is refused with a reason, never with a crash."""
    with pytest.raises(FormatError):
        head.parse(text)


def test_newer_head_says_so() -> None:
    """A head that needs an unknown feature names it."""
    with pytest.raises(FormatError, match=r"newer reader.*\['packed'\]"):
        head.parse(b'{"v":1,"req":["packed"]}\n[]\n')
