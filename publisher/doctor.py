"""Checks an installation: each check looks at one thing and returns what it found and what to do."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from data.formats import head as heads
from data.formats import root as roots
from data.formats import signed
from data.formats.tree import FormatError, rfc3339
from data.home import Home
from data.log import schema
from data.settings import SettingsError
from publisher import keys
from publisher.store import StoreError
from publisher.trust.installing import signer_of

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""
LIBRARIES = ("adbc-driver-sqlite", "cryptography", "datasette", "flask", "granian", "msgspec", "numpy", "pyarrow")
LITTLE_DISK_BYTES = 2 << 30
NO_DISK_BYTES = 200 << 20
CLOCK_SLACK_MS = 60_000
"""How far the clocks of two machines may differ."""
NEWEST_VOTES = """
    SELECT coalesce(max(cast_at_ms), 0) FROM (SELECT cast_at_ms FROM votes ORDER BY position DESC LIMIT 1000)
"""
RESTORE = "restore it from a backup: stop the server, then `realtube restore --replace FILE`"
QUICK_CHECK = "PRAGMA quick_check(1)"

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    state: State
    found: str
    advice: str = ""
    """What to do; empty when all is well."""


def examine(
    home: Home,
    *,
    root_dir: Path,
    load_settings: Callable[[], object],
    read_head: Callable[[], bytes | None],
    now_ms: int,
) -> list[Finding]:
    """Runs every check that makes sense: without a home, those of the machine only.

    Args:
        home: The home.
        root_dir: Where to look for private root keys.
        load_settings: Reads the settings of every service, or raises SettingsError.
        read_head: Reads `v1/head` from the store, None when nothing is published.
        now_ms: Unix milliseconds.
    """
    findings = [*check_versions(), *check_home(home)]
    if findings[-1].name == "home":
        return findings
    findings += [check_settings(load_settings), check_room(shutil.disk_usage(home.directory).free), *check_log(home)]
    findings += [check_keys(home), check_root_keys(home, root_dir)]
    try:
        head_text = read_head()
    except (SettingsError, StoreError) as error:
        return [*findings, Finding("published", "fail", str(error), "correct REALTUBE_STORE")]
    return [*findings, check_store(home, head_text, now_ms), check_clock(home, head_text, now_ms)]


def check_versions() -> list[Finding]:
    """Python, SQLite and the libraries that do the work."""
    python = ".".join(map(str, sys.version_info[:3]))
    old_python = sys.version_info < OLDEST_PYTHON
    old_sqlite = sqlite3.sqlite_version_info < OLDEST_SQLITE
    return [
        _finding("python", not old_python, python, "install Python 3.11 or newer"),
        _finding("sqlite", not old_sqlite, sqlite3.sqlite_version, "install a Python with SQLite 3.37 or newer"),
        check_libraries(LIBRARIES),
    ]


def check_libraries(names: Sequence[str]) -> Finding:
    """Whether these distributions are installed."""
    versions = {name: _version(name) for name in names}
    absent = [name for name, version in versions.items() if version is None]
    if absent:
        return Finding("libraries", "fail", f"not installed: {', '.join(absent)}", "install them: `make install`")
    return Finding("libraries", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


def check_settings(load: Callable[[], object]) -> Finding:
    """Whether the settings of every service can be used.

    Args:
        load: Reads them, or raises.
    """
    try:
        load()
    except SettingsError as error:
        return Finding("settings", "fail", str(error), "correct the settings file or the environment")
    return Finding("settings", "ok", "every value can be used")


def check_home(home: Home) -> list[Finding]:
    """Whether the home's parts are there, and its secrets closed to others."""
    if not home.directory.is_dir():
        return [Finding("home", "fail", f"no directory {home.directory}", "run `realtube init`, or set REALTUBE_HOME")]
    return [
        Finding("home", "ok", str(home.directory)),
        _private("log file", home.votes_log),
        _private("key file", home.online_key),
    ]


def check_root_keys(home: Home, root_dir: Path) -> Finding:
    """Whether private root keys lie on this machine, by whatever name, and whether enough of them exist.

    Args:
        home: Whose newest root says which keys are root keys.
        root_dir: Where to look.
    """
    try:
        root = newest_root(home)
    except (keys.KeyFileError, FormatError):
        return Finding("root keys", "ok", "not looked for: there is no valid root")  # the check of the online key fails
    left = [path for path in sorted(root_dir.glob("*.pem")) if _public_of(path) in root.root_keys]
    if left:
        return Finding(
            "root keys", "warn", f"{len(left)} of them lie in {root_dir}", "move each to another offline place"
        )
    if len(root.root_keys) == root.root_threshold:
        found = f"root {root.version} has {root.root_threshold}, and all must sign"
        return Finding("root keys", "warn", found, "bring in another one: `realtube keys rotate --add-root`")
    return Finding("root keys", "ok", f"none in {root_dir}; {root.root_threshold} of {len(root.root_keys)} must sign")


def check_room(free_bytes: int) -> Finding:
    """Whether the home's disk has room; a full disk makes the intake refuse votes."""
    state: State = "ok" if free_bytes >= LITTLE_DISK_BYTES else "warn" if free_bytes >= NO_DISK_BYTES else "fail"
    return Finding("disk", state, f"{free_bytes / 1e9:.1f} GB free", "" if state == "ok" else "free space on it")


