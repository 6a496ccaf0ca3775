"""`realtube audit` and `realtube moderator` append decisions, each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.homes import CommandLine, new_home

DECISIONS = (
    "SELECT kind, video_id, label, actor, reason FROM decisions JOIN videos USING (video) ORDER BY decisions.position"
)


@pytest.fixture
def site(tmp_path: Path) -> CommandLine:
    """An empty home."""
    return new_home(tmp_path)


def test_audits_are_appended_once(site: CommandLine, tmp_path: Path) -> None:
    """The later label wins; what stands already appends nothing; bad rows are shown."""
    path = tmp_path / "audited.csv"
    path.write_text("video_id,label\na,0\nb,0\na,1\nc,2\n")
    done = site.run("audit", path, "--actor", "ada")
    assert done.stdout == f"{path}: 2 appended, 0 already there, 1 rejected\n"
    assert done.stderr == (
        f"{path} line 5: label: expected 1 (AI) or 0 (made by people); found '2'\n{path}: rejected 1, shown 1\n"
    )
    assert site.facts("audit", path, "--actor", "bob") == {"appended": 0, "already_there": 2, "rejected": 1}
    assert site.rows(DECISIONS) == [
        ("audit", "b", 0, "ada", "audit file audited.csv"),
        ("audit", "a", 1, "ada", "audit file audited.csv"),
    ]


def test_an_audit_can_change_and_has_a_reason(site: CommandLine, tmp_path: Path) -> None:
    """A new label is a new decision; --dry-run only counts it."""
    path = tmp_path / "audited.csv"
    path.write_text("video_id,label\na,0\n")
    site.run("audit", path)
    path.write_text("video_id,label\na,1\n")
    assert site.facts("audit", path, "--dry-run") == {"appended": 1, "already_there": 0, "rejected": 0}
    site.run("audit", path, "--actor", "ada", "--reason", "second look")
    assert site.rows(DECISIONS)[1:] == [("audit", "a", 1, "ada", "second look")]


def test_an_unreadable_audit_file_is_one_line(site: CommandLine) -> None:
    """Exit code 1 and what is wrong."""
    done = site.run("audit", "/nowhere/a.csv", exit_code=1)
    assert done.stderr == "Error: /nowhere/a.csv cannot be read: No such file or directory\n"


def test_moderators_are_added_and_removed_once(site: CommandLine) -> None:
    """Saying it twice changes nothing; the list has those of now."""
    assert site.facts("moderator", "add", "AB") == {"changed": True}
    assert site.facts("moderator", "add", "ab") == {"changed": False}
    site.run("moderator", "add", "cd", "--actor", "ada", "--reason", "joined")
    assert site.facts("moderator", "remove", "ab") == {"changed": True}
    assert site.facts("moderator", "remove", "ab") == {"changed": False}
    (listed,) = site.facts("moderator", "list")
    assert (listed["voter_id"], listed["actor"], listed["reason"]) == ("cd", "ada", "joined")


@pytest.mark.parametrize("voter_id", ["", "xyz", "a" * 65, "a b", "-1", "é"])
@pytest.mark.parametrize("verb", ["add", "remove"])
def test_a_moderator_is_named_by_a_voter_id(site: CommandLine, verb: str, voter_id: str) -> None:
    """Anything else is a mistake of usage, and appends nothing."""
    site.run("moderator", verb, "--", voter_id, exit_code=2)
    assert site.rows("SELECT count(*) FROM decisions") == [(0,)]
