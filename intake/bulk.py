"""Imports files of votes: batch by batch into the log, bad rows into a reject file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from data.input.textlines import InputFileError
from data.input.votebatch import Reject, VoteBatch
from data.log import bulk
from data.log.append import Appender

PRIVATE = 0o600
"""Rejected lines hold voter ids, which are credentials."""
SHOWN = 5
"""How many bad rows of a file a person is shown; the reject file has all."""


@dataclass(slots=True)
class FileReport:
    """What became of a file's rows."""

    file: str
    stored: int = 0
    already_there: int = 0
    """Rows whose voter, video, time and categories a stored vote has."""
    rejected: int = 0
    rejects_file: str | None = None
    """Where the rejected rows are; None when there are none, and for a dry run."""
    error: str | None = None
    """Why the file was not read to its end; the rows counted here stand."""
    first_rejects: list[Reject] = field(default_factory=list)
    """The first few bad rows, for people."""


@dataclass(slots=True)
class RejectFile:
    """Writes rejects as NDJSON `{file, line, reason, text}`; the file is made, or emptied, at the first one."""

    path: Path
    begun: bool = False

    def write(self, source: str, rejects: Sequence[Reject]) -> None:
        """Adds the rejects of one file.

        Raises:
            OSError: The reject file cannot be written.
        """
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if self.begun else os.O_TRUNC)
        with os.fdopen(os.open(self.path, flags, PRIVATE), "wb") as file:
            os.fchmod(file.fileno(), PRIVATE)  # an older file may have been readable by others
            for reject in rejects:
                entry = {"file": source, "line": reject.line, "reason": reject.reason, "text": reject.text}
                file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
        self.begun = True


def import_file(
    name: str,
    batches: Iterable[VoteBatch],
    *,
    appender: Appender | None,
    rejects: RejectFile | None,
    seen: Callable[[VoteBatch], None],
) -> FileReport:
    """Appends a file's batches, each in one transaction: stopped anywhere, the next import of the file completes it.

    Args:
        name: What reports call the file.
        batches: Of `votefile.read`.
        appender: Of the log, or None to check the rows only: then every good row counts as stored.
        rejects: Where bad rows go, or None to count them only.
        seen: Called with each batch after its commit.

    Raises:
        sqlite3.OperationalError: The log was locked too long, or the disk is full; the batches before are stored.
    """
    report = FileReport(name)
    try:
        for batch in batches:
            imported = bulk.Imported(len(batch), 0) if appender is None else bulk.append(appender, batch)
            report.stored += imported.stored
            report.already_there += imported.already_there
            report.rejected += len(batch.rejects)
            report.first_rejects += batch.rejects[: SHOWN - len(report.first_rejects)]
            if rejects is not None and batch.rejects:
                rejects.write(name, batch.rejects)
                report.rejects_file = str(rejects.path)
            seen(batch)
    except InputFileError as error:
        report.error = str(error)
    return report
