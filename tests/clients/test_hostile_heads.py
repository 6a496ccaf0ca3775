"""Heads that must not be followed: a clear refusal, no traceback, and the state held before is held after."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest

from clients.errors import ClientError, Refused
from clients.reference import sync
from tests.clients.histories import TICKS_A_DAY, changed, grow, new_tree, time_of
from tests.clients.signing import ONLINE, ROOT_KEYS, Signer, canonical, root_text, sha256, sign
from tests.clients.test_reference import held_rows
from tests.clients.tree import Payload, Tree

STRANGER = Signer("stranger")


def followed(tmp_path: Path, ticks: int = 2) -> tuple[Tree, Path]:
    """A tree, and a destination at its newest tick."""
    tree, dest = new_tree(tmp_path / "tree", ticks), tmp_path / "dest"
    sync(tree.directory, dest)
    return tree, dest


def refusal(tree: Tree, dest: Path) -> Refused:
    """Sync, which must be refused and must leave the state alone."""
    before = (dest / "state").read_bytes()
    with pytest.raises(Refused) as caught:
        sync(tree.directory, dest)
    assert (dest / "state").read_bytes() == before
    return caught.value


def publish(tree: Tree, payload: Payload, *signers: Signer, context: str = "realtube/head/1") -> None:
    """Put a payload as the head, signed."""
    tree.write("v1/head", sign(context, canonical(payload), signers or (ONLINE,)))


ANY_WRONG: tuple[Any, ...] = (True, -1, 1.5, 2**53, 10**400, "", "\0", "é", "x" * 100_000, [], [[]], {}, {"seq": 1})
FIELDS = (
    "v", "req", "gen", "log", "seq", "epoch", "ts", "exp", "next", "spread", "n", "state", "base", "ring", "m",
    "epochs", "through_position", "base.seq", "base.state", "base.epoch", "ring.file", "ring.block", "ring.sizes",
    "m.file", "m.bytes", "epochs.file", "epochs.bytes",
)  # fmt: skip


def mutated(payload: Payload, field: str, value: Any) -> Payload:
    """The payload with one field replaced; `...` removes it."""
    copied = copy.deepcopy(payload)
    *outer, name = field.split(".")
    inner = copied[outer[0]] if outer else copied
    if value is ...:
        del inner[name]
    else:
        inner[name] = value
    return copied


@pytest.mark.parametrize("field", [*FIELDS, "prev"])
def test_every_field_with_a_wrong_type_or_value_is_refused(tmp_path: Path, field: str) -> None:
    """However well signed, a head with a field of a wrong type, out of its limits, or missing is refused."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    nothing = () if field in {"prev", "ring"} else (None,)
    for value in (..., *nothing, *ANY_WRONG):
        if (field, value) == ("req", []):
            continue
        publish(tree, mutated(tree.payloads[-1], field, value))
        assert refusal(tree, dest).code in {"format", "req"}, value


OPTIONAL: dict[str, list[Any]] = {
    "kill": [None, [], {}, {"file": "0" * 64}, {"file": "0" * 64, "bytes": (1 << 20) + 1}, {"file": "x", "bytes": 5}],
    "frozen": [None, True, {}, {"seq": 3, "reason": ""}, {"seq": 0, "reason": ""}, {"seq": 1, "reason": 5}],
    "note": [None, 5, ["x"]],
    "sunset": [None, "soon", {}, {"ts": -1, "see": ""}, {"ts": 5}],
}


@pytest.mark.parametrize("field", OPTIONAL)
def test_optional_fields_have_their_types(tmp_path: Path, field: str) -> None:
    """What may be missing is still read strictly when it is there."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    for value in OPTIONAL[field]:
        publish(tree, mutated(tree.payloads[-1], field, value))
        assert refusal(tree, dest).code == "format", value


RELATIONS: dict[str, tuple[str, Any]] = {
    "sizes for other ticks": ("ring.sizes", [10_000]),
    "no size at all": ("ring.sizes", [0, 0]),
    "sizes beyond all limits": ("ring.sizes", [2**53 - 1, 2**53 - 1]),
    "a giant list of sizes": ("ring.sizes", [0] * 100_000),
    "a negative size": ("ring.sizes", [-5, 5]),
    "a size that is a boolean": ("ring.sizes", [True, 5]),
    "a ring outside the tree": ("ring.file", "../../../secret000"),
    "a base of a later day": ("base.epoch", "2024-10-05"),
    "an exp that is past at once": ("exp", time_of(3)),
    "an epoch that is not the day of ts": ("epoch", "2024-10-05"),
    "a time beyond all calendars": ("ts", 2**53 - 1),
    "a base of the tick itself": ("base.seq", 3),
    "more rows than plausible": ("n", 2**40),
    "no ring although rows changed": ("ring", None),
    "no tick before": ("prev", None),
    "another format": ("v", 2),
}


@pytest.mark.parametrize("case", RELATIONS)
def test_fields_that_contradict_each_other_are_refused(tmp_path: Path, case: str) -> None:
    """A signed head whose fields cannot all be true is refused."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    publish(tree, mutated(tree.payloads[-1], *RELATIONS[case]))
    assert refusal(tree, dest).code == "format"


