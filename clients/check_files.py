"""Files that no head names: the checksums for people, and what a directory holds besides (formats, section 2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from clients.errors import Missing
from clients.head import HEAD_KEY, FileEntry
from clients.promises import H16, KEY, MAX_FILE_BYTES, Shelf, expect, promise

SUMS_KEY = "SHA256SUMS"
MAX_SUMS_BYTES = 1 << 24
SUMS_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S+)")


def read_sums(shelf: Shelf) -> dict[str, str] | None:
    """The checksums by key; None where there are none.

    Raises:
        VerifyError: when a line is none that `sha256sum -c` reads.
    """
    with promise(SUMS_KEY, f"at most {MAX_SUMS_BYTES} bytes"):
        try:
            text = shelf.source.get(SUMS_KEY, limit_bytes=MAX_SUMS_BYTES)
        except Missing:
            return None
    return parse_sums(SUMS_KEY, text)


def parse_sums(key: str, text: bytes) -> dict[str, str]:
    """Checksums by key.

    Raises:
        VerifyError: when a line is none that `sha256sum -c` reads.
    """
    expect(text.endswith(b"\n"), key, promised="a line end after each line", found="none after the last one")
    lines = text.decode("ascii", "replace").split("\n")[:-1]
    matches = [SUMS_LINE.fullmatch(line) for line in lines]
    for line, match in zip(lines, matches, strict=True):
        expect(match, key, promised="lines of a hash, two blanks, a key", found=repr(line[:100]))
    return {match[2]: match[1] for match in matches if match}


def check_sums(shelf: Shelf, sums: Mapping[str, str], recent: Iterable[Mapping[str, FileEntry]]) -> None:
    """Check that the checksums are right, and those of one of the newest ticks.

    Args:
        shelf: the published files.
        sums: what `read_sums` gave.
        recent: the lists of files of the ticks that they may belong to.

    Raises:
        VerifyError: when a file is missing or has another hash, or a tick's files are not all there.
    """
    for key, sha256 in sums.items():
        expect(KEY.fullmatch(key), SUMS_KEY, promised="keys of this tree", found=key[:100])
        if key == HEAD_KEY:
            continue  # it may have moved on since
        if key not in shelf.checked:
            shelf.read(key, MAX_FILE_BYTES, f"a file, by {SUMS_KEY}")
            shelf.forget_content()
        found = shelf.checked[key].sha256
        expect(found == sha256, key, promised=f"the hash {sha256}, by {SUMS_KEY}", found=found)
    complete = any(set(files) <= set(sums) for files in recent)
    expect(complete, SUMS_KEY, promised="all files of the newest tick, or of the one before", found=f"{len(sums)} keys")


def check_directory(shelf: Shelf, keys: Iterable[str]) -> int:
    """Check every file that has a hash in its name, listed or not.

    Returns:
        How many files no list names: of publishes that did not end, for instance.

    Raises:
        VerifyError: when the bytes of one do not have the hash in its name.
    """
    others = 0
    for key in sorted(keys):
        if key in shelf.checked or not H16.search(key):
            continue
        shelf.read(key, MAX_FILE_BYTES, "a file that was listed")
        shelf.forget_content()
        others += 1
    return others
