"""Real people's judgements: what is read, what is counted as right."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import real_crowd
from benchmarks.real_crowd import Accuracy, Judgements, NotThere, compare, load, measure

TASKS = [str(task) for task in range(120)]
TRUTH = {task: int(task) % 2 for task in TASKS}
HONEST, LIARS = 12, 6
JUDGEMENTS = Judgements(
    [(task, str(worker), TRUTH[task] ^ (worker >= HONEST)) for worker in range(HONEST + LIARS) for task in TASKS], TRUTH
)


def test_reads_a_set(tmp_path: Path) -> None:
    """Votes keep their order; truths are by task."""
    (tmp_path / "few.votes.csv").write_text("task,worker,label\n5,a,1\n4,b,0\n")
    (tmp_path / "few.truth.csv").write_text("task,truth\n4,0\n5,1\n")
    assert load(tmp_path, "few") == Judgements([("5", "a", 1), ("4", "b", 0)], {"4": 0, "5": 1})


@pytest.mark.parametrize("votes", ["", "task,worker\n1,2\n", "task,worker,label\n1,2,yes\n"])
def test_says_what_cannot_be_read(tmp_path: Path, votes: str) -> None:
    """A file that is not in the expected form is refused by name."""
    (tmp_path / "few.votes.csv").write_text(votes or "x\n1\n")
    with pytest.raises(NotThere, match="few"):
        load(tmp_path, "few")


def test_audits_the_same_tasks_each_time() -> None:
    """One task in twenty is audited, always the same ones."""
    assert len(JUDGEMENTS.audited()) == 6
    assert JUDGEMENTS.audited() == JUDGEMENTS.audited()


def test_a_tie_is_a_yes() -> None:
    """The majority vote says yes from half of the labels on."""
    votes = [("1", "a", 1), ("1", "b", 0), ("2", "a", 0), ("2", "b", 0), ("2", "c", 1)]
    assert Judgements(votes, {"1": 1, "2": 1}).majority() == {"1"}


def test_counts_what_is_right() -> None:
    """Tasks without votes do not count; a task that was never published counts as a no."""
    votes = [(task, "a", 1) for task in TASKS[:10]]
    found = compare(Judgements(votes, TRUTH), flagged={"1", "3", "5"})
    assert found.tasks == 10
    assert found.ours == 0.8
    assert found.majority == 0.5


def test_the_whole_path_finds_the_truth() -> None:
    """Voters whom audits have proved right decide every task, through import, publish and sync."""
    parts: list[int] = []
    assert measure(JUDGEMENTS, parts=2, on_part=parts.append) == Accuracy(120, 1.0, 1.0, 1.0, 1.0)
    assert parts == [1, 2]


def test_span_ends_with_the_last_publish() -> None:
    """The last publish is ninety days after the first vote."""
    assert real_crowd.SPAN_MS == 90 * 86_400_000
