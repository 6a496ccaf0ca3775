"""Why a client stopped: one exception a reason, each with the state it leaves."""

from __future__ import annotations


class ClientError(Exception):
    """Base of every expected failure of a client; the rows held before are still held."""


class SourceError(ClientError):
    """A source did not give a file.

    Attributes:
        key: place of the file under the source.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key


class Missing(SourceError):
    """The source says that it has no such file."""


class TooLarge(SourceError):
    """The file is larger than the reader allows; at most one chunk beyond the limit was read."""


class Unreachable(SourceError):
    """No answer that means anything: no connection, a timeout, a server error."""


class Malformed(ClientError):
    """A document breaks its format; the reader of the document turns this into `Refused` or `Damaged`."""


class Damaged(ClientError):
    """A file is not what the signed head says it is: this source fails now, another one may do better.

    Attributes:
        key: the file, or what was made from it.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key


class Refused(ClientError):
    """A head, or a root that it needs, must not be followed; a person should look.

    Attributes:
        code: `format`, `size`, `req`, `signature`, `root`, `gen`, `log`, `rollback` or `equivocation`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class HeldError(ClientError):
    """The destination cannot be read or written; nothing in it was changed."""


class Busy(ClientError):
    """Another sync works on the destination; nothing was read or changed."""


class VerifyError(ClientError):
    """A published tree breaks a promise of `docs/formats.md`.

    Attributes:
        key: the file, or the tick, that breaks it.
        promised: what the format, or another file, says.
        found: what is there instead.
    """

    def __init__(self, key: str, *, promised: str, found: str) -> None:
        super().__init__(f"{key}: promised {promised}; found {found}")
        self.key = key
        self.promised = promised
        self.found = found
