"""Any history of votes, decisions and ticks: clients arrive exactly, and a rebuild says the same."""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.reference import sync
from data.formats import base, epochs, files, ring
from data.formats.epochs import Epochs
from data.formats.head import parse
from data.formats.rows import Rows
from data.formats.tree import HEAD, PACKED_FORMS, base_key, commit_key, epochs_key, files_key, roll_key
from data.log.append import Decision
from data.log.read import open_columns
from publisher.names import names_of
from publisher.scoring.rescore import rescore
from publisher.scoring.trust import full_round
from publisher.scoring.verdicts import empty
from publisher.stores.local import LocalStore
from publisher.sync.day import restore
from publisher.sync.published import load
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote, voter_id
from tests.publisher.raids import TRUSTED, earn_trust, raid, release

VIDEOS = ["dQw4w9WgXcQ", "jNQXAC9IVRw", "AAAAAAAAAAA", "_______----", "short", "x", "sixteencharacter", "dQw4w9WgXcR"]
STANCES = [("fully_ai",), ("ai_voiceover", "ai_visuals"), ("not_ai",), ()]


@dataclass(frozen=True)
class Step:
    """What happens before a tick, and how long after the last one it comes."""

    votes: list[tuple[int, int, int]]
    """(voter, video, stance)."""
    audit: tuple[int, int] | None
    appoint: int | None
    crowd: tuple[int, int, int]
    """(size, video, stance) of a sudden crowd of new voters."""
    release: int | None
    raid: tuple[int, int, int]
    """(first trusted voter, how many videos, stance) of few voters who say one thing of many videos."""
    wait_ms: int


steps = st.lists(
    st.builds(
        Step,
        votes=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7), st.integers(0, 3)), max_size=12),
        audit=st.none() | st.tuples(st.integers(0, 7), st.integers(0, 1)),
        appoint=st.none() | st.integers(0, 3),
        crowd=st.sampled_from([(0, 0, 0), (23, 0, 0), (30, 0, 2), (26, 3, 1)]),
        release=st.none() | st.sampled_from([0, 3]),
        raid=st.sampled_from([(0, 0, 0), (0, 24, 0), (0, 30, 1), (3, 25, 2), (2, 22, 0)]),
        wait_ms=st.sampled_from([1, HOUR_MS, 9 * HOUR_MS, DAY_MS, 3 * DAY_MS]),
    ),
    min_size=1,
    max_size=7,
)


def play(site: Site, history: list[Step]) -> None:
    """Lets a history happen."""
    now_ms = START_MS
    earn_trust(site)
    for number, step in enumerate(history):
        site.cast(*(vote(v, VIDEOS[n], *STANCES[s], at_ms=now_ms) for v, n, s in step.votes))
        size, video, stance = step.crowd
        newcomers = range(100 + 40 * number, 100 + 40 * number + size)
        site.cast(*(vote(v, VIDEOS[video], *STANCES[stance], at_ms=now_ms + 1) for v in newcomers))
        if step.release is not None:
            site.decide(Decision(now_ms, "release", "tests", "tests", video_id=VIDEOS[step.release]))
            release(site, step.release)
        first, many, stance = step.raid
        raid(site, range(many), at_ms=now_ms + 2, says=STANCES[stance][0], voters=TRUSTED[first:])
        if step.audit:
            site.audit(VIDEOS[step.audit[0]], step.audit[1])
        if step.appoint is not None:
            site.decide(Decision(now_ms, "moderator_add", "tests", "tests", voter_id=voter_id(step.appoint)))
        now_ms += step.wait_ms
        site.publish(now_ms)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_every_pair_of_ticks(history: list[Step]) -> None:
    """For every pair of ticks a <= b, a client that is at a arrives exactly at b."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        site = new_site(directory)
        play(site, history)
        commits = [site.home.public / commit_key(seq) for seq in range(1, len(history) + 1)]
        head = site.home.public / HEAD
        for a, start in enumerate(commits):
            for b, end in enumerate(commits[a:], a):
                held = directory / f"held-{a}-{b}"
                head.write_bytes(start.read_bytes())
                sync(str(site.home.public), held)
                head.write_bytes(end.read_bytes())
                report = sync(str(site.home.public), held)

                assert report.seq == b + 1
                assert report.rows == parse(end.read_bytes())[0].n


@settings(max_examples=25, deadline=None)
@given(steps)
def test_rebuild_equals_the_incremental_run(history: list[Step]) -> None:
    """Scoring everything anew at each commit's position, by each commit's round, gives each commit's rows."""
    with tempfile.TemporaryDirectory() as scratch:
        site = new_site(Path(scratch))
        play(site, history)
        with open_columns(site.home.votes_log) as log:
            names = names_of(log)
            ids, table, after = names.ids, empty(len(names.ids)), 0
            for seq in range(1, len(history) + 1):
                head, _ = parse((site.home.public / commit_key(seq)).read_bytes())
                body = site.store.read(files_key(seq, head.files.sha256))
                assert body is not None
                listing = files.parse(body)
                standing = full_round(
                    log.votes(listing.round_position), log.decisions(listing.round_position),
                    log_id=head.log, position=listing.round_position, now_ms=listing.round_ms,
                )  # fmt: skip
                votes = log.votes(head.through_position)
                scored = rescore(
                    table, votes, np.unique(votes.video), log.decisions(head.through_position), standing,
                    after=after, now_ms=head.ts, minimum=site.settings.minimum_score,
                )  # fmt: skip
                table, after = scored.table, head.through_position

                assert rows_of(table.rows(ids)[1]) == (head.n, head.state)
        newest = load(site.store, site.head(), names).table
        assert newest.held.tolist() == table.held.tolist()
        assert newest.flip_held_ms.tolist() == table.flip_held_ms.tolist()


