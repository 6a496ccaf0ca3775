"""The cases: what an origin serves step by step, and what a client holds after each step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.histories import DAY_MS, History, Notices, column_of, known_key
from data.formats import signed
from data.formats.head import Frozen
from tests.clients.packing import ascending, in_order, packed, varint
from tests.clients.signing import canonical, sha256
from tests.vectors import mutations as bad
from tests.vectors.mutations import Files, Spoiled, payload_of, signed_head
from tests.vectors.story import KILLS, ROWS, START_MS, text_of, tick_of, time_of, told

Step = dict[str, Any]
HONEST = "honest"
HELD = 2
"""The tick that a client holds before it meets what is hostile, unless a case says otherwise."""
NEXT = 4
THIEF_SEQ = 1_000_000


def slug(text: str) -> str:
    """A file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@dataclass
class Vectors:
    """All files of docs/vectors, as cases ask for them."""

    history: History
    rows: list[ROWS]
    files: Files = field(default_factory=dict)
    cases: list[dict[str, Any]] = field(default_factory=list)

    def case(self, name: str, steps: Iterable[Step], **more: Any) -> None:
        """Adds a case."""
        self.cases.append({"name": name, "steps": list(steps)} | more)

    def origin(self, head: int | bytes, files: Files | None = None, name: str = "", **more: Any) -> dict[str, Any]:
        """What one origin serves: a head, the honest files, and others over them."""
        folders = [HONEST]
        if isinstance(head, bytes):
            self.files[f"heads/{slug(name)}"] = head
            place = f"heads/{slug(name)}"
        else:
            place = f"{HONEST}/v1/c/{head}.json"
        if files:
            folders.append(f"hostile/{slug(name)}")
            self.files |= {f"{folders[-1]}/{key}": body for key, body in files.items()}
        return {"folders": folders, "head": place, "missing": [], "ranges": True} | more

    def arrive(self, seq: int, *origins: dict[str, Any], **more: Any) -> Step:
        """A step after which a client holds tick `seq`, from the honest origin unless others are named."""
        return self.hold(text_of(self.history, seq), self.rows[seq], KILLS.get(seq, ()), *origins, **more)

    def hold(self, text: bytes, rows: ROWS, hidden: Iterable[str], *origins: dict[str, Any], **more: Any) -> Step:
        """A step after which a client holds the rows of a head."""
        head = payload_of(text)
        name = f"rows/{head['seq']}.json"
        table = [[video_id, *rows[video_id]] for video_id in in_order(rows)]
        self.files[name] = b"[\n" + b",\n".join(canonical(row) for row in table) + b"\n]\n"
        expected = {"seq": head["seq"], "gen": head["gen"], "n": head["n"], "state": head["state"], "rows": name}
        expected |= {"hidden": in_order(hidden), "stale": False}
        expected |= {field: head[field] for field in ("frozen", "sunset") if field in head}
        step = {"origins": list(origins) or [self.origin(head["seq"])], "now": head["ts"] + 1000}
        return step | more | {"expect": expected | more.get("expect", {})}

    def refuse(self, reason: str, *origins: dict[str, Any], now: int = 0) -> Step:
        """A step that must fail, for this reason, and leaves everything as it was."""
        return {"origins": list(origins), "now": now or time_of(NEXT), "expect": {"refused": reason}}

    def hostile(self, name: str, reason: str, spoiled: Spoiled, *, held: int | None = HELD, then: int = NEXT) -> None:
        """A case in which something must be refused; the honest tick after it is followed."""
        before = [self.arrive(held)] if held else []
        now = payload_of(text_of(self.history, then))["ts"]
        refusal = self.refuse(reason, self.origin(spoiled.head, spoiled.files, name), now=now)
        self.case(name, [*before, refusal, self.arrive(then)])


def honest(v: Vectors) -> None:
    """What every client must be able to do."""
    last = len(v.rows) - 1
    v.case("every tick", [v.arrive(seq) for seq in range(1, last + 1)])
    for seq in (1, 5, 8, 12, 18):
        v.case(f"new at tick {seq}", [v.arrive(seq)])
    lags = {
        "nothing new": (5, 5), "within a day": (1, 3), "within a day, more than the head brings": (2, 5),
        "first tick of the next day": (5, 6), "across midnight from the middle of the day": (3, 6),
        "across midnight, and on": (2, 8), "one day between": (4, 10), "some days between": (7, 12),
        "too long for a roll": (5, 14), "a new online key": (14, 17), "a frozen tick": (15, 16),
    }  # fmt: skip
    for name, (start, end) in lags.items():
        v.case(name, [v.arrive(start), v.arrive(end)])
    for start, end in ((1, 4), (2, 5), (7, 12)):
        v.case(
            f"range ignored, from {start} to {end}",
            [v.arrive(start), v.arrive(end, v.origin(end, ranges=False))],
        )
    late = time_of(5) + DAY_MS + 1
    v.case("expired", [v.arrive(5), v.arrive(5, now=late, expect={"stale": True}), v.arrive(6)])
    v.case("expired from the start", [v.arrive(5, now=late, expect={"stale": True})])
    v.case("killed list comes, changes and goes", [v.arrive(seq) for seq in (6, 7, 9, 10)])


