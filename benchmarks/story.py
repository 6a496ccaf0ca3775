"""The demo's story, step by step: a past of some weeks, a live hour in seconds, and what came of it."""

from __future__ import annotations

import csv
import itertools
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson

from benchmarks.crowd import HONEST, Crowd, last_words
from benchmarks.processes import Processes, free_port
from benchmarks.screen import Screen
from benchmarks.site import REALTUBE, Site
from benchmarks.voting import Sending
from data.columns import Mask
from data.records import NOT_AI_BIT, Vote, names_of

LIVE_SHARE = 0.2
"""Share of the votes that are sent over HTTP."""
MODERATORS, AUDITED_SHARE = 4, 0.04
FLAGGED = 50
"""The score from which the existing clients mark a video."""
EXAMPLE_VOTER = "b551fdf72b9892090dd33dd0e183063c739dbc6fa338137e2cf93e0e47ad6c09"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything answers."""

    intake: str
    files: str
    datasette: str


@dataclass(slots=True)
class Story:
    """One demo: call its steps in the order in which they stand here."""

    site: Site
    crowd: Crowd
    screen: Screen
    processes: Processes
    port: int
    """The intake's wanted port; the others take the next ones."""
    parts: int
    """The past is imported in so many parts, with a publish after each."""
    ticks: int
    """So many are published while votes come in."""
    intake: str = ""
    files: str = ""
    audited: set[str] = field(default_factory=set)
    """Ids of the videos that auditors have looked at."""

    @property
    def copy(self) -> Path:
        """Where the reference client keeps its rows."""
        return self.site.home.parent / "copy"

    def make_home(self) -> None:
        """Makes a home, appoints moderators, enters audited labels."""
        cast, random = self.crowd.cast, np.random.default_rng(len(self.crowd.events))
        with self.screen.step("making a home"):
            self.site.realtube("init")
        activity = np.bincount(self.crowd.events.voter, minlength=len(cast.kind))
        chosen = np.lexsort((-activity, -cast.skill, cast.kind != HONEST))[:MODERATORS]
        videos = random.choice(len(cast.is_ai), int(len(cast.is_ai) * AUDITED_SHARE), replace=False).tolist()
        with self.screen.step(
            f"appointing {MODERATORS} moderators, entering {len(videos)} audited labels", MODERATORS
        ) as done:
            for count, voter in enumerate(chosen.tolist(), 1):
                self.site.realtube("moderator", "add", self.crowd.voter_ids[voter], "--reason", "demo")
                done(count)
            labels = [(self.crowd.video_ids[video], int(cast.is_ai[video])) for video in videos]
            file = _csv(self.site.home.parent / "audits.csv", ("video_id", "label"), labels)
            self.site.realtube("audit", file, "--reason", "demo")
        self.audited = {video_id for video_id, _ in labels}

    def live_through_past(self) -> Crowd:
        """Imports the weeks before now, with a publish and a sync after each.

        Returns:
            The crowd with the votes that are still to come.
        """
        events = self.crowd.events
        cut_ms = int(events.at_ms[int(len(events) * (1 - LIVE_SHARE))])
        start_ms = _now_ms() - cut_ms - 60_000
        bounds = [part * cut_ms // self.parts for part in range(self.parts + 1)]
        count = int((events.at_ms < cut_ms).sum())
        with self.screen.step(
            f"{count:,} votes of the past weeks, imported, published, synced in {self.parts} parts", self.parts
        ) as done:
            for part, (first_ms, end_ms) in enumerate(itertools.pairwise(bounds), 1):
                votes = self.crowd.between(first_ms, end_ms).votes(start_ms)
                self.site.realtube("import-votes", _votes_csv(self.site.home.parent / f"past-{part}.csv", votes))
                self.site.realtube("publish", "--now-ms", str(start_ms + end_ms))
                self.site.realtube("sync", self.site.home / "public", self.copy)
                done(part)
        return self.crowd.between(cut_ms, int(events.at_ms[-1]) + 1)

    def open_doors(self) -> None:
        """Starts the intake and the server of the published files."""
        with self.screen.step("starting the intake and a web server for the published files"):
            port = free_port(self.port)
            self.intake = f"http://localhost:{port}"
            command = [*REALTUBE, "serve", "--port", str(port), "--no-limits"]
            self.processes.start("intake", command, self.site.environment())
            self.processes.wait_for("intake", f"{self.intake}/health/live")
            port = free_port(port + 1)
            self.files = f"http://127.0.0.1:{port}"
            command = [sys.executable, "-m", "benchmarks.tree_server", str(self.site.home / "public"), str(port)]
            self.processes.start("files", command, self.site.environment())
            self.processes.wait_for("files", f"{self.files}/v1/head")

    def take_votes(self, crowd: Crowd, seconds: float) -> None:
        """Sends votes over HTTP; publishes and follows while they come in, and once more after them."""
        votes = list(crowd.votes(0))
        sending = Sending(self.intake, votes, seconds)
        with self.screen.step(f"{len(votes):,} votes over HTTP, {self.ticks} ticks beside them", len(votes)) as done:
            sending.start()
            try:
                for tick in range(1, self.ticks + 1):
                    while sending.running() and sending.done < len(votes) * tick / (self.ticks + 1):
                        self._look_after(sending)
                        done(sending.done)
                        time.sleep(0.05)
                    self._publish_and_follow()
                while sending.running():
                    self._look_after(sending)
                    done(sending.done)
                    time.sleep(0.05)
                self._look_after(sending)
            finally:
                sending.stop()
        with self.screen.step("the last tick"):
            self._publish_and_follow()
        self._say_latencies(sending)

    def check(self) -> None:
        """Verifies the published tree as a stranger would, then compares the rows with the simulated truth."""
        with self.screen.step("verifying every promise of the published tree"):
            self.site.realtube("verify", self.files)
        rows = [orjson.loads(line) for line in self.site.realtube("rows", self.copy).output.splitlines()]
        flagged = {row["videoId"] for row in rows if row["score"] >= FLAGGED}
        standing = last_words(self.crowd.events)
        size = len(self.crowd.video_ids)
        flags = np.bincount(standing.video, standing.categories != NOT_AI_BIT, size)
        counters = np.bincount(standing.video, standing.categories == NOT_AI_BIT, size)
        unaudited = np.array([video_id not in self.audited for video_id in self.crowd.video_ids])
        judged = (flags + counters > 0) & unaudited
        ours = np.array([video_id in flagged for video_id in self.crowd.video_ids])
        self.screen.say(f"  {len(rows):,} rows are published; of {judged.sum():,} voted videos that nobody audited,")
        self.screen.say(f"  flagged (score ≥ {FLAGGED}):  {self._against_truth(ours & judged, judged)}")
        self.screen.say(f"  a majority vote:       {self._against_truth((flags > counters) & judged, judged)}")

    def open_datasette(self) -> Addresses:
        """Starts Datasette over the published files."""
        with self.screen.step("building Datasette's database from the published files"):
            port = free_port(int(self.files.rpartition(":")[2]) + 1)
            address = f"http://127.0.0.1:{port}"
            self.processes.start("datasette", [*REALTUBE, "browse", "--port", str(port)], self.site.environment())
            self.processes.wait_for("datasette", f"{address}/")
        return Addresses(self.intake, self.files, address)

    def show(self, addresses: Addresses) -> None:
        """Prints the addresses, and what to try."""
        cast = self.crowd.cast
        watched = self.crowd.video_ids[int(np.argmax(cast.watched * cast.is_ai))]
        vote = json.dumps({"videoId": watched, "category": "fully_ai", "userId": EXAMPLE_VOTER})
        self.screen.say(
            f"""
[bold]Intake[/]           {addresses.intake}
[bold]Published files[/]  {addresses.files}/v1/head
[bold]Datasette[/]        {addresses.datasette}/

A vote:
  curl -X POST {addresses.intake}/api/votes -H 'Content-Type: application/json' -d '{vote}'
A look-up:
  curl '{addresses.intake}/api/videos?videoId={watched}'
One more tick:
  REALTUBE_HOME={self.site.home} {_script()} publish
"""
        )

    def _publish_and_follow(self) -> None:
        self.site.realtube("publish")
        self.site.realtube("sync", self.files, self.copy)

    def _look_after(self, sending: Sending) -> None:
        self.processes.check()
        sending.check()

    def _say_latencies(self, sending: Sending) -> None:
        p50, p99 = np.percentile(sending.latencies_s, [50, 99]) * 1_000
        missing = sending.statuses[404]
        note = f", {missing} retractions of nothing" if missing else ""
        self.screen.say(
            f"  {sending.statuses[200]:,} votes stored{note}; answered in {p50:.0f} ms (p50), {p99:.0f} ms (p99)"
        )

    def _against_truth(self, said: Mask, judged: Mask) -> str:
        truth = self.crowd.cast.is_ai & judged
        right = (said & truth).sum()
        precision, recall = right / max(said.sum(), 1), right / max(truth.sum(), 1)
        return f"{said.sum():,} videos, precision {precision:.2f}, recall {recall:.2f}"


def _votes_csv(path: Path, votes: Iterable[Vote]) -> Path:
    columns = ("cast_at_ms", "voter_id", "video_id", "category", "channel_id", "network")
    rows = (
        (
            vote.cast_at_ms,
            vote.voter_id,
            vote.video_id,
            "|".join(names_of(vote.categories)),
            vote.channel_id,
            vote.network,
        )
        for vote in votes
    )
    return _csv(path, columns, rows)


def _csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def _script() -> str:
    """How a person calls the command line here."""
    installed = Path(sys.executable).with_name("realtube")
    return str(installed) if installed.exists() else " ".join(REALTUBE)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
