"""Real crowds with known truth: accuracy, and fresh accounts against them. The files stay outside the project."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.attacks.world import DAY_MS, START_MS
from data.columns import Decisions, Floats, Ints, Keys, Mask, Votes, standing
from data.decisions import audits_and_moderators
from data.records import NOT_AI_BIT
from publisher.scoring.trust import score_all

SETS = ("rte", "D_Product", "SP", "ZenCrowd_us", "bluebird", "Mozafari")
SPAN_MS = 90 * DAY_MS
AUDITED_RATIO = 0.05


@dataclass(frozen=True, slots=True)
class Labelled:
    """One set; tasks are videos, workers voters, keys from 1."""

    votes: Votes
    truth: Ints
    """By video key: 1, 0, or -1 unknown."""
    audited: Keys

    def decisions(self) -> Decisions:
        """The audits, as the log has them."""
        labels = self.truth[self.audited].astype(np.uint8)
        return audits_and_moderators(self.audited, labels, np.empty(0, np.int32))


def load(folder: Path, name: str, seed: int) -> Labelled:
    """Reads a set: votes in file order over ninety days, voters known for sixty before, a twentieth audited."""
    with (folder / f"{name}.votes.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    with (folder / f"{name}.truth.csv").open(newline="") as file:
        known = dict(row[:2] for row in list(csv.reader(file))[1:])
    tasks = {task: key for key, task in enumerate(dict.fromkeys(row[0] for row in rows), 1)}
    workers = {worker: key for key, worker in enumerate(dict.fromkeys(row[1] for row in rows), 1)}
    truth = np.full(len(tasks) + 1, -1)
    for task, label in known.items():
        if task in tasks:
            truth[tasks[task]] = int(label)
    labelled = np.flatnonzero(truth >= 0)
    audited = np.random.default_rng(seed).permutation(labelled)[: max(1, int(len(labelled) * AUDITED_RATIO))]
    place = np.arange(len(rows), dtype=np.int64)
    voter = np.array([workers[row[1]] for row in rows], np.int32)
    votes = Votes(
        position=place + 1,
        cast_at_ms=START_MS + place * SPAN_MS // len(rows),
        voter=voter,
        video=np.array([tasks[row[0]] for row in rows], np.int32),
        categories=np.array([1 if row[2] == "1" else NOT_AI_BIT for row in rows], np.uint8),
        channel=np.zeros(len(rows), np.int32),
        network=voter,
        voter_since_ms=np.full(len(rows), START_MS - 60 * DAY_MS),
    )
    return Labelled(votes, truth, np.sort(audited).astype(np.int32))


def scores(crowd: Labelled, votes: Votes) -> Floats:
    """Score 0-1 by video key."""
    found = score_all(votes, crowd.decisions(), now_ms=START_MS + SPAN_MS)
    by_key = np.zeros(len(crowd.truth))
    by_key[found.videos] = found.verdicts.score
    return by_key


def accuracy(crowd: Labelled, by_key: Floats) -> float:
    """The share of labelled tasks on the right side of 50."""
    known: Mask = crowd.truth >= 0
    return float(((by_key >= 0.5) == crowd.truth)[known].mean())


def majority_accuracy(crowd: Labelled) -> float:
    """The same of the majority vote, ties flagged."""
    votes = standing(crowd.votes)
    flags = np.bincount(votes.video, votes.categories < NOT_AI_BIT, len(crowd.truth))
    return accuracy(crowd, flags / np.maximum(1, np.bincount(votes.video, minlength=len(crowd.truth))))


def attacked(crowd: Labelled, accounts: int) -> float:
    """The share of negative tasks that this many fresh accounts a task, one vote each, take to 50 or leave there."""
    negative = np.flatnonzero(crowd.truth == 0)
    size = len(negative) * accounts
    first = int(crowd.votes.voter.max()) + 1
    nobody = np.zeros(size, np.int32)
    more = Votes(
        position=len(crowd.votes) + 1 + np.arange(size, dtype=np.int64),
        cast_at_ms=np.full(size, START_MS + SPAN_MS - 1000),
        voter=(first + np.arange(size)).astype(np.int32),
        video=np.repeat(negative, accounts).astype(np.int32),
        categories=np.ones(size, np.uint8),
        channel=nobody,
        network=nobody,
        voter_since_ms=np.zeros(size, np.int64),
    )
    both = Votes(*(np.concatenate([getattr(crowd.votes, n), getattr(more, n)]) for n in Votes.__slots__))
    return float((scores(crowd, both)[negative] >= 0.5).mean())
