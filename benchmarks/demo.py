"""`make demo`: a simulated crowd votes over HTTP, ticks are published, a client follows, all can be looked at."""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from benchmarks.crowd import Plan, draw
from benchmarks.processes import Processes, ProcessFailed
from benchmarks.screen import Screen, StepFailed
from benchmarks.site import PROJECT, STOPPING, CommandFailed, Site
from benchmarks.story import Story
from benchmarks.voting import VotingFailed

DIRECTORY = PROJECT / "var" / "demo"
MARK = ".made-by-demo"
"""A file that says: this directory is a demo's, and a demo may empty it."""
SEED = 7
FAILURES = (CommandFailed, ProcessFailed, VotingFailed)


class CannotStart(Exception):
    """The demo's directory cannot be used; nothing was changed in it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo.

    Returns:
        0 when it came to its end or was told to stop, 1 when a step failed.
    """
    options = _parser().parse_args(arguments)
    screen = Screen(FAILURES)
    try:
        with _emptied(options.directory), Processes(options.directory / "logs") as processes:
            try:
                _on_signals(_interrupt)
                _tell(options, screen, processes)
            except KeyboardInterrupt:
                screen.say("Stopping …")
            finally:
                _on_signals(signal.SIG_IGN)  # once is enough: what follows must not be disturbed
    except (CannotStart, StepFailed, *FAILURES) as failure:
        screen.fail(str(failure))
        return 1
    screen.say("Everything is stopped.")
    return 0


def _tell(options: argparse.Namespace, screen: Screen, processes: Processes) -> None:
    plan = Plan().scaled(options.scale)
    with screen.step(f"drawing a crowd of {plan.voters:,} voters and {plan.videos:,} videos"):
        crowd = draw(plan, SEED)
    story = Story(
        Site(options.directory / "home"), crowd, screen, processes, options.port, options.parts, options.ticks
    )
    story.make_home()
    to_come = story.live_through_past()
    story.open_doors()
    story.take_votes(to_come, options.seconds)
    story.check()
    story.show(story.open_datasette())
    if options.once:
        return
    screen.say("Ctrl-C ends all of it.")
    while True:
        processes.check()
        time.sleep(1.0)


@contextmanager
def _emptied(directory: Path) -> Iterator[None]:
    """Makes a directory that is this demo's alone, without what an earlier demo left in it."""
    mark = directory / MARK
    if directory.exists() and not mark.exists() and any(directory.iterdir()):
        raise CannotStart(f"{directory} holds files that no demo made: give an empty --directory")
    directory.mkdir(parents=True, exist_ok=True)
    with mark.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"another demo runs in {directory}: stop it, or give another --directory") from None
        for path in directory.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != mark:
                path.unlink()
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo", description=__doc__)
    options: tuple[tuple[str, type, object, str], ...] = (
        ("--directory", Path, DIRECTORY, "where everything is kept"),
        ("--port", int, 8080, "the intake's port, or the next free one"),
        ("--seconds", float, 20.0, "how long the live votes take"),
        ("--scale", float, 1.0, "size of the crowd beside the usual one"),
        ("--parts", int, 4, "how many imports, each with a publish, make the past"),
        ("--ticks", int, 5, "how many are published while votes come in"),
    )
    for name, kind, default, text in options:
        parser.add_argument(name, type=kind, default=default, help=f"{text} (default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="stop everything as soon as the addresses are printed")
    return parser


def _on_signals(reaction: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in STOPPING:
        signal.signal(number, reaction)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _on_signals(signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
