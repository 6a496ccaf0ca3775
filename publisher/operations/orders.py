"""What a person orders for one tick, beside what the votes say. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from data.formats.head import Frozen, Head


@dataclass(frozen=True, slots=True)
class Order:
    """One tick's order; an ordinary tick has none of it."""

    reason: str = ""
    """Published with the tick; never empty when anything else is set."""
    rollback_to: int | None = None
    """Publish the rows of this tick, and freeze them."""
    resume: bool = False
    """Let votes change frozen rows again, by a full round over everything."""
    override: bool = False
    """Publish what the guards object to, or on top of what a revoked key signed."""
    kill: frozenset[str] = frozenset()
    """Ids to hide at once."""
    unkill: frozenset[str] = frozenset()
    """Ids to hide no more."""

    @property
    def frozen(self) -> Frozen | None:
        """What a rollback makes heads say."""
        return None if self.rollback_to is None else Frozen(self.rollback_to, self.reason)

    @property
    def kills(self) -> bool:
        """Whether only the kill list changes: rows and votes wait for the next tick."""
        return bool(self.kill or self.unkill)

    @property
    def note(self) -> str | None:
        """What the tick's head notes; a rollback's reason stands in `frozen`."""
        return self.reason if self.reason and self.rollback_to is None else None

    def is_done(self, head: Head, killed: frozenset[str]) -> bool:
        """Whether the newest tick says already what is ordered: a run that ended after its commit is called again.

        Args:
            head: The newest tick's.
            killed: Its kill list.
        """
        if self.rollback_to is not None:
            return head.frozen == self.frozen
        if self.kills:
            return self.killed(killed) == killed
        return self.resume and head.frozen is None

    def killed(self, before: frozenset[str]) -> frozenset[str]:
        """The kill list after this tick."""
        return (before | self.kill) - self.unkill


NOTHING = Order()
"""An ordinary tick."""
