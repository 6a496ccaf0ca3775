"""What every check of a published tree uses: its files, read once, and the complaint about a broken promise."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from clients.decode import inflate
from clients.errors import ClientError, Damaged, Malformed, Missing, Refused, TooLarge, VerifyError
from clients.head import FileEntry
from clients.signed import TOMBSTONE_CONTEXT, split_signed
from clients.source import Source
from clients.strict import read_json
from clients.trust import Root

KEY = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""No empty, hidden or parent segment: a key cannot leave the tree."""
H16 = re.compile(r"-([0-9a-f]{16})\.[a-z0-9.]+$")
GZIP_TIME = slice(4, 8)
"""Where a gzip member says when it was made."""
MAX_FILE_BYTES = 1 << 34
MAX_TOMBSTONE_BYTES = 1 << 16


def expect(holds: object, key: str, *, promised: str, found: object) -> None:
    """Complain unless a promise holds.

    Raises:
        VerifyError: when `holds` is false.
    """
    if not holds:
        raise VerifyError(key, promised=promised, found=str(found))


@contextlib.contextmanager
def promise(key: str, promised: str) -> Iterator[None]:
    """Turn what a reader complains about into a broken promise; a source that does not answer stays `Unreachable`."""
    try:
        yield
    except (Damaged, Malformed, Missing, Refused, TooLarge) as error:
        raise VerifyError(key, promised=promised, found=str(error)) from None


def check_canonical(key: str, text: bytes) -> None:
    """Check that a JSON document is canonical (RFC 8785).

    Raises:
        VerifyError: when it is not.
    """
    with promise(key, "canonical JSON"):
        value = read_json(text)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        expect(again == text, key, promised="canonical JSON", found="the same document in another form")


def inflated(key: str, packed: bytes, limit_bytes: int) -> bytes:
    """Inflate one gzip member and check its form.

    Raises:
        VerifyError: when it is none, or carries a time.
    """
    with promise(key, "gzip of one document"):
        text = inflate(packed, limit_bytes)
    expect(not any(packed[GZIP_TIME]), key, promised="a gzip modification time of 0", found=packed[GZIP_TIME].hex())
    return text


class Tombstoned(ClientError):
    """The file is not there any more: a valid tombstone is."""


@dataclass(slots=True)
class Shelf:
    """The published files, each checked when it is first read."""

    source: Source
    roots: dict[int, Root] = field(default_factory=dict)
    """All roots, by version: who may sign tombstones."""
    log: str = ""
    """Id of the votes log, once it is known."""
    checked: dict[str, FileEntry] = field(default_factory=dict)
    """What was found under each key so far: no key may ever hold other bytes. A tombstone says what was there."""
    tombstones: set[str] = field(default_factory=set)
    held: dict[str, bytes] = field(default_factory=dict)
    """Files of the tick at hand."""

    def read(self, key: str, limit_bytes: int, promised: str, expected: str = "") -> bytes:
        """Read a file and note it; of a tombstone in its place, what was there.

        Args:
            key: the file.
            limit_bytes: its most bytes.
            promised: what it is, for messages.
            expected: how its hash must begin; without it the hash in its name counts.

        Raises:
            VerifyError: when it is not there, too large, or its name has another hash.
        """
        with promise(key, promised):
            content = self.source.get(key, limit_bytes=max(limit_bytes, MAX_TOMBSTONE_BYTES))
        sha256 = hashlib.sha256(content).hexdigest()
        named = H16.search(key)
        if not sha256.startswith(expected or (named[1] if named else "")):
            buried = self._tombstone(key, content)
            expect(buried, key, promised=f"the hash {expected or 'in its name'}, or a valid tombstone", found=sha256)
            assert buried
            self.checked[key] = buried
            self.tombstones.add(key)
            return b""
        self.checked[key] = FileEntry(len(content), sha256)
        return content

    def _tombstone(self, key: str, content: bytes) -> FileEntry | None:
        """What a valid tombstone says was there (formats, section 15); None for anything else."""
        try:
            signed = split_signed(content)
            fields = signed.fields()
            fields.integer("v", 1, 1)
            fields.integer("ts")
            fields.text("reason")
            root = self.roots.get(fields.integer("gen", 1))
            entry = FileEntry(fields.integer("bytes"), fields.hash("sha256"))
            valid = fields.text("key") == key and fields.text("log") == self.log and root is not None
        except Malformed:
            return None
        if not valid or root is None:
            return None
        signers = signed.signers(TOMBSTONE_CONTEXT, root.online.keys)
        return entry if len(signers) >= root.online.threshold else None

    def fetch(self, key: str, entry: FileEntry, said_by: str) -> bytes:
        """The bytes of a file of the tick at hand, read at most once.

        Args:
            key: the file.
            entry: size and hash that it must have.
            said_by: the file that says so, for the message.

        Raises:
            VerifyError: when it is not there or is another file.
            Tombstoned: when a tombstone stands in its place.
        """
        self.check(key, entry, said_by)
        if key in self.tombstones:
            raise Tombstoned(key)
        if key not in self.held:
            self.held[key] = self.read(key, min(entry.bytes, MAX_FILE_BYTES), f"a file, by {said_by}")
        return self.held[key]

    def check(self, key: str, entry: FileEntry, said_by: str) -> None:
        """Check a file's size and hash; its bytes are kept when this is the first look at it.

        Raises:
            VerifyError: when it is not there or is another file.
        """
        expect(KEY.fullmatch(key), key[:200], promised=f"a key of the tree, by {said_by}", found="another name")
        if key not in self.checked:
            self.held[key] = self.read(key, min(entry.bytes, MAX_FILE_BYTES), f"a file, by {said_by}")
        found = self.checked[key]
        promised = f"{entry.bytes} bytes with the hash {entry.sha256}, by {said_by}"
        expect(found == entry, key, promised=promised, found=f"{found.bytes} bytes with the hash {found.sha256}")

    def forget_content(self) -> None:
        """Let go of the bytes of the tick at hand."""
        self.held.clear()