def tolerant(v: Vectors) -> None:
    """What looks odd and must be followed."""
    text, payload = text_of(v.history, NEXT), payload_of(text_of(v.history, NEXT))
    whole = text.split(b"\n")
    small = text_of(v.history, 5).split(b"\n")
    odd = {
        "unknown fields": (NEXT, signed_head(payload | {"mood": "fine", "more": {"deep": [1, None, {}]}})),
        "further signatures": (NEXT, signed_head(payload, bad.STRANGER, bad.ONLINE, known_key(1))),
        "further lines": (5, b"\n".join([*small[:3], b"more", b"and more", b""])),
        "no block with the head": (5, b"\n".join([*small[:2], b""])),
        "another block with the head": (5, b"\n".join([*small[:2], whole[2] or b"AAAA", b""])),
    }
    for name, (seq, head) in odd.items():
        changed = payload_of(head)
        seen = {"seq": changed["seq"]}
        v.case(name, [v.arrive(HELD), v.arrive(seq, v.origin(head, name=name), expect=seen)])
    ring = bad.ring_key(payload_of(text_of(v.history, 5)))
    key = next(k for k in v.history.objects if k.endswith(".p1") and "2030-01-01" in k)
    for name, files, missing in (
        ("damaged at one origin", {key: b"x", ring: b"x"}, []),
        ("missing at one origin", {}, [key, ring]),
    ):
        first = v.origin(5, files, name, missing=missing)
        v.case(name, [v.arrive(5, first, v.origin(5))])
    v.case("one origin behind", [v.arrive(5, v.origin(2), v.origin(5)), v.arrive(5, v.origin(5), v.origin(2))])
    ring_5 = v.history.objects[ring]
    v.case(
        "ring truncated behind what is needed",
        [v.arrive(4), v.arrive(5, v.origin(5, {ring: ring_5[:2000]}, "ring truncated behind what is needed"))],
    )
    roll = next(k for k in v.history.objects if k.startswith("v1/roll/2030-01-06/2030-01-01-"))
    for name, body in (
        ("roll with another hash", b"x" * 500),
        ("tombstone in the place of a roll", bad.tombstone(v.history, roll)),
    ):
        v.case(name, [v.arrive(3), v.arrive(11, v.origin(11, {roll: body}, name))])
    v.case("roll missing", [v.arrive(3), v.arrive(11, v.origin(11, missing=[roll]))])
    v.case("commit missing", [v.arrive(3), v.arrive(6, v.origin(6, missing=["v1/c/5.json"]))])
    name = "commit of another tick"
    v.case(name, [v.arrive(3), v.arrive(6, v.origin(6, {"v1/c/5.json": text_of(v.history, 4)}, name))])
    for what, body in bad.rolls(v.rows[1], v.rows[10], 10).items():
        name = f"roll {what}"
        spoiled = bad.with_roll(v.history, 11, "2030-01-01", body)
        v.case(name, [v.arrive(3), v.arrive(11, v.origin(spoiled.head, spoiled.files, name))])


def heads(v: Vectors) -> None:
    """Heads that must be refused."""
    text = text_of(v.history, NEXT)
    payload = payload_of(text)
    for name, head in bad.signatures(text).items():
        v.hostile(name, "signature", Spoiled(head))
    for name, fields in bad.FORMATS.items():
        v.hostile(f"head: {name}", "format", Spoiled(signed_head(payload | fields)))
    v.hostile("head: a page of HTML", "format", Spoiled(b"<html>\n<p>Log in\n"))
    v.hostile("head: nothing", "format", Spoiled(b""))
    v.hostile("unknown req", "req", Spoiled(signed_head(payload | {"req": ["teleport"]})))
    v.hostile("another log", "log", Spoiled(signed_head(payload | {"log": "f" * 32})))
    v.hostile("rollback", "rollback", Spoiled(text_of(v.history, 1)))
    v.hostile("rollback with a later time", "rollback", Spoiled(signed_head(
        payload_of(text_of(v.history, 1)) | {"ts": time_of(5), "exp": time_of(5) + DAY_MS})))  # fmt: skip
    held = payload_of(text_of(v.history, HELD))
    v.hostile("equivocation: the same tick", "equivocation", Spoiled(signed_head(held | {"note": "another"})))
    after = payload_of(text_of(v.history, HELD + 1)) | {"prev": "0" * 64}
    v.hostile("equivocation: another tick before", "equivocation", Spoiled(signed_head(after)))
    v.case("another root pinned", [v.refuse("root", v.origin(1))], root="0" * 64)


