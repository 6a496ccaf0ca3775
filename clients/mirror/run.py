"""Bring a mirror up to a source's newest tick: files first, then commits, then the head (formats, section 8)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clients.check_files import SUMS_KEY, parse_sums
from clients.check_shards import SUMS
from clients.choose import Choice, choose
from clients.climb import fetch_commit
from clients.decode import decode_prefix
from clients.errors import Damaged, HeldError, Malformed, Refused, SourceError
from clients.head import HEAD_KEY, FileEntry, Head, commit_key, parse_head
from clients.held import Held, locked
from clients.history.ticks import commit_before, commit_followed
from clients.mirror.disk import Disk
from clients.promises import KEY, MAX_FILE_BYTES
from clients.source import Source, open_source
from clients.strict import Fields, read_json
from clients.trust import Trust, check_signature, fingerprint_of, parse_root, read_pin, root_key

KEPT_MS = 30 * 86_400_000
"""How far back commits are copied: as far as rolls reach."""
MAX_SHARD_BYTES = 1 << 24

Progress = Callable[[int, int], None]
"""Called with the files done and the files there are."""


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """What one run did."""

    from_seq: int | None
    """The tick that was there before; None at first."""
    seq: int
    files: int
    """Files of the newest tick, shards counted."""
    fetched: int
    """Files that were not there, commits counted."""
    commits: int
    """Commits that are there now, from the newest back without a gap, 30 days at most."""
    requests: int
    bytes: int
    ts_ms: int
    next_ms: int
    stale: bool
    warnings: tuple[str, ...]


class Copy:
    """One run."""

    def __init__(self, choice: Choice, disk: Disk, progress: Progress | None) -> None:
        """Copy nothing yet."""
        self.origins, self.head, self.disk = choice.origins, choice.head, disk
        self.progress = progress
        self.fetched = self.done = self.total = 0
        self.warnings = choice.warnings

    def files(self) -> int:
        """Copy the newest tick's files, whoever of them is not there; gives their number."""
        files = self._list()
        shards: dict[str, str] = {}
        self.total = len(files)
        for key, entry in files.items():
            self._file(key, entry)
            if SUMS.fullmatch(key):
                shards = self._shards(key)
        for key, sha256 in shards.items():
            self._shard(key, sha256)
        return len(files) + len(shards)

    def _list(self) -> Mapping[str, FileEntry]:
        head = self.head
        self._file(head.list_key, head.m)
        text = self.disk.read(head.list_key)
        assert text is not None
        try:
            listed = Fields.of(read_json(text)).object("files")
            files = {key: listed.object(key) for key in listed.values}
            entries = {
                key: FileEntry(e.integer("bytes", 0, MAX_FILE_BYTES), e.hash("sha256")) for key, e in files.items()
            }
        except Malformed as error:
            raise Damaged(head.list_key, str(error)) from None
        for key in entries:
            _check_key(key, head.list_key)
        return entries

    def _file(self, key: str, entry: FileEntry) -> None:
        if not self.disk.has_entry(key, entry):
            self._put(key, self.origins.fetch(key, entry))
        self._tell()

    def _shards(self, key: str) -> dict[str, str]:
        text = self.disk.read(key)
        assert text is not None
        sums = parse_sums(key, text)
        for name in sums:
            _check_key(name, key)
        self.total += len(sums)
        return sums

    def _shard(self, key: str, sha256: str) -> None:
        def check(content: bytes) -> bytes:
            if hashlib.sha256(content).hexdigest() != sha256:
                raise Damaged(key, f"has not the hash {sha256}")
            return content

        if not self.disk.has(key, sha256):
            self._put(key, self.origins.get(key, limit_bytes=MAX_SHARD_BYTES, check=check))
        self._tell()

    def _put(self, key: str, content: bytes) -> None:
        self.disk.put(key, content)
        self.fetched += 1

    def _tell(self) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)

    def commits(self) -> int:
        """Copy the commits of the last 30 days, the oldest first, and the ring that ended the epoch before.

        Each is known by the `prev` of the one after it.
        """
        missing: list[Head] = []
        count, after = 1, self.head
        while after.prev and after.ts_ms > self.head.ts_ms - KEPT_MS:
            here, known = self._commit(after)
            if here is None:
                break
            missing += [] if known else [here]
            count, after = count + 1, here
        for head in reversed(missing):
            self._put(head.commit_key, text_of(head))
        self._last_ring()
        return count

    def _commit(self, after: Head) -> tuple[Head | None, bool]:
        """The commit before one, and whether it is here already; None where nobody has it any more."""
        key = commit_key(after.seq - 1)
        text = self.disk.read(key)
        if text is not None:
            try:
                return commit_followed(text, after), True
            except Damaged as error:
                self.warnings.append(f"replaced: {error}")
        return commit_before(self.origins, after), False

    def _last_ring(self) -> None:
        """What a client of the epoch before needs to finish it: its last commit, and that one's ring."""
        base = self.head.base
        if base.epoch == self.head.epoch:
            return
        text = self.disk.read(commit_key(base.seq))
        try:
            last = parse_head(text) if text is not None else fetch_commit(self.origins, base.seq, base.state)
            if text is None:
                self._put(last.commit_key, text_of(last))
            if last.ring and self.disk.read(last.ring_key) is None:
                ticks, size = last.seq - last.base.seq, last.ring.bytes

                def check(whole: bytes) -> bytes:
                    decode_prefix(whole, last, ticks)
                    return whole

                self._put(last.ring_key, self.origins.get(last.ring_key, limit_bytes=size, check=check))
        except (Damaged, SourceError) as error:
            self.warnings.append(f"clients of {base.epoch} will need a larger step: {error}")

    def finish(self) -> None:
        """Make the newest tick the mirror's own."""
        text = text_of(self.head)
        if self.disk.read(self.head.commit_key) != text:
            self._put(self.head.commit_key, text)
        if self.disk.read(HEAD_KEY) != text:
            self._put(HEAD_KEY, text)
        sums = "".join(f"{entry.sha256}  {key}\n" for key, entry in sorted(self._list().items())).encode()
        if self.disk.read(SUMS_KEY) != sums:
            self.disk.put(SUMS_KEY, sums)


