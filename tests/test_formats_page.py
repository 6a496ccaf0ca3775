"""`docs/formats.md` and the code that writes the published files say the same."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np

from data.formats import ring
from data.formats import root as roots
from data.formats.rows import Rows, encode_base, id_column
from data.records import CATEGORIES, STANCES
from publisher.research.parquet import DESCRIPTIONS
from publisher.sync.day import advance, begin
from publisher.sync.tick import EXPIRES_MS, INLINE_BYTES
from publisher.trust.changes import with_online_key
from tests.factories import HOUR_MS, START_MS, new_site, vote

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")


def first_column(section: str) -> list[str]:
    """The code words in the first column of a section's tables."""
    body = PAGE.split(f"## {section}", 1)[1].split("\n## ", 1)[0]
    cells = re.findall(r"^\| (`[^|]*) \|", body, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def published_keys(directory: Path) -> list[str]:
    """Keys of a tree of two epochs, as the code names them."""
    site = new_site(directory)
    for tick in range(3):
        site.cast(*(vote(n, f"video{tick}", "fully_ai") for n in range(4)))
        site.publish(START_MS + tick * 7 * HOUR_MS)
    root = site.home.public
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name[0] != ".")


def test_every_published_key_has_its_line(tmp_path: Path) -> None:
    """Each file of a tree matches one line of the page's tree, and each line of it has a file."""
    tree = PAGE.split("## 2. The tree", 1)[1].split("```")[1]
    lines = [line.split()[0] for line in tree.strip().splitlines()]
    fill = {"<h16>": r"[0-9a-f]{16}", "<n>": r"\d+", "<seq>": r"\d+", "<epoch>": r"\d{4}-\d{2}-\d{2}"}
    patterns = {line: re.escape(line) for line in lines}
    for name, pattern in fill.items():
        patterns = {line: text.replace(re.escape(name), pattern) for line, text in patterns.items()}
    matched = {
        key: [line for line, text in patterns.items() if re.fullmatch(text, key)] for key in published_keys(tmp_path)
    }

    assert all(len(found) == 1 for found in matched.values()), matched
    assert {line for found in matched.values() for line in found} == set(lines)


def test_head_fields(tmp_path: Path) -> None:
    """The page names exactly the fields of a head."""
    site = new_site(tmp_path)
    site.publish(START_MS)
    payload = json.loads(site.head().split(b"\n")[0])

    assert sorted(first_column("5. Head")) == sorted(payload)


def test_root_fields(tmp_path: Path) -> None:
    """The page names exactly the fields of a root."""
    root = roots.parse(new_site(tmp_path).signer.roots[1])
    changed = with_online_key(root, root.online_keys[0], created_ms=START_MS, reason="stolen")

    assert sorted(first_column("4. Root")) == sorted(json.loads(changed.payload()))


def test_base_and_block_fields() -> None:
    """The page names exactly the fields of a base and of a ring's block."""
    ids = id_column(["dQw4w9WgXcQ"])
    one = np.ones(1, np.uint8)
    rows = Rows(ids, one * 50, one)
    base = json.loads(gzip.decompress(encode_base(rows, epoch="e", seq=1, state=rows.state())))
    (member,) = ring.encode(advance(begin(rows, 1), Rows(ids, one * 51, one), 2).blocks())
    words = first_column("6. Rows, their order, their hash")

    assert set(base) <= set(words)
    assert sorted(first_column("7. Ring")) == sorted(json.loads(gzip.decompress(member)))


def test_parquet_columns() -> None:
    """The page names exactly the Parquet columns."""
    words = first_column("11. Parquet")
    spelled = [
        column
        for word in words
        for column in ([word.replace("<category>", name) for name in CATEGORIES] if "<category>" in word else [word])
    ]

    assert {*spelled, "votes_not_ai"} == set(DESCRIPTIONS)
    assert [f"votes_{name}" for name in STANCES] == [name for name in DESCRIPTIONS if name.startswith("votes_")]


def test_numbers_of_the_page() -> None:
    """The page's sizes and times are the code's."""
    assert f"at most {INLINE_BYTES:,}".replace(",", " ") in PAGE
    assert EXPIRES_MS == 24 * HOUR_MS
