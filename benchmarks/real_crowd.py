"""Real people's judgements with a known truth, through the whole path: `python -m benchmarks.real_crowd DIR [NAME…]`.

DIR holds `NAME.votes.csv` (task, worker, label) and `NAME.truth.csv` (task, truth), labels 1 and 0.
A task stands for a video, a worker for a voter, label 1 for `fully_ai`, label 0 for `not_ai`.
"""

from __future__ import annotations

import csv
import itertools
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from benchmarks import ids
from benchmarks.report import Row
from benchmarks.site import Site

SETS = ("rte", "D_Product", "SP", "ZenCrowd_us", "bluebird", "Mozafari")
"""What is measured; the first one also in the short run."""
START_MS = 1_767_225_600_000
"""2026-01-01: the time of the first vote."""
DAY_MS = 86_400_000
SPAN_MS = 90 * DAY_MS
"""The votes are spread evenly over so long, in the order of the file."""
KNOWN_BEFORE_MS = 60 * DAY_MS
"""Every voter was first seen so long before the first vote."""
AUDITED_SHARE = 0.05
PARTS = 10
"""So many imports, each followed by a publish and a sync."""
SEED = 1
BESIDE = "(the goal is the majority vote's)"
FLAGGED = 50
"""The score from which the existing clients mark a video."""


class NotThere(Exception):
    """The directory does not hold a set, or not in the form that is expected."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """One set."""

    votes: Sequence[tuple[str, str, int]]
    """(task, worker, label) in the order of the file."""
    truth: Mapping[str, int]

    def audited(self) -> list[str]:
        """The tasks that are audited: the same ones in each run."""
        tasks = sorted(self.truth)
        return sorted(random.Random(SEED).sample(tasks, round(len(tasks) * AUDITED_SHARE)))

    def majority(self) -> set[str]:
        """The tasks that at least half of their voters say yes to."""
        labels: dict[str, list[int]] = {}
        for task, _, label in self.votes:
            labels.setdefault(task, []).append(label)
        return {task for task, said in labels.items() if sum(said) * 2 >= len(said)}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Shares of tasks that were judged right, of those with votes and a truth."""

    tasks: int
    ours: float
    majority: float
    ours_unaudited: float
    """Among the tasks that were not audited."""
    majority_unaudited: float


def load(directory: Path, name: str) -> Judgements:
    """Reads one set.

    Raises:
        NotThere: A file is missing, or lacks a column.
    """
    try:
        votes = [(row["task"], row["worker"], int(row["label"])) for row in _rows(directory / f"{name}.votes.csv")]
        truth = {row["task"]: int(row["truth"]) for row in _rows(directory / f"{name}.truth.csv")}
    except (OSError, KeyError, ValueError) as error:
        raise NotThere(f"{name} in {directory}: expected task,worker,label and task,truth; found {error!r}") from error
    return Judgements(votes, truth)


def measure(judgements: Judgements, *, parts: int = PARTS, on_part: Callable[[int], None] = lambda _: None) -> Accuracy:
    """Takes one set through a new home: audits, then again and again an import, a publish and a sync.

    Args:
        judgements: The set.
        parts: How often.
        on_part: Called with the number of parts that are done.

    Raises:
        CommandFailed: A command did not do its part.
    """
    with tempfile.TemporaryDirectory(prefix="realtube-crowd-") as directory:
        site, copy = Site(Path(directory) / "home"), Path(directory) / "copy"
        site.realtube("init")
        file = Path(directory) / "audits.csv"
        audits = [(video_of(task), judgements.truth[task]) for task in judgements.audited()]
        _write(file, ("video_id", "label"), audits)
        site.realtube("audit", file)
        rows = list(_vote_rows(judgements))
        bounds = [part * len(rows) // parts for part in range(parts + 1)]
        for part, (first, end) in enumerate(itertools.pairwise(bounds), 1):
            file = Path(directory) / f"votes-{part}.csv"
            _write(file, COLUMNS, rows[first:end])
            site.realtube("import-votes", file)
            site.realtube("publish", "--now-ms", str(START_MS + part * SPAN_MS // parts))
            site.realtube("sync", site.home / "public", copy)
            on_part(part)
        published = map(orjson.loads, site.realtube("rows", copy).output.splitlines())
        flagged = {row["videoId"] for row in published if row["score"] >= FLAGGED}
    return compare(judgements, {task for task in judgements.truth if video_of(task) in flagged})


def compare(judgements: Judgements, flagged: set[str]) -> Accuracy:
    """Sets a verdict beside the truth and the majority's.

    Args:
        judgements: The set.
        flagged: The tasks that are said to be positive; what was never published is not among them.
    """
    voted = {task for task, _, _ in judgements.votes} & judgements.truth.keys()
    unaudited, majority = voted - set(judgements.audited()), judgements.majority()

    def right(said: set[str], tasks: set[str]) -> float:
        return sum((task in said) == judgements.truth[task] for task in tasks) / max(len(tasks), 1)

    return Accuracy(
        len(voted), right(flagged, voted), right(majority, voted), right(flagged, unaudited), right(majority, unaudited)
    )


def video_of(task: str) -> str:
    """The video that a task stands for."""
    return ids.video_id("task", task)


COLUMNS = ("cast_at_ms", "voter_id", "video_id", "category", "network", "voter_since_ms")


def _vote_rows(judgements: Judgements) -> Iterable[tuple[object, ...]]:
    since_ms = START_MS - KNOWN_BEFORE_MS
    for row, (task, worker, label) in enumerate(judgements.votes):
        at_ms, voter_id = START_MS + row * SPAN_MS // len(judgements.votes), ids.voter_id("worker", worker)
        category = "fully_ai" if label else "not_ai"
        yield at_ms, voter_id, video_of(task), category, f"net-{voter_id[:16]}", since_ms


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def rows(directory: Path | None, *, full: bool, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Measures, and sets the accuracy beside the majority vote's.

    Args:
        directory: Where the sets are; None: there is nothing to measure.
        full: Measure all sets, not only the first.
        on_step: Called with what begins.

    Raises:
        NotThere: A set cannot be read.
    """
    if directory is None:
        return [Row("crowd", "real judgements", None, note="set REALTUBE_CROWD_DIR")]
    found = []
    for name in SETS if full else SETS[:1]:
        judgements = load(directory, name)
        one = measure(judgements, on_part=partial(_tell, on_step, name))
        found += [
            Row("crowd", f"{name}: right at ≥ {FLAGGED}", one.ours, goal=one.majority, note=BESIDE),
            Row(
                "crowd", f"{name}: without audited tasks", one.ours_unaudited, goal=one.majority_unaudited, note=BESIDE
            ),
        ]
    return found


def _tell(on_step: Callable[[str], None], name: str, part: int) -> None:
    on_step(f"{name}, {part} of {PARTS} parts")


def main(directory: Path, names: Sequence[str]) -> None:
    """Prints one line a set."""
    for name in names or SETS[:1]:
        found = measure(load(directory, name))
        print(
            f"{name}: {found.tasks} tasks, right {found.ours:.3f} (majority {found.majority:.3f}), "
            f"without audited ones {found.ours_unaudited:.3f} (majority {found.majority_unaudited:.3f})"
        )


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