def keys(v: Vectors) -> None:
    """Roots, and what a thief of the online key can do until the next one."""
    history = v.history
    root_1, root_2 = (history.objects[f"v1/root/{n}.json"] for n in (1, 2))
    under_2 = text_of(history, 17)
    one = signed.sign(root_2.split(b"\n")[0], signed.ROOT_CONTEXT, [known_key(1)])
    twice = signed.sign(root_2.split(b"\n")[0], signed.ROOT_CONTEXT, [known_key(1)] * 2)
    others = signed.sign(root_2.split(b"\n")[0], signed.ROOT_CONTEXT, [bad.STRANGER, bad.ONLINE])
    for name, body in (("root 2 signed once", one), ("root 2 signed twice by one key", twice),
                       ("root 2 signed by strangers", others), ("root 2 is root 1", root_1)):  # fmt: skip
        v.hostile(name, "root", Spoiled(under_2, {"v1/root/2.json": body}), held=16, then=17)
    missing = v.refuse("missing", v.origin(17, missing=["v1/root/2.json"]), now=time_of(17))
    v.case("root 2 missing", [v.arrive(16), missing, v.arrive(17)])
    late = signed_head(payload_of(text_of(history, 18)) | {"gen": 1})
    v.hostile("the old key after the new root", "gen", Spoiled(late), held=17, then=18)
    v.hostile(
        "the old key under the new root", "signature", Spoiled(signed_head(payload_of(under_2))), held=16, then=17
    )

    thief = told()[0]
    stolen = thief.tick(time_of(16) + 1, column_of(v.rows[16]), on=tick_of(thief, 16), seq=THIEF_SEQ)
    assert stolen.stand.head.gen == 2  # the story ends under root 2; the thief has the key before it
    far = signed_head(payload_of(stolen.text) | {"gen": 1})
    files = {key: body for key, body in thief.objects.items() if key not in history.objects and "/m/" not in key}
    name = "fast-forward, then the next root"
    forward = v.hold(far, v.rows[16], (), v.origin(far, files, name))
    v.case(name, [v.arrive(16), forward, v.arrive(17), v.refuse("gen", v.origin(far, files, name), now=time_of(17))])

    again = told()[0]
    on = tick_of(again, 15)
    frozen = Notices(frozen=Frozen(15, "the key was copied"))
    above = again.tick(time_of(17) + 1, column_of(v.rows[15]), frozen, on=on, seq=THIEF_SEQ + 2)
    more = {key: body for key, body in again.objects.items() if key not in history.objects and "/m/" not in key}
    name = "fast-forward, then above it on the last good tick"
    back = v.hold(above.text, v.rows[15], (), v.origin(above.text, more, name))
    v.case(name, [v.arrive(16), forward, back])
    v.case("given-up commits, from a tick below", [v.arrive(15), back])


def files(v: Vectors) -> None:
    """Files that are not what the head says."""
    history, five = v.history, text_of(v.history, 5)
    ring = bad.ring_key(payload_of(five))
    body = history.objects[ring]
    flipped = body[:700] + bytes([body[700] ^ 1]) + body[701:]
    for name, files_ in (("ring with a wrong bit", {ring: flipped}), ("ring truncated", {ring: body[:1000]}),
                         ("ring is an error page", {ring: b"<html>" * 3000})):  # fmt: skip
        v.case(name, [v.arrive(2), v.refuse("damaged", v.origin(5, files_, name), now=time_of(5)), v.arrive(5)])
    for what in (".p1", ".p2"):
        key = next(k for k in history.objects if k.endswith(what) and "2030-01-06" in k)
        base = history.objects[key]
        spoilt = {
            "wrong bit": base[:40] + bytes([base[40] ^ 1]) + base[41:], "truncated": base[:-5],
            "longer": base + b"x", "tombstone": bad.tombstone(history, key),
        }  # fmt: skip
        for how, content in spoilt.items():
            name = f"base {what[1:]}: {how}"
            v.case(name, [v.refuse("damaged", v.origin(12, {key: content}, name), now=time_of(12)), v.arrive(12)])
        gone = v.refuse("missing", v.origin(12, missing=[key]), now=time_of(12))
        v.case(f"base {what[1:]}: missing", [gone, v.arrive(12)])
    for name, parts in bad.bases(v.rows[10], "2030-01-06", 10).items():
        v.hostile(f"signed base: {name}", "damaged", bad.with_base(history, 12, *parts), held=None, then=12)
    bomb = bad.with_epochs_file(history, 12, packed(b" " * (3 << 20)), {})
    v.hostile("epochs file that inflates without end", "damaged", bomb, held=None, then=12)


