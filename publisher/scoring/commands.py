"""The commands about scores: of a file of votes, of one video or voter, of what needs eyes."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import orjson

from data.columns import Decisions
from data.home import Home, home_of
from data.input import labelfile, votefile
from data.input.votebatch import Reject, VoteBatch
from data.log import decide, lookup, schema
from data.log.append import Appender
from data.log.decide import Author
from data.log.pseudonyms import pseudonyms_of
from data.records import LATEST_MS, VIDEO_ID, VOTER_ID
from data.standing import Standing
from data.verdicts import FLAGGED
from publisher.scoring.explain import VideoExplanation, explain_video
from publisher.scoring.explain_voter import VoterExplanation, explain_voter
from publisher.scoring.from_file import ballots, score_ballots, write_scores
from publisher.scoring.pressing import learned as learned_of
from publisher.scoring.pressing import pressing
from publisher.scoring.wording import cases_text, video_text, voter_text

SHOWN_REJECTS = 5


@click.command()
@click.option(
    "--votes",
    "votes_file",
    required=True,
    metavar="FILE",
    help="Votes as for import-votes: CSV, NDJSON or Parquet, - for stdin.",
)
@click.option("--audited", type=click.Path(path_type=Path), help="CSV of video_id, label: 1 = AI, 0 = made by people.")
@click.option(
    "--moderators", type=click.Path(path_type=Path), help="Voter ids whose votes are moderators', one a line."
)
@click.option(
    "--now-ms",
    type=click.IntRange(0, LATEST_MS),
    help="Clock by which ages are counted, Unix milliseconds; default: now.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="CSV to write, Parquet if it ends in .parquet."
)
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def score(
    votes_file: str, audited: Path | None, moderators: Path | None, now_ms: int | None, out: Path, as_json: bool
) -> None:
    """Score a file of votes, without any home.

    The same rule, by the same code, as a publish. Writes video_id, score (0-100), evidence, votes and top_category,
    one line a video with a standing vote. Bad rows are left out and reported.

    \b
    Example:
      realtube score --votes votes.csv --audited labels.csv --out scores.csv
    """
    now = now_ms if now_ms is not None else _now_ms()
    rejects: list[Reject] = []
    batches = (
        votefile.read_stream(sys.stdin.buffer, "-", now) if votes_file == "-" else votefile.read(Path(votes_file), now)
    )
    cast = ballots(_good(batches, rejects))
    labels = labelfile.read_audited(audited) if audited else labelfile.AuditFile({}, ())
    appointed = labelfile.read_moderators(moderators) if moderators else labelfile.ModeratorFile((), ())
    rejects += [*labels.rejects, *appointed.rejects]
    table = score_ballots(cast, audited=labels.labels, moderators=appointed.voter_ids, now_ms=now)
    write_scores(table, out)
    for reject in rejects[:SHOWN_REJECTS]:
        click.echo(f"left out: line {reject.line}: {reject.reason}", err=True)
    flagged = int((table["score"].to_numpy() >= FLAGGED).sum())
    facts = {"videos": len(table), "flagged": flagged, "rejected": len(rejects), "out": str(out)}
    text = (
        f"scored {len(table):,} videos, {flagged:,} of them at {FLAGGED} or more; left out {len(rejects):,} rows: {out}"
    )
    click.echo(orjson.dumps(facts) if as_json else text)


@click.command()
@click.argument("video_id", required=False)
@click.option("--voter", "voter_id", metavar="VOTER_ID", help="Explain what this voter's votes count for instead.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def explain(video_id: str | None, voter_id: str | None, as_json: bool) -> None:
    """Say why a video scores as it does.

    The prior, each vote's part in log-odds, what was limited and why, the rulings, and what would change the verdict.
    All votes that are in the log now count. Voters are shown under pseudonyms that only this home can give.

    \b
    Example:
      realtube explain dQw4w9WgXcQ
      realtube explain --voter 5f0c…
    """
    if (video_id is None) == (voter_id is None):
        raise click.UsageError("give either VIDEO_ID or --voter VOTER_ID")
    home = home_of(os.environ)
    with closing(schema.open_for_reading(home.votes_log)) as log:
        decided = lookup.decisions_after(log, 0)
        learned = learned_of(home, decided, _now_ms())
        pseudonym = pseudonyms_of(log)
        if video_id is not None:
            found = _explain_video(log, video_id, decided, learned, pseudonym)
            click.echo(orjson.dumps(asdict(found)) if as_json else video_text(found))
        else:
            voter = _explain_voter(log, str(voter_id), decided, learned, pseudonym)
            click.echo(orjson.dumps(asdict(voter)) if as_json else voter_text(voter))


@click.command()
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, the most pressing first."
)
@click.option(
    "--release",
    metavar="VIDEO_ID",
    help="Let what is held of this video count from now on instead.",
)
@click.option("--reason", help="Why; must stand beside --release, and is kept with the decision.")
@click.option("--actor", help="Who releases; kept, never published. Default: your login name.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def review(limit: int, release: str | None, reason: str | None, actor: str | None, as_json: bool) -> None:
    """List what needs a person's eyes, or release what is held.

    Held bursts and flips, clusters of voters who voted within three days, disputed videos and open appeals, by reach
    and uncertainty, each with the command to run next. Reads the whole log. Voters are shown under pseudonyms.

    \b
    Example:
      realtube review --limit 5
      realtube review --release dQw4w9WgXcQ --reason "a popular channel linked to it"
    """
    home = home_of(os.environ)
    if release is not None:
        _release(home, release, reason, actor, as_json=as_json)
        return
    if reason or actor:
        raise click.UsageError("--reason and --actor stand beside --release")
    cases = pressing(home, now_ms=_now_ms(), limit=limit).cases
    click.echo(orjson.dumps([asdict(case) for case in cases]) if as_json else cases_text(cases))


def _release(home: Home, video_id: str, reason: str | None, actor: str | None, *, as_json: bool) -> None:
    if not VIDEO_ID.fullmatch(video_id):
        raise click.BadParameter("expected 1 to 16 characters of A-Z a-z 0-9 _ -", param_hint="--release")
    if not reason:
        raise click.UsageError("--release needs --reason")
    author = Author(_now_ms(), actor or decide.login(), reason)
    with closing(schema.open_for_append(home.votes_log)) as log:
        appender = Appender(log)
        with appender.transaction():
            changed = decide.rule_on_video(appender, video_id, "release", author)
    text = f"all votes on {video_id} so far count from now on"
    click.echo(orjson.dumps({"changed": changed}) if as_json else text)


def _explain_video(
    log: sqlite3.Connection, video_id: str, decided: Decisions, learned: Standing, pseudonym: Callable[[int], str]
) -> VideoExplanation:
    if not VIDEO_ID.fullmatch(video_id):
        raise click.BadParameter("expected 1 to 16 characters of A-Z a-z 0-9 _ -", param_hint="VIDEO_ID")
    videos = lookup.video_by_id(log, video_id)
    if not videos:
        raise click.ClickException(f"nobody has voted on {video_id}: there is nothing to explain")
    return explain_video(
        next(iter(videos.items())),
        lookup.votes_of(log, videos),
        decided,
        learned,
        pseudonym=pseudonym,
        channel_id=lambda channel: lookup.channel_ids(log, np.array([channel], np.int32)).get(channel, ""),
        now_ms=_now_ms(),
    )


def _explain_voter(
    log: sqlite3.Connection, voter_id: str, decided: Decisions, learned: Standing, pseudonym: Callable[[int], str]
) -> VoterExplanation:
    voter_id = voter_id.strip().lower()
    if not VOTER_ID.fullmatch(voter_id):
        raise click.BadParameter("expected 1 to 64 hex digits", param_hint="--voter")
    voter = lookup.voter_by_id(log, voter_id)
    if not voter:
        raise click.ClickException("this voter has never voted: there is nothing to explain")
    videos = lookup.videos_of_voter(log, voter)
    votes = lookup.votes_of(log, videos)
    return explain_voter(voter, votes, decided, learned, pseudonym=pseudonym, video_ids=videos, now_ms=_now_ms())


def _good(batches: Iterable[VoteBatch], rejects: list[Reject]) -> Iterator[VoteBatch]:
    for batch in batches:
        rejects.extend(batch.rejects)
        yield batch


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
