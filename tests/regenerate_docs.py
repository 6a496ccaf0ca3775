"""Writes the pages of docs/ that follow from the code: `make docs`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

import cli

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 100
INTRODUCTION = """# The command line

<!-- Written by `make docs` from each command's own help: change it there. -->

Every command works on the home that `REALTUBE_HOME` names (default: `var/`); settings come from `REALTUBE_*`, the
environment before the home's `settings.env`. `--json` prints facts as JSON, the rest is for people.

| Exit code | Meaning |
|---|---|
| 0 | done, or nothing new |
| 1 | failed: one line on stderr says what, and what to do |
| 2 | wrong usage |
| 3 | refused by a guard: a person must look |
| 75 | busy: somebody else works on it, try again |
"""


def pages() -> dict[str, str]:
    """Every generated page: its file name in docs/ and its text."""
    return {"cli.md": "\n".join([INTRODUCTION, *_sections("realtube", cli.main, None)])}


def _sections(name: str, command: click.Command, parent: click.Context | None) -> Iterator[str]:
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, parent, name, **settings)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None, child
            yield from _sections(child, found, context)


def main() -> None:
    """Writes the pages that differ."""
    for name, text in pages().items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            click.echo(f"wrote {path.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