def blocks(v: Vectors) -> None:
    """Blocks that the head vouches for, and that break their format; and heads that promise other rows."""
    numbers = v.history.ticks[1].stand.day.ids.size
    parts = bad.block_parts(v.history, 2, numbers)
    first = v.history.ticks[0].rows.ids[0].decode()
    rows = v.rows[2] | {first: (50, 1)}
    right: dict[str, Any] = {"state": column_of(rows).state(), "n": len(rows)}
    good = bad.with_block(v.history, 2, b"".join(parts.values()), **right)
    v.case("a good block", [v.arrive(2), v.arrive(3, v.origin(good.head, good.files, "a good block"), expect=right)])
    v.cases[-1]["steps"][1]["expect"]["rows"] = "rows/good-block.json"
    table = [[video_id, *rows[video_id]] for video_id in in_order(rows)]
    v.files["rows/good-block.json"] = b"[\n" + b",\n".join(canonical(row) for row in table) + b"\n]\n"
    twice = {"others": varint(1), "ids": b"\x01x", "row numbers": ascending([numbers])}
    for name, changes in (bad.BLOCKS | {"id that is there already": twice}).items():
        block = b"".join((parts | changes).values())
        # A new client reads all blocks: the chain too is one that it must not follow.
        held = None if name == "chain cut" else 2
        v.hostile(f"signed block: {name}", "damaged", bad.with_block(v.history, 2, block, **right), held=held, then=5)
    for name, wrong in (("n", {"n": right["n"] + 1}), ("state", {"state": "0" * 64})):
        spoiled = bad.with_block(v.history, 2, b"".join(parts.values()), **right | wrong)
        v.hostile(f"another {name} than the rows have", "damaged", spoiled, then=5)


def kill_lists(v: Vectors) -> None:
    """Kill lists that are none."""
    honest_list = next(body for key, body in v.history.objects.items() if key.startswith("v1/kill-"))
    lists = {
        "no object": b"[]", "another version": canonical({"v": 2, "ids": []}), "no ids": canonical({"v": 1}),
        "numbers": canonical({"v": 1, "ids": [1]}), "markup": canonical({"v": 1, "ids": ["<script>"]}),
    }  # fmt: skip
    for name, listed in lists.items():
        v.hostile(f"kill list: {name}", "damaged", bad.with_kill(v.history, 2, listed), then=5)
    key = next(key for key in v.history.objects if key.startswith("v1/kill-") and sha256(honest_list)[:16] in key)
    name = "kill list with another hash"
    v.case(
        name,
        [v.arrive(6), v.refuse("damaged", v.origin(7, {key: honest_list + b" "}, name), now=time_of(7)), v.arrive(7)],
    )
    gone = v.refuse("missing", v.origin(7, missing=[key]), now=time_of(7))
    v.case("kill list missing", [v.arrive(6), gone, v.arrive(7)])


def written() -> Iterator[tuple[str, bytes]]:
    """Every file of docs/vectors but its README."""
    history, rows = told()
    v = Vectors(history, rows)
    v.files |= {f"{HONEST}/{key}": body for key, body in history.objects.items()}
    for part in (honest, tolerant, heads, keys, files, blocks, kill_lists):
        part(v)
    names = [case["name"] for case in v.cases]
    assert len(names) == len(set(names)), names
    manifest = {"v": 1, "root": sha256(history.objects["v1/root/1.json"]), "start": START_MS}
    lines = b",\n".join(canonical(case) for case in v.cases)
    yield "vectors.json", canonical(manifest)[:-1] + b',"cases":[\n' + lines + b"\n]}\n"
    yield from sorted(v.files.items())
