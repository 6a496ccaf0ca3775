"""`python -m benchmarks.attacks`: every goal of the score beside what is reached."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.attacks.goals import rows


def main() -> int:
    """Prints the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="ten million votes for the cost")
    options = parser.parse_args()
    folder = os.environ.get("REALTUBE_CROWD_DIR")
    missed = 0
    for figure in rows(Path(folder) if folder else None, full=options.full):
        missed += not figure.reached
        sign = ">=" if figure.at_least else "<="
        mark = "ok" if figure.reached else "MISSED"
        print(f"{figure.name:<58} {figure.value:8.3f} {sign} {figure.goal:<6.3f} {mark:<7} {figure.note}", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
