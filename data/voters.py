"""What each voter's vote counts for, and what evidence is worth. Pure; `docs/scoring.md` explains every constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.columns import Bytes, Floats, Keys

NEWCOMER, ESTABLISHED, MODERATOR = 0, 1, 2
"""Levels of a voter: no record yet; a record that others confirmed; appointed."""

GLOBAL_RATE = 0.12
"""Share of AI among voted videos until audits say otherwise."""

NEWCOMER_FLAG = 0.894
"""Log-odds of a newcomer's flag: logit(1/4) - logit(0.12), the mean of Beta(1, 3) against the global rate."""
NEWCOMER_COUNTER = 1.484
"""Log-odds of a newcomer's counter-vote: logit(0.97) - logit(0.88), the mean of Beta(3.88, 0.12) against the same."""
YOUNG_SHARE = 0.5
"""What a newcomer's vote keeps while the voter is younger than a week; unknown voters are taken as that young."""
MODERATOR_WEIGHT = 4.0
"""Log-odds of a moderator's vote: alone it takes a neutral video to 88."""


@dataclass(frozen=True, slots=True)
class Levels:
    """What evidence is worth, as audits have it; the defaults hold until there are audits."""

    neutral: float = float(np.log(GLOBAL_RATE) - np.log1p(-GLOBAL_RATE))
    """Log-odds of a video of which nothing is known."""
    channel: float = 1.0
    """Log-odds for each log-odds by which a channel differs from neutral."""
    flags: float = 1.0
    """Log-odds for each log-odds of flags."""
    counters: float = 1.0
    """Log-odds for each log-odds of counter-votes."""
    stretch: float = 1.0
    """At the end all log-odds count this much: caps make scores timid. 50 stays 50, so no video changes sides."""

    def room(self) -> float:
        """What a neutral video lacks to 50, in log-odds."""
        return max(0.0, -self.neutral)


@dataclass(frozen=True, slots=True)
class Voters:
    """What each voter's vote counts for, by voter key; entry 0 belongs to nobody."""

    level: Bytes
    """`NEWCOMER`, `ESTABLISHED` or `MODERATOR`."""
    flag_weight: Floats
    """Log-odds of a flag, >= 0."""
    counter_weight: Floats
    """Log-odds of a counter-vote, >= 0."""
    proven: Floats | None = None
    """Share of the weight, 0-1, that rests on a long record: only it lifts a crowd's limit. None: 0 for all."""
    cluster: Keys | None = None
    """Whom the voter votes together with, 0 nobody: a cluster counts once a side of a video. None: 0 for all."""
    levels: Levels = Levels()

    def of(self, keys: Keys) -> Voters:
        """The entries of these voters; those beyond the end are newcomers of today."""
        known = np.where(keys < len(self.level), keys, 0)
        unknown = known == 0
        return Voters(
            level=np.where(unknown, np.uint8(NEWCOMER), self.level[known]),
            flag_weight=np.where(unknown, NEWCOMER_FLAG * YOUNG_SHARE, self.flag_weight[known]),
            counter_weight=np.where(unknown, NEWCOMER_COUNTER * YOUNG_SHARE, self.counter_weight[known]),
            proven=np.zeros(len(keys)) if self.proven is None else np.where(unknown, 0.0, self.proven[known]),
            cluster=np.zeros(len(keys), np.int32)
            if self.cluster is None
            else np.where(unknown, 0, self.cluster[known]),
            levels=self.levels,
        )


NO_VOTERS = Voters(np.zeros(1, np.uint8), np.zeros(1), np.zeros(1))
"""Before the first full round: everyone is a newcomer of today."""
