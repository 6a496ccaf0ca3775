"""Small inputs: packed lists byte by byte, options, ids."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tree_server import TreeServer
from tests.clients import packing
from tests.clients.histories import new_tree
from tests.clients.js.running import JsError, Running

LISTS: dict[str, tuple[list[int], int, list[int] | None]] = {
    "of no integers": ([], 0, []),
    "of zeros": ([0, 1, 0b11100000], 3, [0, 0, 0]),
    "with repeats": ([2, 1, 0b10111000, 0b01000000], 4, [1, 5, 5, 5]),
    "of the last integer": ([31, 1, 0b01000000, *[255] * 3, 0b11111110], 1, [2**32 - 1]),
    "of 2^32": ([31, 1, 0b00100000, 0, 0, 0, 0], 1, None),
    "with a bit 1 too many": ([0, 1, 0b11110000], 3, None),
    "with a bit 1 too few": ([0, 1, 0b11000000], 3, None),
    "with a whole byte as padding": ([0, 2, 0b11100000, 0], 3, None),
    "with padding after the rest": ([1, 1, 0b11000000, 0b01100000], 2, None),
    "with k 32": ([32, 1, 0b10000000, 0, 0, 0, 0], 1, None),
    "without its rest": ([8, 1, 0b11000000, 1], 2, None),
    "with a length beyond its end": ([0, 9, 0b11100000], 3, None),
    "of more than it has bits": ([0, 1, 0b11111111], 2**28, None),
    "with a long first part": ([31, 200, 1, *[0] * 199, 1, 0, 0, 0, 0], 1, None),
}


@pytest.mark.parametrize("name", LISTS)
def test_ascending_lists(js: Running, name: str) -> None:
    """Lists as the page has them, byte by byte."""
    content, count, expected = LISTS[name]
    body = """
        const [{Reader}, {readAscending}] = await Promise.all(
            ['bytes', 'ascending'].map((name) => import(`${args.modules}/src/${name}.js`)));
        const reader = new Reader(Uint8Array.from(args.content), 'list');
        const list = [...readAscending(reader, args.count)];
        reader.end();
        return list;
    """
    if expected is not None:
        assert js.run(body, modules=js.modules.url, content=content, count=count) == expected
        return
    with pytest.raises(JsError) as caught:
        js.run(body, modules=js.modules.url, content=content, count=count)
    assert caught.value.code == "damaged"


def test_random_lists(js: Running) -> None:
    """Any list in any code comes back, k and extremes included."""
    rng = random.Random(5)
    lists, contents = [], []
    for k in range(32):
        numbers = sorted(rng.randrange(2 ** rng.choice([k + 1, min(32, k + 6)])) for _ in range(50))
        lists.append(numbers)
        contents.append(list(packing.ascending(numbers, k)))
    told = js.run(
        """
        const [{Reader}, {readAscending}] = await Promise.all(
            ['bytes', 'ascending'].map((name) => import(`${args.modules}/src/${name}.js`)));
        return args.contents.map((content) => [...readAscending(new Reader(Uint8Array.from(content), 'list'), 50)]);
        """,
        modules=js.modules.url, contents=contents,
    )  # fmt: skip
    assert told == lists


WRONG_OPTIONS: dict[str, Any] = {
    "no origins": {"origins": []}, "an origin that is none": {"origins": ["data"]}, "a text": {"origins": "http://x"},
    "an origin of another kind": {"origins": ["ftp://x"]}, "a query": {"origins": ["http://x/?a"]},
    "a root that is none": {"root": "abc"}, "a clock that is none": {"now": 5},
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_OPTIONS)
def test_options(js: Running, name: str) -> None:
    """What cannot be meant is a TypeError at once."""
    with pytest.raises(JsError) as caught:
        js.run("await realtube.openRecord({origins: ['http://x'], ...args})", **WRONG_OPTIONS[name])
    assert caught.value.name == "TypeError"


def test_ids(js: Running, served: TreeServer, tmp_path: Path) -> None:
    """Whatever is looked up, nothing breaks."""
    new_tree(tmp_path / "tree")
    js.open(served.url).sync()
    odd = ["", " ", "x" * 17, "__proto__", "toString", "é", "\0", "AAAAAAAAAA=", "dQw4w9WgXc\u0130"]
    assert js.lookup(odd) == [None] * len(odd)
    assert js.run("return scope.record.lookup([null, 5, {}, [], undefined])") == [None] * 5
    assert json.dumps(js.lookup(["x"])).count('"hidden": false') == 1
    with pytest.raises(JsError, match="ids is an array"):
        js.run("scope.record.lookup('dQw4w9WgXcQ')")
