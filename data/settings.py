"""Reads settings: `REALTUBE_*` from the environment, then from the home's settings file, then the default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

Service = TypeVar("Service")
PREFIX = "REALTUBE_"
DURATION = re.compile(r"(\d+)\s*(s|m|h|d)")
UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class SettingsError(Exception):
    """A setting has a value that cannot be used; nothing was started."""


def setting(default: Any, doc: str) -> Any:
    """Declares one setting of a service's frozen dataclass.

    Args:
        default: Value when neither environment nor file says otherwise; its type is the field's.
        doc: Meaning, unit, and what breaks when it is wrong.
    """
    return field(default=default, metadata={"doc": doc})


def duration_ms(text: str) -> int:
    """Reads `90s`, `30m`, `2h` or `1d` as milliseconds; 0 when it is none of these."""
    match = DURATION.fullmatch(text.strip())
    return int(match[1]) * UNIT_MS[match[2]] if match else 0


def load(service: type[Service], environment: Mapping[str, str], settings_file: Path | None = None) -> Service:
    """Builds a service's settings; each field `some_name` is read from `REALTUBE_SOME_NAME`.

    Raises:
        SettingsError: A value does not parse, or the file has a line that is not `NAME=VALUE`.
    """
    texts = dict(_lines(settings_file)) if settings_file is not None and settings_file.is_file() else {}
    texts.update({name: text for name, text in environment.items() if name.startswith(PREFIX)})
    hints = get_type_hints(service)
    values = {}
    for declared in fields(service):  # type: ignore[arg-type]
        name = PREFIX + declared.name.upper()
        if name in texts:
            values[declared.name] = _parse(name, texts[name].strip(), hints[declared.name])
    return service(**values)


def render(services: list[type[Any]]) -> str:
    """The settings file with every setting as a comment: its meaning, then its default."""
    lines = [
        "# Settings of this RealTube home, one NAME=VALUE a line. The environment goes before this file.",
        "# A commented line shows the default.",
    ]
    for service in services:
        lines += ["", f"# --- {(service.__doc__ or '').strip().splitlines()[0]}"]
        for declared in fields(service):
            lines += ["", f"# {declared.metadata['doc']}", f"# {PREFIX}{declared.name.upper()}={_default(declared)}"]
    return "\n".join(lines) + "\n"


def _default(declared: Field[Any]) -> str:
    return "" if declared.default is MISSING else str(declared.default)


def _lines(path: Path) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, text = line.partition("=")
        if not equals or not name.strip().startswith(PREFIX):
            raise SettingsError(f"{path} line {number}: expected {PREFIX}NAME=VALUE, found {line!r}")
        pairs.append((name.strip(), text))
    return pairs


def _parse(name: str, text: str, kind: type) -> object:
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise SettingsError(f"{name} must be a number, found {text!r}") from None
    return text
