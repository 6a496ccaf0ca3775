"""The commands sync, rows and verify: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from clients import commands
from clients.held import locked
from clients.history import commands as past
from clients.mirror import commands as copying
from tests.clients.histories import grow, new_tree, time_of
from tests.clients.signing import root_text, sha256
from tests.clients.test_hostile_files import ring_key
from tests.clients.tree import Tree, integer_id


def run(command: click.Command, *arguments: object) -> Result:
    """Run a command; a traceback fails the test."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], prog_name="realtube")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_sync_prints_a_table_for_people(tmp_path: Path) -> None:
    """People see tick, rows, state, how it went and when to come again."""
    tree, dest = new_tree(tmp_path / "tree", 2), tmp_path / "dest"
    result = run(commands.sync, tree.directory, dest)
    assert result.exit_code == 0
    names = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert names == ["tick", "before", "rows", "state", "how", "next tick"]
    assert "base+inline, 5 requests" in result.stdout
    assert "(stale)" in result.stdout
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["Warning", "Warning"]


def test_sync_prints_one_json_object_for_machines(tmp_path: Path) -> None:
    """The whole report, with the names of its fields."""
    tree, dest = new_tree(tmp_path / "tree", 2), tmp_path / "dest"
    first = json.loads(run(commands.sync, tree.directory, dest, "--json", "--root", sha256(root_text())).stdout)
    again = json.loads(run(commands.sync, tree.directory, dest, "--json").stdout)
    assert (first["from_seq"], first["seq"], first["how"], first["rows"]) == (
        None,
        2,
        "base+inline",
        tree.payloads[-1]["n"],
    )
    assert (again["from_seq"], again["how"], again["requests"]) == (2, "same", 1)
    assert first["warnings"] == again["warnings"] == ["tick 2 is stale: nothing newer came in time"]


def test_rows_are_lines_of_json_sorted_by_id(tmp_path: Path) -> None:
    """Each row is one object; the order is that of plain strings, not that of the format."""
    tree, dest = Tree(tmp_path / "tree"), tmp_path / "dest"
    ids = [integer_id(2**63), integer_id(1), "-a", "_a", "Z", "a", "0" * 16]
    tree.tick(time_of(1), {video_id: (20 + place, 1 << place) for place, video_id in enumerate(ids)})
    run(commands.sync, tree.directory, dest)
    result = run(commands.rows, dest)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["videoId"] for row in rows] == sorted(ids)
    assert {row["videoId"]: (row["score"], row["categories"]) for row in rows} == {
        ids[0]: (20, ["fully_ai"]),
        ids[1]: (21, ["ai_voiceover"]),
        "-a": (22, ["ai_visuals"]),
        "_a": (23, ["ai_thumbnails"]),
        "Z": (24, ["ai_assisted"]),
        "a": (25, []),
        "0" * 16: (26, []),
    }


def test_verify_prints_what_held(tmp_path: Path) -> None:
    """A table and a plain last line for people, the report for machines."""
    tree = new_tree(tmp_path / "tree", 3)
    result = run(commands.verify, tree.directory)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Every promise holds.")
    assert json.loads(run(commands.verify, tree.directory, "--json").stdout)["seq"] == 3


def test_verify_names_the_broken_promise(tmp_path: Path) -> None:
    """One line on stderr, its parts apart in JSON, exit code 1."""
    tree = new_tree(tmp_path / "tree", 3)
    key = ring_key(tree)
    tree.write(key, b"hello")
    result = run(commands.verify, tree.directory, "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (facts["error"], facts["key"]) == ("VerifyError", key)
    assert facts["message"] == f"{key}: promised {facts['promised']}; found {facts['found']}"
    assert result.stderr.splitlines()[-1] == f"Error: {facts['message']}"


def test_exit_codes_tell_what_to_do(tmp_path: Path) -> None:
    """1 failed, 2 usage, 3 refused and a person must look, 75 come again; always one line on stderr."""
    tree, dest = new_tree(tmp_path / "tree", 2), tmp_path / "dest"
    run(commands.sync, tree.directory, dest)
    tree.write("v1/head", tree.read("v1/c/1.json"))
    refused = run(commands.sync, tree.directory, dest, "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["code"]) == (3, "rollback")
    assert refused.stderr.splitlines() == ["Error: the head is of tick 1, but tick 2 is held: the source went back"]
    with locked(dest):
        assert run(commands.sync, tree.directory, dest).exit_code == 75
    grow(tree, 3)
    (tree.directory / ring_key(tree)).unlink()
    failed = run(commands.sync, tree.directory, dest)
    assert (failed.exit_code, len(failed.stderr.splitlines())) == (1, 1)
    assert run(commands.sync, tmp_path / "none", dest).exit_code == 1
    assert run(commands.rows, tmp_path).exit_code == 1
    assert run(commands.verify, tree.directory, "--root", "0" * 64).exit_code == 3


@pytest.mark.parametrize(
    "arguments", [[], ["a"], ["gopher://x", "dest"], ["a", "dest", "--root", "nothing"], ["a", "dest", "--other"]]
)
def test_mistakes_of_usage_end_with_2(tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing arguments, unknown schemes, roots that are neither file nor fingerprint."""
    monkeypatch.chdir(tmp_path)
    result = run(commands.sync, *arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", [commands.sync, commands.rows, commands.verify, past.ticks, past.diff, copying.mirror]
)
def test_every_option_has_help_and_every_command_an_example(command: click.Command) -> None:
    """`--help` is enough to use a command."""
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    text = run(command, "--help").stdout
    assert f"Example:\n    realtube {command.name} " in text
