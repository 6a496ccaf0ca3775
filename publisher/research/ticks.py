"""The history of ticks, as the commits and the lists of files tell it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from data.formats import files
from data.formats.head import File, Head, parse
from data.formats.tree import FormatError, commit_key, files_key, rfc3339, seq_of_verdicts, sha256
from publisher.store import Store
from publisher.sync.published import commits_in, verdict_files

SCHEMA = pa.schema({
    "seq": pa.int64(), "published_at": pa.string(), "epoch": pa.string(), "published_videos": pa.int64(),
    "changed": pa.int64(), "log_rows": pa.int64(), "through_position": pa.int64(), "files": pa.int64(),
    "bytes": pa.int64(), "payload_sha256": pa.string(),
})  # fmt: skip


def ticks(store: Store, newest: int, *, progress: Callable[[str, int, int], None]) -> pa.Table:
    """The `ticks` table.

    Args:
        store: The published tree.
        newest: Number of the newest tick.
        progress: Called with what is going on, how much is done, and of how much.

    Returns:
        One row for each tick from 1 on; `changed`, `files` and `bytes` are null where the files are gone.

    Raises:
        FormatError: A commit is missing or malformed.
    """
    return pa.Table.from_pylist(list(_rows(store, newest, progress)), SCHEMA)


def _rows(store: Store, newest: int, progress: Callable[[str, int, int], None]) -> Iterator[dict[str, object]]:
    before: Mapping[str, File] = {}
    position = 0
    texts = _chain(store, newest, progress)
    for done, text in enumerate(texts):
        progress("reading ticks", done, len(texts))
        head, envelope = parse(text)
        seq = head.seq
        listing = store.read(files_key(seq, head.files.sha256))
        listed = {} if listing is None else files.parse(listing).files
        created = [file.bytes for key, file in listed.items() if key not in before]
        yield {
            "seq": seq,
            "published_at": rfc3339(head.ts),
            "epoch": head.epoch,
            "published_videos": head.n,
            "changed": _changed(store, head, listed),
            "log_rows": head.through_position - position,
            "through_position": head.through_position,
            "files": len(created) + 2 if listed else None,  # the list and the commit stand in no list
            "bytes": sum(created) + head.files.bytes + len(text) if listed else None,
            "payload_sha256": sha256(envelope.payload),
        }
        before, position = listed, head.through_position


def _chain(store: Store, newest: int, progress: Callable[[str, int, int], None]) -> list[bytes]:
    """The commits from tick 1 on, each named by the next one; those that a rollback gave up are left out."""
    numbers = sorted(number for number in commits_in(store) if number <= newest)
    texts: list[bytes] = []
    wanted: str | None = None
    for done, seq in enumerate(reversed(numbers)):
        progress("reading commits", done, len(numbers))
        text = store.read(commit_key(seq)) or b""
        payload = text.partition(b"\n")[0]
        if seq == newest or sha256(payload) == wanted:
            texts.append(text)
            wanted = parse(text)[0].prev
    if wanted is not None or not texts:
        raise FormatError(
            f"a commit is missing: tick {parse(texts[-1])[0].seq if texts else newest} has none before it"
        )
    return texts[::-1]


def _changed(store: Store, head: Head, listed: Mapping[str, File]) -> int | None:
    """How many verdicts the tick changed: all of them in tick 1, which has no file of changes."""
    if not listed:
        return None
    keys = [key for key in verdict_files(listed) if head.seq == 1 or "/videos-delta-" in key]
    own = [key for key in keys if seq_of_verdicts(key) == head.seq]
    bodies = [store.read(key) for key in own]
    if None in bodies:
        return None
    return sum(int(pq.read_metadata(io.BytesIO(body)).num_rows) for body in bodies if body is not None)
