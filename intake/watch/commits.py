"""What the writer of the log has done, as metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from data.records import STANCES, names_of
from intake.watch.metrics import SECONDS, VOTES, Histogram, Labels


class Commits:
    """Counts of one writer, who alone writes them."""

    def __init__(self) -> None:
        self.sizes = Histogram("realtube_commit_batch_size", "Votes in one commit.", VOTES)
        self.seconds = Histogram("realtube_commit_seconds", "Seconds from taking a batch to its commit.", SECONDS)
        self._by_mask: Counter[int] = Counter()

    def stored(self, size: int, masks: Iterable[int], took_s: float) -> None:
        """A batch is durable.

        Args:
            size: How many requests it answers.
            masks: Categories of its votes that changed anything.
            took_s: Seconds from the begin of the transaction.
        """
        self.sizes.observe(size)
        self.seconds.observe(took_s)
        self._by_mask.update(masks)

    def votes(self) -> Mapping[Labels, float]:
        """Votes by category; one that names two is in both."""
        counted = Counter[str](dict.fromkeys(STANCES, 0))
        for mask, votes in list(self._by_mask.items()):
            counted.update(dict.fromkeys(names_of(mask), votes))
        return {(name,): float(votes) for name, votes in counted.items()}
