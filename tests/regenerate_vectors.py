"""Writes docs/vectors, all but its README: `python -m tests.regenerate_vectors`."""

from __future__ import annotations

from pathlib import Path

import click

from tests.vectors.cases import written

VECTORS = Path(__file__).resolve().parent.parent / "docs/vectors"
README = VECTORS / "README.md"


def committed() -> dict[str, bytes]:
    """The files that are there."""
    return {
        path.relative_to(VECTORS).as_posix(): path.read_bytes()
        for path in VECTORS.rglob("*")
        if path.is_file() and path != README
    }


def main() -> None:
    """Writes what differs, and removes what is no more."""
    before, now = committed(), dict(written())
    for name in before.keys() - now.keys():
        (VECTORS / name).unlink()
    for name, content in now.items():
        if before.get(name) != content:
            path = VECTORS / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    click.echo(f"{len(now)} files, {sum(map(len, now.values())):,} bytes in {VECTORS}")


if __name__ == "__main__":
    main()
