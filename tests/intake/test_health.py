"""Whether the server lives, and whether it can do its work."""

from __future__ import annotations

from typing import Any

from intake.writer import Failure
from intake.wsgi import now_ms
from tests.factories import vote
from tests.intake.conftest import Desk, OpenDesk


def ready(desk: Desk) -> tuple[int, Any]:
    """Status and object of the readiness."""
    answer = desk.client.get("/health/ready")
    return answer.status_code, answer.json


def test_live(desk: Desk) -> None:
    """A server that can answer lives."""
    answer = desk.client.get("/health/live")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_ready(desk: Desk) -> None:
    """Each check tells its status and how long it took; without a published tree that check is disabled."""
    status, said = ready(desk)

    assert (status, said["status"]) == (200, "ok")
    assert {name: check["status"] for name, check in said["checks"].items()} == {
        "votes_log": "up", "disk": "up", "published": "disabled",
    }  # fmt: skip
    assert all(check["latency_ms"] >= 0 for check in said["checks"].values())
    assert said["uptime_seconds"] >= 0
    assert isinstance(said["version"], str)


def test_a_full_disk_is_not_ready(open_desk: OpenDesk) -> None:
    """Less free space than the setting asks for is 503, and says how much is missing."""
    status, said = ready(open_desk(min_free_mb=1_000_000_000))

    assert (status, said["status"], said["checks"]["disk"]["status"]) == (503, "down", "down")
    assert "MB are needed" in said["checks"]["disk"]["error"]


def test_a_closed_writer_is_not_ready(desk: Desk) -> None:
    """Without its writer a server takes no votes."""
    desk.intake.writer.close()
    status, said = ready(desk)

    assert (status, said["checks"]["votes_log"]["error"]) == (503, "the writer has stopped")


def test_a_failed_commit_counts_for_a_while(desk: Desk) -> None:
    """A commit that failed just now makes the server not ready; later votes must find out again."""
    desk.intake.writer.failure = Failure("OperationalError: disk full", now_ms())
    assert ready(desk)[0] == 503

    desk.intake.writer.failure = Failure("OperationalError: disk full", now_ms() - 60_000)
    assert ready(desk)[0] == 200


def test_an_old_publish_is_told_but_votes_go_on(desk: Desk) -> None:
    """A publisher that stopped is down in its check; the intake itself stays ready."""
    desk.site.cast(vote(1, "a", "fully_ai"))
    desk.site.publish(now_ms() - 2 * 86_400_000)
    status, said = ready(desk)

    assert (status, said["checks"]["published"]["status"]) == (200, "down")
    assert "the last publish was" in said["checks"]["published"]["error"]
    desk.site.publish(now_ms())
    assert ready(desk)[1]["checks"]["published"]["status"] == "up"


def test_a_log_that_is_gone_is_not_ready(desk: Desk) -> None:
    """A votes log that vanished or cannot be written is told."""
    desk.site.home.votes_log.rename(desk.site.home.votes_log.with_name("moved"))

    assert ready(desk)[0] == 503
    answer = desk.client.get("/api/videos/0000")
    assert (answer.status_code, (answer.json or {})["error"]["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["Retry-After"] == "2"