def line_1(text: bytes) -> bytes:
    """Signed bytes that need not be JSON."""
    return sign("realtube/head/1", text, (ONLINE,))


TEXTS: dict[str, bytes] = {
    "empty": b"",
    "only line ends": b"\n\n",
    "no signatures": b"{}\n",
    "no line end": line_1(b"{}").removesuffix(b"\n"),
    "not JSON": line_1(b"hello"),
    "an array": line_1(b"[]"),
    "not UTF-8": line_1(b'{"v":"\xff"}'),
    "UTF-16": line_1('{"v":1}'.encode("utf-16")),
    "a byte order mark": line_1(b"\xef\xbb\xbf{}"),
    "NaN": line_1(b'{"v":NaN}'),
    "infinity": line_1(b'{"v":-Infinity}'),
    "a float": line_1(b'{"v":1.0}'),
    "an exponent": line_1(b'{"v":1e3}'),
    "an endless number": line_1(b'{"v":' + b"9" * 50_000 + b"}"),
    "a field twice": line_1(b'{"v":1,"v":1}'),
    "deep arrays": line_1(b"[" * 200_000),
    "deep objects": line_1(b'{"v":' * 100_000 + b"1" + b"}" * 100_000),
    "half a surrogate in req": line_1(b'{"v":1,"req":["\\ud800"]}'),
    "signatures in an object": b"{}\n{}\n",
    "a signature without its key": b'{}\n[{"sig":"AAAA"}]\n',
    "a signature that is no base64": b'{}\n[{"key":"0123456789abcdef","sig":"*"}]\n',
    "a thousand signatures": b"{}\n[" + b",".join([b'{"key":"0123456789abcdef","sig":""}'] * 1000) + b"]\n",
    "more than a mebibyte": line_1(canonical({"v": 1, "more": "x" * (1 << 20)})),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts_that_are_no_heads_are_refused(tmp_path: Path, case: str) -> None:
    """Whatever bytes stand in the head's place, the answer is a refusal."""
    tree, dest = followed(tmp_path)
    tree.write("v1/head", TEXTS[case])
    assert refusal(tree, dest).code in {"format", "size", "req"}


def test_every_flipped_bit_of_a_head_is_refused_or_harmless(tmp_path: Path) -> None:
    """Damage in the signed lines is refused; damage in the attachment costs a ring request and nothing else."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    text = tree.read("v1/head")
    signed = len(b"".join(text.splitlines(keepends=True)[:2]))
    for at in [*range(0, signed, 11), signed - 1]:
        tree.write("v1/head", text[:at] + bytes([text[at] ^ (1 << at % 8)]) + text[at + 1 :])
        refusal(tree, dest)
    for at in range(signed, len(text), 61):
        again = tmp_path / f"at-{at}"
        tree.write("v1/head", tree.read("v1/c/2.json"))
        sync(tree.directory, again)
        tree.write("v1/head", text[:at] + bytes([text[at] ^ (1 << at % 8)]) + text[at + 1 :])
        try:
            assert sync(tree.directory, again).how == "ring"
            assert held_rows(again) == tree.rows[3]
        except Refused:  # the flip hit the line's end
            assert held_rows(again) == tree.rows[2]


def test_every_truncated_head_is_refused(tmp_path: Path) -> None:
    """A head that was cut off is no head, unless the cut left its two signed lines whole."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    text = tree.read("v1/head")
    core = len(b"".join(text.splitlines(keepends=True)[:2]))
    for length in [*range(0, len(text), 37), len(text) - 1]:
        if length != core:
            tree.write("v1/head", text[:length])
            refusal(tree, dest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":3,', b'"seq":3,"seq":3,'),
        (b'"sizes":[', b'"sizes":[0.0,'),
        (b'"spread":300000', b'"spread":NaN'),
        (b'"spread":300000', b'"spread":9007199254740992'),
        (b'"spread":300000', b'"spread":3e5'),
    ],
)
def test_payloads_that_have_two_readings_are_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    """What JSON readers disagree about is refused, even where this one could make sense of it."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    payload = canonical(tree.payloads[-1])
    assert old in payload
    tree.write("v1/head", line_1(payload.replace(old, new)))
    assert refusal(tree, dest).code == "format"
    tree.write("v1/head", line_1(payload))
    assert sync(tree.directory, dest).seq == 3


def test_a_head_that_demands_unknown_features_is_refused(tmp_path: Path) -> None:
    """`req` is how later formats keep old readers from misreading them."""
    tree, dest = followed(tmp_path)
    tree.tick(time_of(3), changed(tree.rows[2], 3), req=["teleport"])
    error = refusal(tree, dest)
    assert error.code == "req"
    assert "teleport" in str(error)


def test_unknown_fields_are_ignored(tmp_path: Path) -> None:
    """A later publisher may say more."""
    tree, dest = followed(tmp_path)
    tree.tick(time_of(3), changed(tree.rows[2], 3), mood="fine", more={"deep": [1, None, {}]})
    assert sync(tree.directory, dest).seq == 3


@pytest.mark.parametrize("case", ["nobody", "stranger", "root key", "stranger's name", "root context", "no context"])
def test_heads_without_a_valid_signature_are_refused(tmp_path: Path, case: str) -> None:
    """Only an online key of the head's root, in the context of heads, makes a head valid."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    payload = canonical(tree.payloads[-1])
    text = {
        "nobody": payload + b"\n[]\n",
        "stranger": sign("realtube/head/1", payload, [STRANGER]),
        "root key": sign("realtube/head/1", payload, ROOT_KEYS),
        "stranger's name": sign("realtube/head/1", payload, [STRANGER]).replace(
            STRANGER.key_id.encode(), ONLINE.key_id.encode()
        ),
        "root context": sign("realtube/root/1", payload, [ONLINE]),
        "no context": sign("", payload, [ONLINE]),
    }[case]
    tree.write("v1/head", text)
    assert refusal(tree, dest).code == "signature"


