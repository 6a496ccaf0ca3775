"""How a publish run fails."""

from __future__ import annotations

from collections.abc import Sequence


class PublishError(Exception):
    """The run failed; readers see the old state or the new one, and the next run heals the rest."""


class PublishRefused(PublishError):
    """Something needs a person; nothing was published."""

    exit_code = 3


class GuardRefused(PublishRefused):
    """The votes would change the rows more than a tick may; a heartbeat with the old rows was published."""

    def __init__(self, objections: Sequence[str], *, dry_run: bool) -> None:
        did = "would be" if dry_run else "were"
        super().__init__(
            f"refused: {'; '.join(objections)}. The old rows {did} published again, votes wait. Look at `realtube "
            "review` and at recent decisions; if the change is right, `realtube publish --override REASON`"
        )
