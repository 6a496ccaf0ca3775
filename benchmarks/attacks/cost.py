"""What a full round costs: time beside reading the same log into Arrow, and memory, in a process of its own."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv

from benchmarks import ids
from benchmarks.attacks.world import NOW_MS, Size, columns, world
from benchmarks.report import Row
from benchmarks.site import Site, measured
from benchmarks.synthetic import named
from data.columns import Ints, Keys
from data.log.read import open_columns
from data.records import CATEGORIES, NOT_AI_BIT
from publisher.scoring.rescore import rescore
from publisher.scoring.trust import full_round
from publisher.scoring.verdicts import empty

PART = "benchmarks.attacks.cost"
SEED = 1
USUAL_VOTES = 40_000
"""Votes in a world of the usual size."""
LARGEST_VOTES = 1_000_000
"""Votes in the largest world that is drawn; beyond that, worlds of this size stand side by side."""
TOUCHED_SHARE = 0.01
GIB = 1 << 30


def rows(votes: int, on_step: Callable[[str], None] = lambda _: None) -> list[Row]:
    """Imports a world of about so many votes, then measures a round and a tick after it.

    Raises:
        CommandFailed: A part did not end well.
    """
    with tempfile.TemporaryDirectory(prefix="realtube-scoring-") as directory:
        site, log, audits = Site(Path(directory) / "home"), Path(directory) / "log.csv", Path(directory) / "audits.csv"
        on_step("drawing a large world")
        measured([sys.executable, "-m", PART, "draw", str(votes), str(log), str(audits)], site.environment())
        site.realtube("init")
        on_step("importing it")
        site.realtube("import-votes", log)
        site.realtube("audit", audits)
        on_step("a full round")
        done = measured([sys.executable, "-m", PART, "round", str(site.home / "votes.db")], site.environment())
    took = done.facts()
    count, full = took["votes"], took["round"]
    note = f"{count:,} votes, {count / full:,.0f} votes/s"
    return [
        Row("scoring", "full round ÷ reading", full / took["read"], "×", 10, 20, "<=", note),
        Row("scoring", "peak memory", done.peak_bytes / GIB, "GiB", 3.0, 4.0, "<="),
        Row("scoring", f"{TOUCHED_SHARE:.0%} touched ÷ full round", took["touched"] / full, "×", 0.03, 0.10, "<="),
    ]


def _draw(votes: int, log: Path, audits: Path) -> None:
    copies = max(1, votes // LARGEST_VOTES)
    share = votes / copies / USUAL_VOTES
    size = Size(
        voters=int(20_000 * share), videos=int(30_000 * share), channels=int(3_000 * share), topics=100,
        sightings=int(300_000 * share), audits=int(200 * share),
    )  # fmt: skip
    here = world(size, SEED)
    cast = columns(here.cast, np.random.default_rng(SEED))
    names = pa.array([*CATEGORIES, "not_ai"])
    table = {
        "cast_at_ms": pa.array(np.tile(cast.cast_at_ms, copies)),
        "voter_id": named(_beside(cast.voter, size.voters, copies), ids.voter_id),
        "video_id": named(_beside(cast.video, size.videos, copies), ids.video_id),
        "category": names.take(
            pa.array(np.tile(np.log2(np.minimum(cast.categories, NOT_AI_BIT)).astype(np.int64), copies))
        ),
        "channel_id": named(_beside(cast.channel, size.channels, copies), ids.channel_id),
        "network": named(_beside(cast.network, int(cast.network.max()), copies), lambda number: f"net-{number}"),
        "voter_since_ms": pa.array(np.tile(cast.voter_since_ms, copies)),
    }
    pyarrow.csv.write_csv(pa.table(table), log, pyarrow.csv.WriteOptions(quoting_style="none"))
    labels = np.tile(here.truth[here.audited].astype(np.int64), copies)
    audited = {"video_id": named(_beside(here.audited, size.videos, copies), ids.video_id), "label": pa.array(labels)}
    pyarrow.csv.write_csv(pa.table(audited), audits, pyarrow.csv.WriteOptions(quoting_style="none"))


def _beside(keys: Keys | Ints, greatest: int, copies: int) -> Ints:
    """The keys of worlds that share nothing, one after the other."""
    return np.concatenate([keys.astype(np.int64) + copy * (greatest + 1) for copy in range(copies)])


def _round(path: Path) -> dict[str, float]:
    with open_columns(path) as log:
        last, begun = log.last_position(), time.perf_counter()
        votes = log.votes(last)
        read, decided = time.perf_counter() - begun, log.decisions(last)
    begun = time.perf_counter()
    learned = full_round(votes, decided, log_id="", position=last, now_ms=NOW_MS)
    full = time.perf_counter() - begun
    keys = np.unique(votes.video)
    touched = np.sort(np.random.default_rng(SEED).permutation(keys)[: int(len(keys) * TOUCHED_SHARE)])
    some, table = votes.take(np.isin(votes.video, touched)), empty(int(keys.max()) + 1)
    begun = time.perf_counter()
    rescore(table, some, touched, decided, learned, after=last, now_ms=NOW_MS, minimum=1)
    return {"votes": len(votes), "read": read, "round": full, "touched": time.perf_counter() - begun}


def main(what: str, *arguments: str) -> None:
    """Does one part; a round prints how long each step took."""
    if what == "draw":
        _draw(int(arguments[0]), *map(Path, arguments[1:]))
    else:
        print(orjson.dumps(_round(Path(arguments[0]))).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
