"""Lines on stderr, one object of JSON each, written by a thread of their own: a reader that hangs holds nobody up."""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import orjson

from data.formats.tree import rfc3339

MOST_WAITING = 10_000
"""Lines that may wait; further ones are dropped and counted."""
LAST_WORDS_S = 2.0
"""So long the end of the process waits for a reader."""
SECRET = re.compile(r"[0-9A-Fa-f]{32,}")
"""A voter's id or a key that found its way into a message."""
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
Fields = Mapping[str, Any]
Write = Callable[[bytes], object]


def as_json(fields: Fields) -> bytes:
    """One object on one line."""
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def as_text(fields: Fields) -> bytes:
    """For people: time, level, message, then the rest; what would break a line is written out."""
    first = [str(fields[name]) for name in ("at", "level", "event") if name in fields]
    rest = [f"{name}={value}" for name, value in fields.items() if name not in {"at", "level", "event"}]
    said = " ".join([*first, *rest])
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in said).encode() + b"\n"


class Lines:
    """Takes lines from any thread and writes them in their order."""

    def __init__(self, write: Write, now_ms: Callable[[], int], shape: Callable[[Fields], bytes] = as_json) -> None:
        """Takes where to write, the clock (Unix milliseconds) and the shape of a line; starts the writing thread."""
        self._write, self._now_ms, self._shape = write, now_ms, shape
        self._gate = threading.Condition(threading.Lock())
        self._waiting: deque[tuple[int, Fields]] = deque()
        self._closing = False
        self.dropped = 0
        """Lines for which there was no room."""
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
        self._thread.start()

    def put(self, level: str, event: str, **fields: Any) -> None:
        """Writes a line, soon."""
        with self._gate:
            if len(self._waiting) >= MOST_WAITING:
                self.dropped += 1
                return
            self._waiting.append((self._now_ms(), {"level": level, "event": event, **fields}))
            if len(self._waiting) == 1:
                self._gate.notify()

    def close(self) -> None:
        """Writes what waits, as long as a reader takes it."""
        with self._gate:
            self._closing = True
            self._gate.notify()
        self._thread.join(LAST_WORDS_S)

    def _run(self) -> None:
        while True:
            with self._gate:
                while not self._waiting and not self._closing:
                    self._gate.wait()
                taken, self._waiting = self._waiting, deque()
                closing = self._closing
            try:
                self._write(b"".join(self._shape({"at": rfc3339(at_ms), **fields}) for at_ms, fields in taken))
            except OSError:  # nobody reads any more
                with self._gate:
                    self.dropped += len(taken)
            if closing:
                return


class LogLines(logging.Handler):
    """Gives what is logged to the lines; a traceback becomes part of its one line."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        said: dict[str, Any] = {"logger": record.name, "message": _without_secrets(record.getMessage())}
        if request_id := REQUEST_ID.get():
            said["id"] = request_id
        if record.exc_info and record.exc_info[0]:
            said["traceback"] = _without_secrets("".join(traceback.format_exception(*record.exc_info)))
        self._lines.put(record.levelname.lower(), "log", **said)


def take_over(lines: Lines) -> None:
    """Lets everything that this process logs, and what ends a thread, become lines."""
    root = logging.getLogger()
    root.handlers[:] = [LogLines(lines)]

    def thread_ended(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None:
            found = (ended.exc_type, ended.exc_value, ended.exc_traceback)
            logging.getLogger("thread").critical("a thread ended", exc_info=found)

    threading.excepthook = thread_ended
    logging.captureWarnings(capture=True)


def to_stderr(written: bytes) -> None:
    """Writes all of it."""
    sys.stderr.buffer.write(written)
    sys.stderr.buffer.flush()


def _without_secrets(text: str) -> str:
    return SECRET.sub("[removed]", text)