def _entry(fields: Fields) -> FileEntry:
    return FileEntry(fields.integer("bytes", 0, MAX_FILE_BYTES), fields.hash("sha256"))


def _check_key(key: str, said_by: str) -> None:
    """A list may not lead out of the tree, nor to what is not listed anywhere."""
    if not KEY.fullmatch(key) or not key.startswith("v1/") or key == HEAD_KEY or key.startswith("v1/c/"):
        raise Damaged(said_by, f"lists {key[:100]!r}, which is no file's key")


def text_of(head: Head) -> bytes:
    """A head's bytes as they came."""
    return head.signed.core + b"".join(line + b"\n" for line in head.signed.attachments)


def held_tick(disk: Disk) -> Held | None:
    """The tick that a mirror has, and the roots that certify it; None before the first one.

    Raises:
        HeldError: when they are damaged: without them nobody could tell newer from older.
    """
    text = disk.read(HEAD_KEY)
    if text is None:
        return None
    try:
        head = parse_head(text)
        roots = [parse_root(disk.read(root_key(n)) or b"", n) for n in range(1, head.gen + 1)]
        check_signature(head, roots[-1])
    except Refused as error:
        raise HeldError(f"{disk.directory}: damaged: {error}; move it away and mirror anew") from None
    first = disk.read(root_key(1))
    assert first is not None
    return Held(Trust(fingerprint_of(first), roots[-1]), head, None)


def mirror(
    source: Source | str | Path,
    directory: str | Path,
    root: str | Path | None = None,
    *,
    progress: Progress | None = None,
    now_ms: int | None = None,
) -> MirrorReport:
    """Bring a mirror up to a source's newest tick.

    Whoever reads the mirror meanwhile sees the old tick, then the new one. Killed at any moment, the next run goes on.

    Args:
        source: the tree, which may be a mirror itself.
        directory: the mirror, which will hold `v1/`; made when it is not there.
        root: file of root 1, or its fingerprint; None keeps the mirror's, or trusts the first one seen.
        progress: told after each file.
        now_ms: the time, Unix milliseconds; None leaves staleness unknown.

    Returns:
        What was done.

    Raises:
        Refused: the source's head must not be followed; a newer tick is never replaced by an older one.
        Damaged: a file is not what the signed head says; the old tick stands.
        SourceError: a file is missing or the source does not answer; the old tick stands.
        HeldError: the directory cannot be used.
        Busy: another run works on it.
    """
    opened = open_source(source) if isinstance(source, (str, Path)) else source
    disk = Disk(Path(directory))
    requests, size = opened.requests, opened.received_bytes
    with locked(disk.private):
        held = held_tick(disk)
        choice = choose([opened], disk.private, held, read_pin(root) if root is not None else None)
        copy = Copy(choice, disk, progress)
        files = copy.files()
        commits = copy.commits()
        copy.finish()
    head = choice.head
    return MirrorReport(
        from_seq=held.head.seq if held else None,
        seq=head.seq,
        files=files,
        fetched=copy.fetched,
        commits=commits,
        requests=opened.requests - requests,
        bytes=opened.received_bytes - size,
        ts_ms=head.ts_ms,
        next_ms=head.next_ms,
        stale=now_ms is not None and head.exp_ms < now_ms,
        warnings=(*copy.warnings, *choice.origins.warnings),
    )