def test_one_valid_signature_among_others_is_enough(tmp_path: Path) -> None:
    """Signatures by unknown keys, or broken ones, neither help nor harm."""
    tree, dest = followed(tmp_path)
    grow(tree, 1)
    payload = canonical(tree.payloads[-1])
    tree.write("v1/head", sign("realtube/head/1", payload, [STRANGER, ONLINE, ROOT_KEYS[0]]))
    assert sync(tree.directory, dest).seq == 3


def test_a_rollback_is_refused(tmp_path: Path) -> None:
    """An older head of the same tree, however valid, never takes rows back."""
    tree, dest = followed(tmp_path, ticks=3)
    for seq in (1, 2):
        tree.write("v1/head", tree.read(f"v1/c/{seq}.json"))
        assert refusal(tree, dest).code == "rollback"


def test_two_versions_of_a_tick_are_refused_and_kept(tmp_path: Path) -> None:
    """The same tick with another payload is an equivocation: both signed heads are kept as evidence."""
    tree, dest = followed(tmp_path, ticks=2)
    other = new_tree(tmp_path / "other", 1)
    other.tick(time_of(2), {"forged": (99, 1)})
    assert refusal(other, dest).code == "equivocation"
    kept = sorted(path.read_bytes() for path in dest.glob("evidence-2-*.head"))
    cores = [b"".join(t.read("v1/head").splitlines(keepends=True)[:2]) for t in (tree, other)]
    assert kept == sorted(cores)


def test_a_successor_of_another_version_is_refused_and_kept(tmp_path: Path) -> None:
    """A next tick whose `prev` is not the payload held proves two versions of the tick held."""
    _, dest = followed(tmp_path, ticks=2)
    other = new_tree(tmp_path / "other", 1)
    other.tick(time_of(2), changed(other.rows[1], 99))
    grow(other, 1)
    assert refusal(other, dest).code == "equivocation"
    assert len(list(dest.glob("evidence-*.head"))) == 2


