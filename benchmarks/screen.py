"""What a person sees of a long run: one line a step, with a moving bar on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class StepFailed(Exception):
    """A step did not do its part; the message names the step and the reason."""


class Screen:
    """Prints steps to stdout."""

    def __init__(self, expected: tuple[type[Exception], ...]) -> None:
        """Takes the exceptions that are failures of a step; any other one is a bug and passes."""
        self._expected = expected
        self._console = Console(highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Shows a step while it runs, then that it is done.

        Args:
            what: What is done, a few words.
            total: Of how many things, if they can be counted.

        Yields:
            A function to call with how many are done.

        Raises:
            StepFailed: One of the expected exceptions ended the block.
        """
        counted = () if total is None else (BarColumn(), MofNCompleteColumn())
        columns = (SpinnerColumn(), TextColumn("{task.description}"), *counted, TimeElapsedColumn())
        begun = time.monotonic()
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bars:
            task = bars.add_task(escape(what), total=total)
            try:
                yield lambda done: bars.update(task, completed=done)
            except self._expected as error:
                raise StepFailed(f"{what}: {error}") from error
        self.say(f"[green]✓[/] {escape(what)} [dim]({time.monotonic() - begun:.1f} s)[/]")

    def say(self, text: str = "") -> None:
        """Prints a line; markup as in rich."""
        self._console.print(text)

    def fail(self, text: str) -> None:
        """Prints why nothing goes on."""
        self._console.print(f"[bold red]Failed[/] {escape(text)}")
