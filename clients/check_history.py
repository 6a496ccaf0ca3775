"""Roots, commits and lists of files: that each tick follows from the one before (formats, sections 3, 4, 5 and 8)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from clients.errors import Malformed, Missing, VerifyError
from clients.head import HEAD_KEY, MAX_HEAD_BYTES, MAX_INLINE_BYTES, FileEntry, Head, commit_key, parse_head
from clients.kill import read_kill
from clients.promises import Shelf, check_canonical, expect, promise
from clients.strict import Fields, read_json
from clients.trust import Trust, check_signature, reach_root, root_key

LICENCE = "CC-BY-4.0"
GAP_PROBES = 64
"""How far below a missing commit a server that lists nothing is asked for older ones."""
COMMIT = re.compile(r"v1/c/([1-9]\d{0,15})\.json")
LISTED = re.compile(r"v1/(?:root/\d+\.json|.*-[0-9a-f]{16}\.[a-z0-9.]+)")
"""Files that never change: roots, and those with their hash in their name."""


@dataclass(slots=True)
class History:
    """The commits from tick 1 on, read in order."""

    shelf: Shelf
    trust: Trust
    states: dict[int, str] = field(default_factory=dict)
    """By tick."""
    newest: Head | None = None
    """The last tick that was checked."""

    def __post_init__(self) -> None:
        """Begin with root 1."""
        check_canonical(root_key(1), self.trust.root.signed.payload)
        self.shelf.roots[1] = self.trust.root

    def read_head(self) -> tuple[Head, bytes]:
        """The published head, and all roots up to its own; its signature is checked with its commit.

        Raises:
            VerifyError: when it is no head, or a root is not valid.
        """
        text = self._get(HEAD_KEY)
        with promise(HEAD_KEY, "a head of format 1"):
            head = parse_head(text)
        self.shelf.log = head.log
        for gen in range(2, head.gen + 1):
            with promise(root_key(gen), f"a valid root, as the head of tick {head.seq} has gen {head.gen}"):
                self.trust = reach_root(self.shelf.source, self.trust, gen)
            check_canonical(root_key(gen), self.trust.root.signed.payload)
            self.shelf.roots[gen] = self.trust.root
        return head, text

    def ticks(self, newest: int) -> list[int]:
        """The ticks whose commits are there, oldest first: all up to the newest, but those that were pruned.

        A hole is a broken promise, unless the commit above it has `prev` of one below: those between are given up.

        Raises:
            VerifyError: when the newest one is not there, or a hole is.
        """
        seqs: list[int] = []
        seq = newest
        while seq > 0:
            try:
                self.shelf.source.get(commit_key(seq), limit_bytes=MAX_HEAD_BYTES, prefix_bytes=1)
                seqs.append(seq)
                seq -= 1
            except Missing:
                expect(seqs, commit_key(seq), promised="the commit of the newest tick", found="none")
                older = self._below(seq)
                if not older:
                    break
                above = self._head(seqs[-1])
                seq = self._given_up(above, older)
                expect(seq, commit_key(above.seq - 1), promised=f"the commit of tick {above.seq - 1}", found="none")
        return seqs[::-1]

    def _below(self, seq: int) -> int:
        """The newest tick below a missing one whose commit is there; 0 when there is none."""
        keys = self.shelf.source.keys()
        if keys is not None:
            found: list[int] = [int(match[1]) for key in keys if (match := COMMIT.fullmatch(key))]
            return max([0, *(older for older in found if older < seq)])
        probes: list[int] = [*range(seq - 1, max(0, seq - GAP_PROBES), -1), 1]
        for probe in (number for number in probes if number < seq):
            try:
                self.shelf.source.get(commit_key(probe), limit_bytes=MAX_HEAD_BYTES, prefix_bytes=1)
            except Missing:
                continue
            return probe
        return 0

    def _given_up(self, above: Head, older: int) -> int:
        """The tick that a head continues when it leaves out the number below its own; 0 when there is none."""
        while older:
            try:
                below = self._head(older)
                if below.signed.payload_hash == above.prev:
                    return older if above.stands_alone or below.gen < above.gen else 0
            except VerifyError:
                pass  # given up, and no head
            older = self._below(older)
        return 0

    def _head(self, seq: int) -> Head:
        with promise(commit_key(seq), "a head of format 1"):
            return parse_head(self.shelf.source.get(commit_key(seq), limit_bytes=MAX_HEAD_BYTES))

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
        _check_attachments(head)
        if self.newest:
            _check_successor(self.newest, head)
        self.states[seq] = head.state
        self._check_frozen(head)
        self.newest = head
        return head, text

    def _get(self, key: str) -> bytes:
        with promise(key, "the head of the newest tick"):
            return self.shelf.source.get(key, limit_bytes=MAX_HEAD_BYTES)

    def _check_signature(self, head: Head) -> None:
        if self.newest:
            gens = f"gen {self.newest.gen} or above"
            expect(head.gen >= self.newest.gen, head.commit_key, promised=gens, found=f"gen {head.gen}")
        root = self.shelf.roots.get(head.gen)
        expect(root, head.commit_key, promised=f"gen {self.trust.root.version} or below", found=f"gen {head.gen}")
        assert root
        with promise(head.commit_key, "a signature by an online key of its root"):
            check_signature(head, root)

    def _check_frozen(self, head: Head) -> None:
        if head.frozen and head.frozen.seq in self.states:
            state = self.states[head.frozen.seq]
            promised = f"the rows of tick {head.frozen.seq}, {state}, as it is frozen"
            expect(head.state == state, head.commit_key, promised=promised, found=head.state)


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
    promised = f"prev {before.signed.payload_hash}, the payload of tick {before.seq}"
    expect(head.prev == before.signed.payload_hash, key, promised=promised, found=head.prev)
    expect(head.ts_ms > before.ts_ms, key, promised=f"a ts after {before.ts_ms}", found=head.ts_ms)
    expect(
        head.through_position >= before.through_position,
        key,
        promised=f"through_position {before.through_position} or above",
        found=head.through_position,
    )
    if head.seq > before.seq + 1 and head.stands_alone:
        expect(
            head.base.state == before.state,
            key,
            promised=f"a base of the rows of tick {before.seq}, {before.state}",
            found=head.base.state,
        )
        return
    if head.epoch == before.epoch:
        same = (head.base, head.epochs) == (before.base, before.epochs)
        expect(same, key, promised=f"base and epochs file of tick {before.seq}", found=f"{head.base}, {head.epochs}")
        return
    expect(
        (head.base.seq, head.base.epoch, head.base.state) == (before.seq, before.epoch, before.state),
        key,
        promised=f"the rows of tick {before.seq} as the new epoch's base, {before.state}",
        found=f"tick {head.base.seq} of {head.base.epoch}, {head.base.state}",
    )


def read_list(shelf: Shelf, head: Head) -> dict[str, FileEntry] | None:
    """A tick's list of files, every file of it checked; None when the list is not there.

    Raises:
        VerifyError: when the list or a file on it breaks a promise, or a file that the head names is not on it.
    """
    key = head.list_key
    try:
        shelf.source.get(key, limit_bytes=head.m.bytes, prefix_bytes=1)
    except Missing:
        return None
    text = shelf.fetch(key, head.m, head.commit_key)
    check_canonical(key, text)
    with promise(key, "a list of files"):
        fields = Fields.of(read_json(text))
        fields.integer("v", 1, 1)
        fields.integer("seq", head.seq, head.seq)
        licence, learned = fields.text("licence"), fields.integers("round")
        listed = fields.object("files")
        files = {name: _entry(listed.object(name)) for name in listed.values}
        if len(learned) != 2:
            raise Malformed(f"round must be a position and a time, found {learned}")
    expect(licence == LICENCE, key, promised=LICENCE, found=licence)
    expect(
        learned[0] <= head.through_position and learned[1] <= head.ts_ms,
        key,
        promised=f"a round up to position {head.through_position} and time {head.ts_ms}",
        found=learned,
    )
    for name, entry in files.items():
        expect(LISTED.fullmatch(name), key, promised="keys of roots, or with the hash in the name", found=name)
        shelf.check(name, entry, key)
    _check_named(shelf, head, files)
    return files


def _check_named(shelf: Shelf, head: Head, files: dict[str, FileEntry]) -> None:
    """What the head names is on the list."""
    key = head.list_key
    roots = {root_key(gen) for gen in range(1, head.gen + 1)}
    expect(roots <= set(files), key, promised=f"roots 1 to {head.gen}", found=sorted(roots - set(files)))
    expect(
        files.get(head.epochs_key) == head.epochs,
        key,
        promised=f"the epochs file {head.epochs}",
        found="another, or none",
    )
    if head.ring:
        entry = files.get(head.ring_key)
        expect(entry and entry.bytes == head.ring.bytes, key, promised=f"the ring {head.ring_key}", found=entry)
    if head.kill:
        expect(
            files.get(head.kill_key) == head.kill, key, promised=f"the kill list {head.kill}", found="another, or none"
        )
        text = shelf.fetch(head.kill_key, head.kill, key)
        check_canonical(head.kill_key, text)
        with promise(head.kill_key, "a kill list"):
            read_kill(text)


def _entry(fields: Fields) -> FileEntry:
    return FileEntry(fields.integer("bytes"), fields.hash("sha256"))
