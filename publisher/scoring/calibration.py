"""Fits the level of everything on audited videos: regularised logistic regression. Pure.

The voters' relative reliability says who is better; only audits say how much a vote is worth at all. Strong priors
keep the fit where few audits cannot know better.
"""

from __future__ import annotations

import numpy as np

from data.columns import Floats
from data.voters import Levels

CENTRE = np.array([-1.99, 1.0, 1.0, 1.0])
"""Level of a neutral video, worth of the channel, of flags, of counter-votes, when no audit is known."""
TIGHTNESS = np.array([1.0, 4.0, 4.0, 4.0])
"""Inverse variances of their priors."""
LEAST = np.array([-4.0, 0.3, 0.3, 0.3])
MOST = np.array([-0.1, 2.5, 2.5, 2.5])
STEPS = 25
SHIFT_TIGHTNESS = 5.0
"""Inverse variance of the prior of `shift` about 0."""
STRETCH_TIGHTNESS = 40.0
"""Inverse variance of the prior of `Levels.stretch` about 1: a few audits leave it there."""
STRETCH_WITHIN = (0.8, 1.5)


def fitted(label: Floats, channel: Floats, flags: Floats, counters: Floats, *, given: Floats) -> Levels:
    """Newton's method on the penalised likelihood, a fixed number of steps.

    Args:
        label: Of each audited video: 1 AI, 0 made by people.
        channel: Log-odds that its channel adds to a neutral video's.
        flags: Log-odds that flags add, learned without this audit.
        counters: Log-odds that counter-votes take, likewise.
        given: Log-odds that are not fitted.
    """
    design = np.column_stack([np.ones(len(label)), channel, flags, -counters])
    worth = CENTRE.copy()
    for _ in range(STEPS):
        chance = 1.0 / (1.0 + np.exp(-given - design @ worth))
        slope = design.T @ (label - chance) - TIGHTNESS * (worth - CENTRE)
        bend = (design * (chance * (1.0 - chance))[:, None]).T @ design + np.diag(TIGHTNESS)
        worth = np.clip(worth + np.clip(np.linalg.solve(bend, slope), -1.0, 1.0), LEAST, MOST)
    return Levels(*(float(value) for value in worth))


def shift(label: Floats, log_odds: Floats) -> float:
    """What to add to the neutral level, since limits take from votes: a logistic regression of one constant.

    Args:
        label: Of each audited video: 1 AI, 0 made by people.
        log_odds: What its score would be without its audit.
    """
    added = 0.0
    for _ in range(STEPS):
        chance = 1.0 / (1.0 + np.exp(-added - log_odds))
        slope = float((label - chance).sum()) - SHIFT_TIGHTNESS * added
        added += float(np.clip(slope / (float((chance * (1.0 - chance)).sum()) + SHIFT_TIGHTNESS), -1.0, 1.0))
    return added


def stretch(label: Floats, log_odds: Floats) -> float:
    """How much finished log-odds count: a logistic regression of one slope, strongly held at 1.

    Args:
        label: Of each audited video: 1 AI, 0 made by people.
        log_odds: What its score would be without its audit.
    """
    worth = 1.0
    for _ in range(STEPS):
        chance = 1.0 / (1.0 + np.exp(-worth * log_odds))
        slope = float(log_odds @ (label - chance)) - STRETCH_TIGHTNESS * (worth - 1.0)
        bend = float(log_odds**2 @ (chance * (1.0 - chance))) + STRETCH_TIGHTNESS
        worth = float(np.clip(worth + slope / bend, *STRETCH_WITHIN))
    return worth
