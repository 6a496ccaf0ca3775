"""`docs/vectors` is what the publisher's code and `tests/vectors` make, and says what it means."""

from __future__ import annotations

from tests.regenerate_vectors import README, committed
from tests.vectors.cases import written
from tests.vectors.serving import CASES, read


def test_the_committed_files_are_made_by_the_script() -> None:
    """Not a byte differs: after a change run `python -m tests.regenerate_vectors`."""
    now, there = dict(written()), committed()
    assert sorted(there) == sorted(now)
    assert [name for name, content in now.items() if there[name] != content] == []


def test_every_case_leads_somewhere() -> None:
    """A refusal is followed by an honest tick or stands for a first contact; every file that is named is there."""
    for case in CASES.values():
        steps = case["steps"]
        assert any("seq" in step["expect"] for step in steps) or len(steps) == 1
        for step in steps:
            assert all(read(origin["head"]) is not None for origin in step["origins"])
            assert "refused" in step["expect"] or read(step["expect"]["rows"])


def test_every_reason_occurs_and_is_explained() -> None:
    """The page names exactly the reasons for which something is refused."""
    reasons = {step["expect"].get("refused") for case in CASES.values() for step in case["steps"]} - {None}
    page = README.read_text(encoding="utf-8").split("The reason in `refused`", 1)[1].split("\n")[0]
    assert reasons == {word for word in page.replace("`", " ").replace(",", " ").split() if f"`{word}`" in page}
    assert len(CASES) > 120
