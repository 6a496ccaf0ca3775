"""Which route a path belongs to: metrics and lines name routes, never what clients put into a path."""

from __future__ import annotations

import re
from collections.abc import Iterable

OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PART = re.compile(r"<(?:\w+:)?(\w+)>")
WORD = re.compile(r"_(\w)")


class Endpoints:
    """The routes of an application."""

    def __init__(self, rules: Iterable[str]) -> None:
        """Takes the routes as Flask writes them."""
        written = set(rules)
        self._exact = {rule: rule for rule in written if "<" not in rule}
        self._open = [
            (re.compile(r"[^/]+".join(map(re.escape, re.split(r"<[^>]+>", rule)))), PART.sub(_public, rule))
            for rule in sorted(written)
            if "<" in rule
        ]

    def of(self, path: str) -> str:
        """The route of a path, `other` for none."""
        known = self._exact.get(path)
        if known is not None:
            return known
        return next((name for pattern, name in self._open if pattern.fullmatch(path)), OTHER)


def method_of(method: str) -> str:
    """A method, `other` for one that no route could have."""
    return method if method in METHODS else OTHER


def _public(part: re.Match[str]) -> str:
    return "{" + WORD.sub(lambda letter: letter[1].upper(), part[1]) + "}"
