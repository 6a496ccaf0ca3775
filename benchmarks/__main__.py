"""`make bench`: every promised figure beside its goal and its limit (`docs/benchmarks.md`)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.status import Status

from benchmarks import browser, endurance, existing, fuzz, intake, publishing, real_crowd, syncing
from benchmarks.attacks import goals
from benchmarks.processes import ProcessFailed
from benchmarks.replay import ReplayFailed
from benchmarks.report import Row, print_rows
from benchmarks.site import CommandFailed


class Part(Protocol):
    """One group of figures."""

    def __call__(self, *, on_step: Callable[[str], None]) -> list[Row]:
        """Measures; `on_step` is called with what begins."""


def parts(environment: Mapping[str, str], *, full: bool) -> dict[str, Part]:
    """The parts by name, in the order in which they run."""
    sets, record = environment.get("REALTUBE_CROWD_DIR"), environment.get("REALTUBE_CHURN_FILE")
    return {
        "intake": partial(intake.rows, full=full),
        "endurance": partial(endurance.rows, full=full),
        "publishing": partial(publishing.rows, full=full),
        "syncing": partial(syncing.rows, Path(record) if record else None, full=full),
        "extension": partial(existing.rows, full=full),
        "browser": partial(browser.rows, full=full),
        "fuzz": partial(fuzz.rows, full=full),
        "scoring": partial(goals.rows, Path(sets) if sets else None, full=full),
        "crowd": partial(real_crowd.rows, Path(sets) if sets else None, full=full),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the parts and prints what they found.

    Returns:
        0 when every limit holds, 1 when one does not or a part failed.
    """
    options = _parser().parse_args(arguments)
    progress = Console(stderr=True)
    rows: list[Row] = []
    failed = False
    for name, measure in parts(os.environ, full=options.full).items():
        if options.only not in {None, name}:
            continue
        with progress.status(name) as status:
            try:
                rows += measure(on_step=partial(_show, status, name))
            except (CommandFailed, ProcessFailed, ReplayFailed, real_crowd.NotThere) as error:
                failed = True
                progress.print(f"{name} failed: {error}", markup=False)
                rows.append(Row(name, "the whole part", None, note="failed, see above"))
    print_rows(rows, as_json=options.json)
    return int(failed or any(row.ok is False for row in rows))


def _show(status: Status, name: str, step: str) -> None:
    status.update(f"{name}: {step}")


def _parser() -> argparse.ArgumentParser:
    names = list(parts({}, full=False))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the long runs too")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    parser.add_argument("--only", metavar="NAME", choices=names, help=f"one part: {', '.join(names)}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
