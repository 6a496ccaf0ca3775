"""Scores votes that stand in a file, with no home at all: the same rule by the same code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from data.columns import NO_VOTES, Decisions, Keys, Votes
from data.decisions import audits_and_moderators
from data.input.votebatch import VoteBatch
from data.records import CATEGORIES
from data.score import Verdicts
from publisher.scoring.trust import score_all


@dataclass(frozen=True, slots=True)
class Ballots:
    """Votes of a file as columns, and what their keys stand for."""

    votes: Votes
    video_ids: pa.Array
    """By video key; entry 0 is empty."""
    voter_ids: pa.Array
    """By voter key; entry 0 is empty."""


def ballots(batches: Iterable[VoteBatch]) -> Ballots:
    """Puts the batches of vote files together; positions follow the order of the rows."""
    parts = list(batches)
    voter, voter_ids = _keys([part.voter_id for part in parts])
    video, video_ids = _keys([part.video_id for part in parts])
    channel, _ = _keys([part.channel_id for part in parts])
    network, _ = _keys([part.network for part in parts])
    votes = Votes(
        position=np.arange(1, len(voter) + 1, dtype=np.int64),
        cast_at_ms=np.concatenate([NO_VOTES.cast_at_ms, *(part.cast_at_ms for part in parts)]),
        voter=voter,
        video=video,
        categories=np.concatenate([NO_VOTES.categories, *(part.categories for part in parts)]),
        channel=channel,
        network=network,
        voter_since_ms=np.concatenate([NO_VOTES.voter_since_ms, *(part.voter_since_ms for part in parts)]),
    )
    return Ballots(votes, video_ids, voter_ids)


def score_ballots(cast: Ballots, *, audited: Mapping[str, int], moderators: Sequence[str], now_ms: int) -> pa.Table:
    """Scores every video that has a standing vote.

    Args:
        cast: The votes.
        audited: Video id -> label, 1 AI, 0 made by people; ids without votes tell the share of AI all the same.
        moderators: Voter ids.
        now_ms: By which ages are counted, Unix milliseconds.

    Returns:
        Columns `video_id, score, evidence, votes, top_category`, one row a video, by id; `score` is 0-100.
    """
    decided = _decisions(cast, audited, moderators)
    scores = score_all(cast.votes, decided, now_ms=now_ms)
    return _table(scores.verdicts, cast.video_ids.take(pa.array(scores.videos)))


def write_scores(table: pa.Table, path: Path) -> None:
    """Writes a table of `score_ballots` as CSV, or as Parquet when the path ends so."""
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    else:
        pacsv.write_csv(table, path, pacsv.WriteOptions(quoting_style="none", quoting_header="none"))


def _table(verdicts: Verdicts, video_ids: pa.Array) -> pa.Table:
    leading = np.where(verdicts.category_score.max(axis=1, initial=0) > 0, verdicts.category_score.argmax(axis=1), -1)
    top = pa.array(["", *CATEGORIES]).take(pa.array(leading + 1))
    table = pa.table(
        {
            "video_id": video_ids,
            "score": np.round(verdicts.score * 100, 4),
            "evidence": np.round(verdicts.evidence, 4),
            "votes": verdicts.voters,
            "top_category": top,
        }
    )
    return table.sort_by("video_id")


def _decisions(cast: Ballots, audited: Mapping[str, int], moderators: Sequence[str]) -> Decisions:
    videos = _key_of(list(audited), cast.video_ids)
    voters = _key_of(list(moderators), cast.voter_ids)
    return audits_and_moderators(videos, np.array(list(audited.values()), np.uint8), voters)


def _key_of(ids: Sequence[str], by_key: pa.Array) -> Keys:
    """Keys of ids; those that no vote names get keys beyond the end."""
    found = pc.index_in(pa.array(ids, pa.string()), value_set=by_key)
    beyond = len(by_key) + np.arange(len(ids))
    return np.where(pc.is_valid(found), found.fill_null(0), beyond).astype(np.int32)


def _keys(columns: Sequence[pa.DictionaryArray]) -> tuple[Keys, pa.Array]:
    """Dense keys from 1 in order of first appearance, and the ids by key; the empty id has key 0."""
    if not columns:
        return np.empty(0, np.int32), pa.array([""])
    whole = pa.chunked_array([column.dictionary_decode() for column in columns]).combine_chunks().dictionary_encode()
    ids = [""] + [text for text in whole.dictionary.to_pylist() if text]
    key_of_index = np.array(pc.index_in(whole.dictionary, value_set=pa.array(ids)), np.int32)
    return key_of_index[whole.indices.to_numpy()], pa.array(ids)
