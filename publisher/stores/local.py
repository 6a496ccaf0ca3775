"""A store in a local directory, served by any file server."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from publisher.store import AlreadyThere, Artifact, Listed, StoreError, SwapLost, Tagged

UNFINISHED = ".new"


class LocalStore:
    """Objects as files below a directory; what a crash leaves are files named `*.new`, which nobody reads."""

    def __init__(self, directory: Path) -> None:
        """Takes the directory that holds (or will hold) `v1/`."""
        self.directory = directory

    def read(self, key: str) -> bytes | None:
        """See `Store.read`."""
        with _failures(key):
            try:
                return self._path(key).read_bytes()
            except FileNotFoundError:
                return None

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        with _failures(key):
            try:
                return self._path(key).stat().st_size
            except FileNotFoundError:
                return None

    def create(self, artifact: Artifact) -> None:
        """See `Store.create`."""
        path = self._path(artifact.key)
        with _failures(artifact.key):
            if path.exists():  # an interrupted run left it: done if the bytes are ours
                self._must_hold(path, artifact)
                return
            unfinished = self._write(path, artifact.body)
            try:
                os.link(unfinished, path)  # fails when the name exists: two publishers cannot both create it
            except FileExistsError:
                self._must_hold(path, artifact)
            finally:
                unfinished.unlink()
            _sync_directory(path.parent)

    def read_tagged(self, key: str) -> Tagged | None:
        """See `Store.read_tagged`."""
        body = self.read(key)
        return None if body is None else Tagged(body, hashlib.sha256(body).hexdigest())

    def swap(self, artifact: Artifact, tag: str | None) -> None:
        """See `Store.swap`."""
        with _failures(artifact.key), self._lock():
            there = self.read_tagged(artifact.key)
            if (there.tag if there else None) != tag:
                raise SwapLost(f"{artifact.key} was moved by another publisher")
            self.replace(artifact)

    def replace(self, artifact: Artifact) -> None:
        """See `Store.replace`."""
        path = self._path(artifact.key)
        with _failures(artifact.key):
            os.replace(self._write(path, artifact.body), path)
            _sync_directory(path.parent)

    def keys(self, prefix: str) -> Iterator[Listed]:
        """See `Store.keys`."""
        with _failures(prefix):
            for folder, _, names in os.walk(self.directory / prefix.rpartition("/")[0]):
                for name in names:
                    path = Path(folder) / name
                    key = path.relative_to(self.directory).as_posix()
                    if key.startswith(prefix) and not (name.startswith(".") or name.endswith(UNFINISHED)):
                        yield from _listed(path, key)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self._path(key)
        with _failures(key):
            path.unlink(missing_ok=True)  # its folder stays: another publisher may just be filling it

    def _path(self, key: str) -> Path:
        return self.directory / key

    def _write(self, path: Path, body: bytes) -> Path:
        _make_directories(path.parent)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
        with unfinished.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        return unfinished

    def _must_hold(self, path: Path, artifact: Artifact) -> None:
        if path.read_bytes() != artifact.body:
            raise AlreadyThere(f"{artifact.key} holds other bytes than it was given once: restore it from a mirror")

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        _make_directories(self.directory)
        with (self.directory / ".head.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _listed(path: Path, key: str) -> Iterator[Listed]:
    with contextlib.suppress(FileNotFoundError):  # deleted since its folder was read
        status = path.stat()
        yield Listed(key, status.st_size, status.st_mtime_ns // 1_000_000)


@contextlib.contextmanager
def _failures(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{key}: {error}") from error


def _make_directories(directory: Path) -> None:
    if directory.is_dir():
        return
    _make_directories(directory.parent)
    with contextlib.suppress(FileExistsError):
        directory.mkdir()
    _sync_directory(directory.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
