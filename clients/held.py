"""The state that a client holds between two syncs: one file, replaced in one step."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clients.errors import Busy, HeldError, Malformed, Refused
from clients.head import Head, parse_head
from clients.kill import Kill, read_kill
from clients.rows import ID_BYTES, EpochRows, NumberedRows
from clients.strict import HASH, Fields, read_json
from clients.trust import Trust, parse_root

STATE_FILE = "state"
LOCK_FILE = "lock"
TEMPORARY = ".tmp"
VERSION = 2
ROW_BYTES = ID_BYTES + 3
BASE_ROW_BYTES = 2
"""The base's ids are the first ones of the rows."""
MAX_HEADER_BYTES = 1 << 23


ADVICE = "remove it and sync again, with --root so that the tree is still the one you trust"


@dataclass(frozen=True, slots=True)
class Held:
    """What one tick left a client with."""

    trust: Trust
    head: Head
    """The newest head followed, without its attachments."""
    rows: EpochRows | None
    """None when they were damaged on disk; trust, head and kill list still stand."""
    kill: Kill | None = None


@contextlib.contextmanager
def locked(dest: Path) -> Iterator[None]:
    """Own a destination, made when it is not there.

    Raises:
        Busy: when somebody else owns it.
        HeldError: when it cannot be made or written.
    """
    try:
        dest.mkdir(parents=True, exist_ok=True)
        lock = os.open(dest / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise HeldError(f"{dest}: expected a directory to write to: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Busy(f"{dest}: another sync works on it; wait for it") from None
    finally:
        os.close(lock)


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place in one step: a crash leaves the old one or the new one.

    Raises:
        HeldError: when it cannot be written; the old one stands.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the new name itself must outlive a power cut
        finally:
            os.close(folder)
    except OSError as error:
        raise HeldError(f"{path}: cannot be written: {error.strerror}") from None


def write_held(dest: Path, held: Held) -> None:
    """Replace the state; the caller owns the destination.

    Raises:
        HeldError: when it cannot be written; the old state stands.
    """
    assert held.rows is not None
    rows, base = held.rows.now, held.rows.base
    columns = (rows.ids, rows.scores, rows.flags, rows.alive, base.scores, base.flags)
    body = b"".join(column.tobytes() for column in columns)
    header = {
        "v": VERSION,
        "root_1": held.trust.root_1,
        "gen": held.trust.root.version,
        "root": held.trust.root.signed.core.decode("utf-8"),
        "head": held.head.signed.core.decode("utf-8"),
        "kill": held.kill.text.decode("ascii") if held.kill else None,
        "numbers": rows.numbers,
        "base": base.numbers,
        "body": hashlib.sha256(body).hexdigest(),
    }
    line = json.dumps(header).encode("ascii")
    check = hashlib.sha256(line).hexdigest().encode("ascii")
    write_whole(dest / STATE_FILE, line + b"\n" + check + b"\n" + body)


def read_held(dest: Path) -> Held | None:
    """The state in a destination; None where there is none yet.

    Damaged rows come back as None in a `Held`, so that the roots and the newest head seen are not forgotten.

    Raises:
        HeldError: when the state cannot be read, or its first lines are damaged.
    """
    path = dest / STATE_FILE
    try:
        with path.open("rb") as file:
            line, check, body = file.readline(MAX_HEADER_BYTES), file.readline(80), file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HeldError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        if hashlib.sha256(line.removesuffix(b"\n")).hexdigest().encode("ascii") + b"\n" != check:
            raise Malformed("its first line has not the hash in its second")
        fields = Fields.of(read_json(line))
        if fields.integer("v", 1) != VERSION:
            raise HeldError(f"{path}: was left by another version of this program (format {fields.any('v')}); {ADVICE}")
        root = parse_root(fields.text("root").encode("utf-8"), fields.integer("gen", 1))
        trust = Trust(fields.text("root_1", HASH), root)
        head = parse_head(fields.text("head").encode("utf-8"))
        kill = None if fields.any("kill") is None else read_kill(fields.text("kill").encode("ascii", "replace"))
        counts = fields.integer("numbers"), fields.integer("base", 0, fields.integer("numbers"))
        return Held(trust, head, _rows(body, *counts, fields.hash("body")), kill)
    except (Malformed, Refused) as error:
        raise HeldError(f"{path}: damaged: {error}; {ADVICE}") from None


def _rows(body: bytes, numbers: int, base: int, expected: str) -> EpochRows | None:
    if len(body) != numbers * ROW_BYTES + base * BASE_ROW_BYTES or hashlib.sha256(body).hexdigest() != expected:
        return None
    ids = np.frombuffer(body, "S16", numbers)
    rest = np.frombuffer(body, np.uint8, offset=numbers * ID_BYTES)
    scores, flags, alive, base_scores, base_flags = np.split(
        rest, [numbers, 2 * numbers, 3 * numbers, 3 * numbers + base]
    )
    return EpochRows(
        base=NumberedRows(ids[:base], base_scores, base_flags, np.ones(base, np.bool_)),
        now=NumberedRows(ids, scores, flags, alive.view(np.bool_)),
    )


def keep_evidence(dest: Path, held: Head, received: Head) -> tuple[Path, Path]:
    """Keep two signed heads that contradict each other; the caller owns the destination.

    Returns:
        The two files, named by tick and payload hash.

    Raises:
        HeldError: when they cannot be written.
    """
    paths = []
    for head in (held, received):
        path = dest / f"evidence-{head.seq}-{head.signed.payload_hash[:16]}.head"
        write_whole(path, head.signed.core)
        paths.append(path)
    return paths[0], paths[1]
