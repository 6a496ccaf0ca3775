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
from data.log.read import open_columns
from data.records import CATEGORIES, NOT_AI_BIT
from publisher.scoring.rescore import rescore
from publisher.scoring.trust import full_round
from publisher.scoring.verdicts import empty

PART = "benchmarks.attacks.cost"
SEED = 1
USUAL_VOTES = 40_000
"""Votes in a world of the usual size."""
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
    share = votes / USUAL_VOTES
    size = Size(
        voters=int(20_000 * share), videos=int(30_000 * share), channels=int(3_000 * share), topics=100,
        sightings=int(300_000 * share), audits=int(200 * share),
    )  # fmt: skip
    here = world(size, SEED)
    cast = columns(here.cast, np.random.default_rng(SEED))
    names = pa.array([*CATEGORIES, "not_ai"])
    table = {
        "cast_at_ms": pa.array(cast.cast_at_ms),
        "voter_id": named(cast.voter, ids.voter_id),
        "video_id": named(cast.video, ids.video_id),
        "category": names.take(pa.array(np.log2(np.minimum(cast.categories, NOT_AI_BIT)).astype(np.int64))),
        "channel_id": named(cast.channel, ids.channel_id),
        "network": named(cast.network, lambda number: f"net-{number}"),
        "voter_since_ms": pa.array(cast.voter_since_ms),
    }
    pyarrow.csv.write_csv(pa.table(table), log, pyarrow.csv.WriteOptions(quoting_style="none"))
    labels = here.truth[here.audited].astype(np.int64)
    audited = {"video_id": named(here.audited, ids.video_id), "label": pa.array(labels)}
    pyarrow.csv.write_csv(pa.table(audited), audits, pyarrow.csv.WriteOptions(quoting_style="none"))


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