def test_histories_hold_flips() -> None:
    """The histories above are of the kind that holds flips, ends holds, and does so both ways."""
    quiet = Step([], None, None, (0, 0, 0), None, (0, 0, 0), HOUR_MS)
    history = [quiet, replace(quiet, raid=(0, 24, 0)), replace(quiet, release=3), replace(quiet, wait_ms=3 * DAY_MS)]
    history += [replace(quiet, raid=(3, 25, 2))]
    with tempfile.TemporaryDirectory() as scratch:
        held = []
        for length in range(1, len(history) + 1):
            fresh = new_site(Path(scratch) / str(length))
            play(fresh, history[:length])
            with open_columns(fresh.home.votes_log) as log:
                held.append(int((load(fresh.store, fresh.head(), names_of(log)).table.flip_held_ms > 0).sum()))
    assert held == [0, 24, 23, 0, 24]


@settings(max_examples=25, deadline=None)
@given(steps)
def test_published_state_reads_back(history: list[Step]) -> None:
    """The day and the verdicts that the next tick starts from are the ones that the last tick left."""
    with tempfile.TemporaryDirectory() as scratch:
        site = new_site(Path(scratch))
        play(site, history)
        assert isinstance(site.store, LocalStore)
        with open_columns(site.home.votes_log) as log:
            names = names_of(log)
        published = load(site.store, site.head(), names)
        ids = names.ids

        assert rows_of(published.day.rows()) == (published.head.n, published.head.state)
        assert rows_of(published.table.rows(ids)[1]) == (published.head.n, published.head.state)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_both_forms_say_the_same(history: list[Step]) -> None:
    """At each tick the packed base and ring, and their JSON twins, give the rows of the head."""
    with tempfile.TemporaryDirectory() as scratch:
        site = new_site(Path(scratch))
        play(site, history)
        for seq in range(1, len(history) + 1):
            head, _ = parse(site.store.read(commit_key(seq)) or b"")
            listed = files.parse(site.store.read(files_key(seq, head.files.sha256)) or b"").files
            bodies = {
                key.rsplit("-", 1)[1].split(".", 1)[1]: site.store.read(key) or b"" for key in listed if "/e/" in key
            }
            ring_body = bodies.get("bin", b"")
            blocks = ring.decode(ring_body, head.ring.sizes, head.ring.block) if head.ring else []
            packed = restore(base.decode_packed(bodies["p1"], bodies["p2"]), head.base.seq, blocks).rows()
            spelled = rows_in_json(bodies["json.gz"], bodies.get("jsonl.gz", b""))

            assert rows_of(packed) == (head.n, head.state)
            assert spelled == plain(packed)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_rolls_lead_from_every_base(history: list[Step]) -> None:
    """Each published roll, applied to its base, gives the base that it leads to; no epoch of 30 days is missing."""
    with tempfile.TemporaryDirectory() as scratch:
        site = new_site(Path(scratch))
        play(site, history)
        heads = [parse(site.store.read(commit_key(seq)) or b"")[0] for seq in range(1, len(history) + 1)]
        found = {head.epoch: epochs.parse(site.store.read(epochs_key(head.epochs.sha256)) or b"") for head in heads}
        names = sorted(found)
        for place, epoch in enumerate(names):
            assert [roll.epoch for roll in found[epoch].rolls] == names[:place][::-1]
            for roll in found[epoch].rolls:
                earlier = base_rows(site, found[roll.epoch])
                key = roll.file and roll_key(epoch, roll.epoch, roll.file.sha256)
                blocks = [ring.decode_block(site.store.read(key) or b"")] if key else []

                assert (roll.n, roll.seq) == (len(earlier), found[roll.epoch].seq)
                assert rows_of(restore(earlier, 1, blocks).rows()) == (found[epoch].n, found[epoch].state)


def base_rows(site: Site, of: Epochs) -> Rows:
    """The rows of a published packed base."""
    p1, p2 = (site.store.read(base_key(of.epoch, of.files[form].sha256, form)) or b"" for form in PACKED_FORMS)
    return base.decode_packed(p1, p2)


def rows_in_json(packed_base: bytes, packed_ring: bytes) -> list[tuple[str, int, int]]:
    """Rows as the JSON base and ring say, by the page's rules, in no order of their own."""
    value = json.loads(gzip.decompress(packed_base))
    ids = [value["ids"][n : n + 11] for n in range(0, len(value["ids"]), 11)] + value["others"]
    rows: list[tuple[int, int] | None] = list(
        zip(base64.b64decode(value["scores"]), base64.b64decode(value["flags"]), strict=True)
    )
    lines = gzip.decompress(packed_ring).decode().replace("}{", "}\n{").splitlines() if packed_ring else []
    for block in map(json.loads, reversed(lines)):
        assert not block["added"] or block["first"] == len(ids)
        ids += block["added"]
        rows += [None] * len(block["added"])
        values = zip(base64.b64decode(block["scores"]), base64.b64decode(block["flags"]), strict=True)
        for number, value in zip(block["rows"], values, strict=True):
            rows[number] = value
        for number in block["removed"]:
            rows[number] = None
    return sorted((name, *row) for name, row in zip(ids, rows, strict=True) if row)


def plain(rows: Rows) -> list[tuple[str, int, int]]:
    """Rows as `rows_in_json` gives them."""
    columns = zip(rows.ids.tolist(), rows.scores.tolist(), rows.flags.tolist(), strict=True)
    return sorted((video_id.decode(), score, flags) for video_id, score, flags in columns)


def rows_of(rows: Rows) -> tuple[int, str]:
    """What a head says of rows."""
    return len(rows), rows.state()