def test_another_log_is_refused(tmp_path: Path) -> None:
    """A tree made from another votes log is another tree, even under the same keys."""
    _, dest = followed(tmp_path)
    other = Tree(tmp_path / "other", log="f" * 32)
    grow(other, 4)
    assert refusal(other, dest).code == "log"


def test_a_rotated_root_is_followed_and_the_old_one_is_over(tmp_path: Path) -> None:
    """Root 2, signed by root 1's keys and its own, replaces the online key; a head under root 1 is refused after it."""
    tree, dest = followed(tmp_path, ticks=1)
    online = Signer("online 2")
    tree.write_root(2, root_text(2, online=online))
    tree.gen, tree.signer = 2, online
    grow(tree, 1)
    assert sync(tree.directory, dest).seq == 2
    tree.gen, tree.signer = 1, ONLINE
    grow(tree, 1)
    assert refusal(tree, dest).code == "gen"


ROOTS_2: dict[str, bytes] = {
    "signed by one key": root_text(2, signers=ROOT_KEYS[:1]),
    "signed twice by one key": root_text(2, signers=(ROOT_KEYS[0], ROOT_KEYS[0])),
    "signed by its own keys only": root_text(2, roots=(Signer("x"), Signer("y")), signers=(Signer("x"), Signer("y"))),
    "signed by the old keys only": root_text(2, roots=(Signer("x"), Signer("y")), signers=ROOT_KEYS[:2]),
    "another version": root_text(3),
    "not JSON": b"\n\n",
    "too large": root_text(2) + b"x" * 70_000 + b"\n",
    "an empty text": b"",
}


@pytest.mark.parametrize("case", ROOTS_2)
def test_roots_without_enough_signatures_are_refused(tmp_path: Path, case: str) -> None:
    """A thief of the online key cannot name new keys."""
    tree, dest = followed(tmp_path, ticks=1)
    tree.write("v1/root/2.json", ROOTS_2[case])
    tree.gen = 2
    grow(tree, 1)
    assert refusal(tree, dest).code == "root"


def test_a_head_under_a_root_that_is_not_there_keeps_the_state(tmp_path: Path) -> None:
    """A `gen` that nobody published ends the sync at the first missing root."""
    tree, dest = followed(tmp_path, ticks=1)
    tree.gen = 10**9
    grow(tree, 1)
    with pytest.raises(ClientError, match=r"v1/root/2\.json"):
        sync(tree.directory, dest)
    assert held_rows(dest) == tree.rows[1]


def test_only_the_pinned_root_is_trusted(tmp_path: Path) -> None:
    """FILE and FINGERPRINT pin root 1; another one is refused before anything is kept."""
    tree = new_tree(tmp_path / "tree", TICKS_A_DAY)
    text = root_text()
    pin, other = tmp_path / "1.json", tmp_path / "other.json"
    pin.write_bytes(text)
    other.write_bytes(root_text(signers=ROOT_KEYS[1:]))
    assert sync(tree.directory, tmp_path / "by-file", pin).warnings == ()
    assert sync(tree.directory, tmp_path / "by-hash", sha256(text).upper()).warnings == ()
    for wrong in (other.parent / "none.json", "0" * 64, sha256(other.read_bytes())):
        with pytest.raises(Refused) as caught:
            sync(tree.directory, tmp_path / "wrong", wrong)
        assert caught.value.code == "root"
    assert not (tmp_path / "wrong" / "state").exists()
    for wrong in ("0" * 64, other):
        with pytest.raises(Refused, match="the rows held came under"):
            sync(tree.directory, tmp_path / "by-file", wrong)


def test_a_first_root_must_be_signed_by_its_own_keys(tmp_path: Path) -> None:
    """First use is not blind: root 1 carries the signatures that its own threshold asks for."""
    tree = new_tree(tmp_path / "tree")
    for text in (root_text(signers=ROOT_KEYS[:1]), root_text(signers=(STRANGER, ROOT_KEYS[0])), b"{}\n[]\n"):
        tree.write("v1/root/1.json", text)
        with pytest.raises(Refused) as caught:
            sync(tree.directory, tmp_path / "dest", hashlib.sha256(text).hexdigest())
        assert caught.value.code == "root"
