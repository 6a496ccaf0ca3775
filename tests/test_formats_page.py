"""`docs/formats.md` and the code that writes the published files say the same."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.formats import base, ring
from data.formats import root as roots
from data.formats.files import FileList
from data.formats.head import File
from data.formats.rows import Rows, id_column
from data.records import CATEGORIES, STANCES
from publisher.research.channels import COLUMNS as CHANNEL_COLUMNS
from publisher.research.parquet import DESCRIPTIONS
from publisher.sync.day import advance, begin
from publisher.sync.tick import EXPIRES_MS, INLINE_BYTES
from publisher.trust.changes import with_online_key
from tests.factories import HOUR_MS, START_MS, new_site, vote

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")

KILL = "v1/kill-<h16>.json"
ROWS = Rows(id_column(["dQw4w9WgXcQ"]), np.full(1, 50, np.uint8), np.ones(1, np.uint8))


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
    """Each file of a tree matches one line of the page's tree; each line has a file, the optional one excepted."""
    tree = PAGE.split("## 2. The tree", 1)[1].split("```")[1]
    lines = [line.split()[0] for line in tree.strip().splitlines()]
    fill = {
        "<h16>": r"[0-9a-f]{16}",
        "<from>": r"\d{4}-\d{2}-\d{2}",
        "<prefix>": r"([0-9a-f]{1,3}|all)",
        "<n>": r"\d+",
        "<seq>": r"\d+",
        "<epoch>": r"\d{4}-\d{2}-\d{2}",
    }
    patterns = {line: re.escape(line) for line in lines}
    for name, pattern in fill.items():
        patterns = {line: text.replace(re.escape(name), pattern) for line, text in patterns.items()}
    matched = {
        key: [line for line, text in patterns.items() if re.fullmatch(text, key)] for key in published_keys(tmp_path)
    }

    assert all(len(found) == 1 for found in matched.values()), matched
    assert {line for found in matched.values() for line in found} == {*lines} - {KILL}


def test_head_fields(tmp_path: Path) -> None:
    """The page names exactly the fields of a head, and says which are optional."""
    site = new_site(tmp_path)
    site.publish(START_MS)
    there = json.loads(site.head().split(b"\n")[0])
    section = PAGE.split("## 5. Head", 1)[1]
    optional = re.findall(r"^\| `(\w+)` \| [^|]+ \| optional: ", section, re.MULTILINE)

    assert sorted(first_column("5. Head")) == sorted([*there, *optional])
    assert optional == ["kill", "frozen", "note", "sunset"]


def test_root_fields(tmp_path: Path) -> None:
    """The page names exactly the fields of a root."""
    root = roots.parse(new_site(tmp_path).signer.roots[1])
    changed = with_online_key(root, root.online_keys[0], created_ms=START_MS, reason="stolen")

    assert sorted(first_column("4. Root")) == sorted(json.loads(changed.payload()))


def test_base_fields() -> None:
    """The page names exactly the fields of both forms of a base."""
    p1, _ = base.encode_packed(ROWS, epoch="e", seq=1, state="s")
    as_json = gzip.decompress(base.encode_json(ROWS, epoch="e", seq=1, state="s"))
    both = {*json.loads(p1.split(b"\n")[0]), *json.loads(as_json)}

    assert both == set(first_column("6. Rows, their order, their hash"))


def test_block_fields() -> None:
    """The page names exactly the fields of a JSON block."""
    member = ring.encode_json(advance(begin(ROWS, 1), replace(ROWS, scores=ROWS.scores + 1), 2).blocks())

    assert sorted(first_column("7. Ring")) == sorted(json.loads(gzip.decompress(member)))


def test_list_fields() -> None:
    """The page spells a list of files."""
    spelled = (
        '{"v": 1, "seq": SEQ, "licence": "CC-BY-4.0", "round": [POSITION, MS], '
        '"files": {KEY: {"bytes": N, "sha256": HASH}}}'
    )
    listed = json.loads(FileList(7, 5, 6, {"key": File("hash", 9)}).encode())
    plain = spelled.replace("SEQ", "7").replace("POSITION, MS", "5, 6").replace("KEY", '"key"')

    assert f"`{spelled}`" in PAGE
    assert listed == json.loads(plain.replace("N,", "9,").replace("HASH", '"hash"'))


def test_epochs_fields(tmp_path: Path) -> None:
    """The page names exactly the fields of an epochs file."""
    site = new_site(tmp_path)
    site.publish(START_MS)
    (path,) = (site.home.public / "v1").glob("epochs-*")
    there = json.loads(gzip.decompress(path.read_bytes()))

    assert sorted(first_column("12. Epochs and rolls")) == sorted(there)
    for field in (*there["base"], *there["shards"]):
        assert f"`{field}`" in PAGE


def test_parquet_columns() -> None:
    """The page names exactly the Parquet columns, of verdicts and of channels."""
    words = first_column("11. Parquet")
    spelled = [
        column
        for word in words
        for column in ([word.replace("<category>", name) for name in CATEGORIES] if "<category>" in word else [word])
    ]

    assert sorted([*spelled, "votes_not_ai"]) == sorted([*DESCRIPTIONS, *CHANNEL_COLUMNS])
    assert [f"votes_{name}" for name in STANCES] == [name for name in DESCRIPTIONS if name.startswith("votes_")]


def test_numbers_of_the_page() -> None:
    """The page's sizes and times are the code's."""
    assert f"at most {INLINE_BYTES:,}".replace(",", " ") in PAGE
    assert EXPIRES_MS == 24 * HOUR_MS
