"""Roots, commits and lists of files: that each tick follows from the one before (formats, sections 3, 4, 5 and 8)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from clients.head import HEAD_KEY, MAX_HEAD_BYTES, MAX_INLINE_BYTES, Head, parse_head
from clients.promises import FileEntry, Shelf, check_canonical, expect, promise
from clients.strict import Fields, read_json
from clients.trust import Root, Trust, check_signature, reach_root, root_key

LICENCE = "CC-BY-4.0"
LISTED = re.compile(r"v1/(?:root/\d+\.json|.*[-/][0-9a-f]{16}\.[a-z0-9.]+)")
"""Files that never change: roots, and those with their hash in their name."""


@dataclass(slots=True)
class History:
    """The commits from tick 1 on, read in order."""

    shelf: Shelf
    trust: Trust
    roots: dict[int, Root] = field(default_factory=dict)
    newest: Head | None = None
    """The last tick that was checked."""

    def __post_init__(self) -> None:
        """Begin with root 1."""
        check_canonical(root_key(1), self.trust.root.signed.payload)
        self.roots[1] = self.trust.root

    def read_head(self) -> tuple[Head, bytes]:
        """The published head; its signature is checked with its commit.

        Raises:
            VerifyError: when it is no head.
        """
        text = self._get(HEAD_KEY)
        with promise(HEAD_KEY, "a head of format 1"):
            return parse_head(text), text

    def read_tick(self, seq: int) -> tuple[Head, bytes]:
        """Check the next commit against the one before it.

        Raises:
            VerifyError: when it breaks a promise; it is not the newest then.
        """
        key = f"v1/c/{seq}.json"
        text = self.shelf.read(key, MAX_HEAD_BYTES, f"the commit of tick {seq}")
        with promise(key, "a head of format 1"):
            head = parse_head(text)
        expect(head.seq == seq, key, promised=f"tick {seq}", found=f"tick {head.seq}")
        self._check_signature(head)
        check_canonical(key, head.signed.payload)
        _check_payload(head)
        _check_attachments(head)
        if self.newest:
            _check_successor(self.newest, head)
        self.newest = head
        return head, text

    def _get(self, key: str) -> bytes:
        with promise(key, "the head of the newest tick"):
            return self.shelf.source.get(key, limit_bytes=MAX_HEAD_BYTES)

    def _check_signature(self, head: Head) -> None:
        if self.newest:
            gens = f"gen {self.newest.gen} or above"
            expect(head.gen >= self.newest.gen, head.commit_key, promised=gens, found=f"gen {head.gen}")
        while max(self.roots) < head.gen:
            gen = max(self.roots) + 1
            with promise(root_key(gen), f"a valid root, as the head of tick {head.seq} has gen {head.gen}"):
                self.trust = reach_root(self.shelf.source, self.trust, gen)
            check_canonical(root_key(gen), self.trust.root.signed.payload)
            self.roots[gen] = self.trust.root
        with promise(head.commit_key, "a signature by an online key of its root"):
            check_signature(head, self.roots[head.gen])


def _check_payload(head: Head) -> None:
    """What a client need not check, but a publisher promises."""
    fields, key = head.signed.fields(), head.commit_key
    with promise(key, "every field of section 5"):
        reserved = [fields.any("kill"), fields.any("sunset")]
        expect(reserved == [None, None], key, promised="null in kill and sunset", found=reserved)
        expect(fields.text("licence") == LICENCE, key, promised=LICENCE, found=fields.text("licence"))
    expect(head.exp_ms > head.ts_ms, key, promised=f"an exp after {head.ts_ms}", found=head.exp_ms)


def _check_attachments(head: Head) -> None:
    """The newest block stands in line 3 when this tick has one and it is small, and only then."""
    size = head.ring.sizes[0] if head.ring else 0
    lines = len(head.signed.attachments)
    if not 0 < size <= MAX_INLINE_BYTES:
        expect(lines == 0, head.commit_key, promised="two lines: no small block is new", found=f"{lines + 2}")
        return
    promised = f"the block of {size} bytes as line 3"
    found = "another line" if lines else "two lines"
    expect(lines == 1 and head.inline_block is not None, head.commit_key, promised=promised, found=found)


def _check_successor(before: Head, head: Head) -> None:
    key = head.commit_key
    expect(head.log == before.log, key, promised=f"the votes log {before.log}", found=head.log)
    expect(
        head.prev == before.signed.payload_hash,
        key,
        promised=f"prev {before.signed.payload_hash}, the payload of tick {before.seq}",
        found=head.prev,
    )
    expect(head.ts_ms > before.ts_ms, key, promised=f"a ts after {before.ts_ms}", found=head.ts_ms)
    expect(
        head.through_position >= before.through_position,
        key,
        promised=f"through_position {before.through_position} or above",
        found=head.through_position,
    )
    if head.epoch == before.epoch:
        expect(head.base == before.base, key, promised=f"the base of tick {before.seq}", found=head.base)
        return
    expect(
        (head.base.seq, head.base.state) == (before.seq, before.state),
        key,
        promised=f"the rows of tick {before.seq} as the new epoch's base, {before.state}",
        found=f"tick {head.base.seq}, {head.base.state}",
    )


def read_list(shelf: Shelf, head: Head) -> dict[str, FileEntry]:
    """A tick's list of files, every file of it checked.

    Raises:
        VerifyError: when the list or a file on it breaks a promise, or the base or the ring is not on it.
    """
    key = head.list_key
    text = shelf.fetch(key, FileEntry(head.m.bytes, head.m.file), head.commit_key)
    check_canonical(key, text)
    with promise(key, "a list of files"):
        fields = Fields.of(read_json(text))
        fields.integer("v", 1, 1)
        fields.integer("seq", head.seq, head.seq)
        listed = fields.object("files")
        files = {name: _entry(listed.object(name)) for name in listed.values}
    for name, entry in files.items():
        expect(LISTED.fullmatch(name), key, promised="keys of roots, or with the hash in the name", found=name)
        shelf.check(name, entry, key)
    base = FileEntry(head.base.bytes, head.base.file)
    expect(files.get(head.base_key) == base, key, promised=f"the base {base}", found=files.get(head.base_key))
    if head.ring:
        ring = files.get(head.ring.name)
        expect(ring and ring.bytes == head.ring.bytes, key, promised=f"the ring {head.ring.name}", found=ring)
    return files


def _entry(fields: Fields) -> FileEntry:
    return FileEntry(fields.integer("bytes"), fields.hash("sha256"))