def check_log(home: Home) -> list[Finding]:
    """Whether the votes log opens, is whole, and has the schema of this version."""
    try:
        with closing(schema.open_for_reading(home.votes_log)) as log:
            log_id, version = schema.identity(log).log_id, schema.version(log)
            damage = log.execute(QUICK_CHECK).fetchone()[0]
    except (schema.LogError, sqlite3.Error) as error:
        return [Finding("votes log", "fail", str(error), RESTORE)]
    whole = _finding("votes log", damage == "ok", f"id {log_id}, check: {damage}", RESTORE)
    return [whole, check_schema(version, schema.newest_version())]


def check_schema(version: int, newest: int) -> Finding:
    """Whether the log's schema is that of this version."""
    if version == newest:
        return Finding("schema", "ok", f"version {version}")
    found = f"version {version}, this RealTube has {newest}"
    if version < newest:
        return Finding("schema", "warn", found, "the next command that writes brings it up to date")
    return Finding("schema", "fail", found, "upgrade this RealTube")


def check_keys(home: Home) -> Finding:
    """Whether the newest root certifies the online key."""
    try:
        public = signed.public_bytes(signer_of(home).key)
        root = newest_root(home)
    except (keys.KeyFileError, FormatError) as error:
        return Finding("online key", "fail", str(error), "restore the home's keys and root/ from a backup")
    if public not in root.online_keys:
        advice = "restore the online key that belongs to it, or have the root keys certify this one"
        return Finding("online key", "fail", f"root {root.version} does not certify it", advice)
    found = f"{signed.key_id(public)}, certified by root {root.version}"
    if home.unfinished_root.exists():
        return Finding("online key", "warn", f"{found}; a next root waits", "`realtube keys show` says for whom")
    return Finding("online key", "ok", found)


def check_store(home: Home, head_text: bytes | None, now_ms: int) -> Finding:
    """Whether the published head is this home's, and fresh.

    Args:
        home: The home that publishes.
        head_text: The bytes of `v1/head`, None when nothing is published.
        now_ms: Unix milliseconds.
    """
    if head_text is None:
        return Finding("published", "warn", "nothing yet", "run `realtube publish`")
    try:
        head, envelope = heads.parse(head_text)
        certified = signer_of(home).certifies(head, envelope)
        with closing(schema.open_for_reading(home.votes_log)) as log:
            log_id = schema.identity(log).log_id
    except (FormatError, keys.KeyFileError, schema.LogError) as error:
        return Finding("published", "fail", str(error), "run `realtube verify` on the store")
    found = f"tick {head.seq} of {rfc3339(head.ts)}, {head.n:,} rows"
    elsewhere = "set REALTUBE_STORE to this home's store"
    if not certified:
        return Finding("published", "fail", f"{found}, not signed by this home's keys", elsewhere)
    if head.log != log_id:
        return Finding("published", "fail", f"{found}, of log {head.log}, not {log_id}", elsewhere)
    if head.exp < now_ms:
        return Finding("published", "warn", f"{found}, stale since {rfc3339(head.exp)}", "run `realtube publish`")
    return Finding("published", "ok", found)


def check_clock(home: Home, head_text: bytes | None, now_ms: int) -> Finding:
    """Whether the clock is not behind what it has said before."""
    latest, witness = 0, ""
    try:
        with closing(schema.open_for_reading(home.votes_log)) as log:
            latest, witness = log.execute(NEWEST_VOTES).fetchone()[0], "the newest votes"
        if head_text is not None and (published := heads.parse(head_text)[0].ts) > latest:
            latest, witness = published, "the newest tick"
    except (schema.LogError, sqlite3.Error, FormatError):
        pass  # the checks of the log and of the store say so
    if latest > now_ms + CLOCK_SLACK_MS:
        return Finding(
            "clock", "fail", f"{rfc3339(now_ms)}, but {witness} reach {rfc3339(latest)}", "set the clock (NTP)"
        )
    return Finding("clock", "ok", rfc3339(now_ms))


def newest_root(home: Home) -> roots.Root:
    """The newest root of a home.

    Raises:
        KeyFileError: There is none.
        FormatError: One is missing, malformed or not signed by enough.
    """
    return list(roots.follow(keys.read_roots(home.roots)).values())[-1]


def _public_of(path: Path) -> bytes:
    try:
        return signed.public_bytes(keys.read(path))
    except keys.KeyFileError:
        return b""  # no private key: nothing to move


def _finding(name: str, good: bool, found: str, advice: str) -> Finding:
    return Finding(name, "ok", found) if good else Finding(name, "fail", found, advice)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _private(name: str, path: Path) -> Finding:
    if not path.exists():
        return Finding(name, "fail", f"no {path}", "run `realtube init`, or restore it from a backup")
    mode = stat.S_IMODE(path.stat().st_mode)
    closed = mode & 0o077 == 0
    return _finding(name, closed, f"{path}, mode {mode:04o}", f"others may read it: chmod 600 {path}")
