"""Explanations as text for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from data.cases import Case
from publisher.scoring.explain import VideoExplanation, VoteLine
from publisher.scoring.explain_voter import VoterExplanation

SHOWN_VOTES = 20
"""More votes than these are summed up in one line."""


def video_text(found: VideoExplanation) -> str:
    """Why a video scores as it does, for people."""
    channel = f" (channel {found.channel}; a video of no known channel: {found.neutral:+.2f})" if found.channel else ""
    lines = [f"{found.video_id} scores {found.score:.1f}", f"  {found.prior:+6.2f}  prior{channel}"]
    lines += [_vote_text(line) for line in found.votes[:SHOWN_VOTES]]
    if len(found.votes) > SHOWN_VOTES:
        rest = sum(line.counted for line in found.votes[SHOWN_VOTES:])
        lines.append(f"  {rest:+6.2f}  {len(found.votes) - SHOWN_VOTES} more votes (all of them with --json)")
    if found.held:
        lines.append(f"  {0:+6.2f}  {found.held} votes are held: a burst (realtube review says what to do)")
    if found.clustered:
        lines.append(f"  {0:+6.2f}  {found.clustered} votes repeat their cluster: voters who vote together count once")
    worth = f", times {found.stretch:.2f} as audits have it" if found.stretch != 1 else ""
    lines += [f"  {found.log_odds:+6.2f}  together, in log-odds: 0 is a score of 50{worth}"]
    if found.prior_only:
        lines.append("          prior only: no flag counts, and a prior alone leads no further than 49")
    if found.flip_held_until:
        lines.append(f"          held on its old side of 50 until {found.flip_held_until}:")
        lines.append("          few voters turned very many videos at once (realtube review says what to do)")
    lines += [f"          {ruling}" for ruling in found.rulings]
    if not found.rulings:
        lines.append(f"To cross 50 it lacks {found.to_cross:+.2f}. That would take:")
        lines += [f"  {change.voters or 'over 40'} more {change.kind}" for change in found.changes]
    return "\n".join(lines)


def _vote_text(line: VoteLine) -> str:
    limited = f"  [weight {line.weight:.2f}: {line.why}]" if line.why else ""
    return f"  {line.counted:+6.2f}  {line.voter}  {line.level:<11} {', '.join(line.says)}{limited}"


def voter_text(found: VoterExplanation) -> str:
    """What a voter's votes count for, for people."""
    together = f"votes together with {found.together - 1} others: they count once" if found.together else "votes alone"
    lines = [
        f"{found.voter}, {found.level}{', banned' if found.banned else ''}",
        f"  {found.flag_weight:5.2f}  log-odds of a flag",
        f"  {found.counter_weight:5.2f}  log-odds of a counter-vote",
        f"  {found.proven:5.0%}  of it rests on a long record",
        f"  {together}",
        f"  claims of channels {'count' if found.truthful else 'do not count'}",
        f"{len(found.votes):,} standing votes{', the first of them' if len(found.votes) > SHOWN_VOTES else ''}:",
    ]
    for line in found.votes[:SHOWN_VOTES]:
        audited = f"  audited: {line.audit}" if line.audit else ""
        lines.append(f"  {line.video_id:<16}  {line.score:>3}  {', '.join(line.says)}{audited}")
    return "\n".join(lines)


def cases_text(cases: Sequence[Case]) -> str:
    """What needs eyes, for people."""
    lines = []
    for case in cases:
        lines.append(f"{case.priority:8.1f}  {case.kind:<8} {case.about:<16} score {case.score:>3}  {case.why}")
        lines.append(f"{'':8}  {case.votes:,} votes, {case.held:,} held; next: {case.command}")
    return "\n".join(lines) or "nothing needs eyes"
