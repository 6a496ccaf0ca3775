"""Counts and histograms in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
VOTES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 4096.0)

Labels = tuple[str, ...]


class Histogram:
    """How often values of some size were seen, by label; safe to use from any thread."""

    def __init__(self, name: str, about: str, bounds: Sequence[float], labels: Labels = ()) -> None:
        """Takes its name, what it is about, the upper bounds of its buckets, and the names of its labels."""
        self.name, self.about, self.bounds, self.labels = name, about, tuple(bounds), labels
        self._lock = threading.Lock()
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Counts a value."""
        place = bisect_left(self.bounds, value)
        with self._lock:
            counts = self._counts.get(labels)
            if counts is None:
                counts = self._counts[labels] = [0] * (len(self.bounds) + 1)
                self._sums[labels] = 0.0
            counts[place] += 1
            self._sums[labels] += value

    def lines(self) -> Iterator[str]:
        """Its part of the text."""
        with self._lock:
            seen = {labels: (list(counts), self._sums[labels]) for labels, counts in self._counts.items()}
        yield from _head(self.name, self.about, "histogram")
        for labels, (counts, total) in sorted(seen.items()):
            known, running = dict(zip(self.labels, labels, strict=True)), 0
            for bound, count in zip((*map(str, self.bounds), "+Inf"), counts, strict=True):
                running += count
                yield _line(f"{self.name}_bucket", {**known, "le": bound}, running)
            yield _line(f"{self.name}_sum", known, total)
            yield _line(f"{self.name}_count", known, running)


@dataclass(frozen=True, slots=True)
class Reading:
    """A number that is kept elsewhere and read when somebody asks."""

    name: str
    about: str
    kind: Literal["counter", "gauge"]
    read: Callable[[], Mapping[Labels, float]]
    """By label; none at all when there is nothing to tell."""
    labels: Labels = ()

    def lines(self) -> Iterator[str]:
        """Its part of the text."""
        yield from _head(self.name, self.about, self.kind)
        for labels, value in sorted(self.read().items()):
            yield _line(self.name, dict(zip(self.labels, labels, strict=True)), value)


def text(metrics: Sequence[Histogram | Reading]) -> bytes:
    """All of them."""
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines()).encode()


def _head(name: str, about: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    said = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{said}}} {value}" if said else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
