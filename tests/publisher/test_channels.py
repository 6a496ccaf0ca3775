"""Channels are published with their share of AI and its interval, all day long, and a prior alone flags nothing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from clients.reference import sync
from clients.verify import verify
from data.formats import files
from data.formats.head import parse
from data.formats.tree import files_key
from data.standing import Channels
from publisher.operations.orders import Order
from publisher.run import publish
from publisher.scoring.channel_scores import ChannelScores, channel_scores, no_channels
from publisher.scoring.verdicts import empty
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote
from tests.publisher.raids import TRUSTED, earn_trust
from tests.publisher.test_rulings import verdict

AI, PEOPLE, UNSETTLED, CLAIMED = "UC_machine", "UC_studio", "UC_unsettled", "UC_claimed"
OLD_MS = START_MS - 60 * DAY_MS


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Trusted voters know one channel of AI and one of people; of two more there are claims by newcomers."""
    made = new_site(tmp_path)
    earn_trust(made)
    for channel, says in ((AI, "fully_ai"), (PEOPLE, "not_ai")):
        made.cast(*(
            vote(who, f"{channel[3:6]}{n}", says, at_ms=OLD_MS, channel_id=channel)
            for who in TRUSTED for n in range(15)
        ))  # fmt: skip
    made.cast(*(vote(n, "unsettled", "fully_ai", channel_id=UNSETTLED) for n in (1, 2)))
    made.cast(vote(1, "claimed", "fully_ai", channel_id=CLAIMED))
    made.publish(START_MS)
    return made


def listed(site: Site) -> list[dict[str, Any]]:
    """The channel scores that the newest tick lists."""
    (key,) = (key for key in newest_files(site) if "/channels-" in key)
    rows: list[dict[str, Any]] = pq.read_table(site.home.public / key).to_pylist()
    return rows


def newest_files(site: Site) -> list[str]:
    """Keys that the newest tick lists."""
    head = parse(site.head())[0]
    return list(files.parse((site.home.public / files_key(head.seq, head.files.sha256)).read_bytes()).files)


def told(site: Site, kind: str) -> list[dict[str, Any]]:
    """The channels of the newest tick's full or delta file."""
    (key,) = (key for key in newest_files(site) if f"/{kind}-" in key)
    found = json.loads(gzip.decompress((site.home.public / key).read_bytes()))
    return [{name: value for name, value in one.items() if name != "lastUpdated"} for one in found["channels"]]


def test_channels_have_scores_with_intervals(site: Site) -> None:
    """Those that independent voters agree on and of which something is settled, by id; strangers find nothing wrong."""
    machine, studio = listed(site)

    assert [machine["channel_id"], studio["channel_id"]] == [AI, PEOPLE]
    assert machine["score"] >= 80
    assert studio["score"] <= 20
    assert all(one["low"] <= one["score"] <= one["high"] for one in (machine, studio))
    assert machine["low"] > studio["high"]
    assert [(one["settled"], one["videos"], one["flagged"]) for one in (machine, studio)] == [(15, 15, 15), (15, 15, 0)]
    assert verify(site.home.public).seq == 1


def test_a_day_has_one_list(site: Site) -> None:
    """Written by the epoch's first tick, listed by all of its ticks; a row that stays keeps its time."""
    (first,) = (key for key in newest_files(site) if "/channels-" in key)
    site.cast(vote(3, "mac0", "fully_ai", at_ms=START_MS + 1))
    site.publish(START_MS + HOUR_MS)
    assert [key for key in newest_files(site) if "/channels-" in key] == [first]
    site.cast(*(vote(who, "mac15", "fully_ai", at_ms=START_MS + 2, channel_id=AI) for who in TRUSTED))
    site.publish(START_MS + DAY_MS)
    machine, studio = listed(site)

    assert (machine["videos"], studio["videos"]) == (16, 15)
    assert machine["changed_at"] > studio["changed_at"]
    assert len(list(site.home.public.rglob("channels-*.parquet"))) == 2
    assert verify(site.home.public).seq == 3


def test_clients_of_the_http_interface_are_told(site: Site) -> None:
    """The base's channels in full, what the day's round changed in each delta, a channel that is gone as removed."""
    now = [
        {"channelId": one["channel_id"], "score": one["score"], "totalVideos": 15, "flaggedVideos": one["flagged"]}
        for one in listed(site)
    ]
    assert told(site, "full") == now
    assert verdict(site, "mac0")["channel_id"] == AI
    site.cast(*(vote(who, f"stu{n}", at_ms=START_MS + 1) for who in TRUSTED for n in range(15)))
    site.publish(START_MS + DAY_MS)
    assert [one["channel_id"] for one in listed(site)] == [AI]
    removed = {"channelId": PEOPLE, "action": "remove", "score": 0}
    for hour in (0, 1):
        site.cast(vote(7 + hour, "mac1", "fully_ai", at_ms=START_MS + DAY_MS + hour))
        site.publish(START_MS + DAY_MS + (1 + hour) * HOUR_MS)
        assert told(site, "full") == now
        assert removed in told(site, "delta")
        assert {one["channelId"] for one in told(site, "delta")} <= {AI, PEOPLE}

    assert verify(site.home.public).seq == 4


def test_a_video_carries_its_channel_s_score(site: Site) -> None:
    """In files as the day's list has it; 0 where the channel has none."""
    (key,) = (key for key in newest_files(site) if "/full-" in key)
    found = json.loads(gzip.decompress((site.home.public / key).read_bytes()))["videos"]
    scores = {one["channelId"]: one["channelScore"] for one in found}

    assert scores[AI] == listed(site)[0]["score"]
    assert (scores[""], scores[UNSETTLED]) == (0, 0)


def test_a_new_video_of_a_known_channel_carries_its_prior(site: Site, tmp_path: Path) -> None:
    """Published, marked, at most 49; the first flag that weighs something takes the mark off."""
    site.cast(vote(TRUSTED[0], "new", "not_ai", at_ms=START_MS + 1, channel_id=AI))
    site.cast(vote(TRUSTED[1], "other", "fully_ai", at_ms=START_MS + 1, channel_id=AI))
    site.publish(START_MS + HOUR_MS)
    row, other = verdict(site, "new"), verdict(site, "other")
    sync(str(site.home.public), tmp_path / "held")

    assert (row["published"], row["prior_only"], row["voters"]) == (True, True, 1)
    assert isinstance(row["score"], int)
    assert 20 <= row["score"] <= 49
    assert (other["published"], other["prior_only"]) == (True, False)
    assert verify(site.home.public).seq == 2


def test_the_list_follows_the_one_before() -> None:
    """Rows whose numbers are the same keep their time; what is neither agreed on nor settled is left out."""
    learned = Channels(
        low=np.array([0, 0.03, 0.5, 0.5, 0.5]),
        share=np.array([0, 0.045, 0.6, 0.6, 0.6]),
        high=np.array([0, 0.03, 0.85, 0.85, 0.85]),
        settled=np.array([9.0, 2, 3, 0, 4]),
    )
    table = empty(6)
    table.channel[1:] = [1, 2, 3, 0, 2]
    table.voters[1:] = [1, 1, 1, 1, 0]
    table.score[1:], table.published[1:] = 50, [True, False, True, True, True]
    first = channel_scores(learned, table, no_channels(), now_ms=5)
    table.published[2] = True
    then = channel_scores(learned, table, first, now_ms=9)

    assert first.channel.tolist() == [1, 2]
    assert numbers(first) == [(5, 3, 5, 2, 1, 1), (60, 50, 85, 3, 1, 0)]
    assert numbers(then) == [(5, 3, 5, 2, 1, 1), (60, 50, 85, 3, 1, 1)]
    assert (first.changed_ms.tolist(), then.changed_ms.tolist()) == ([5, 5], [5, 9])
    assert then.by_key(4).tolist() == [0, 5, 60, 0]


def numbers(scores: ChannelScores) -> list[tuple[int, ...]]:
    """The numbers of each channel."""
    columns = (scores.score, scores.low, scores.high, scores.settled, scores.videos, scores.flagged)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_an_epoch_that_learned_nothing_keeps_scores_and_counts_anew(site: Site) -> None:
    """A rollback opens a day without a round: channels keep their scores, their videos are those of the old rows."""
    before = listed(site)
    site.cast(*(vote(who, f"new{n}", "fully_ai", channel_id=AI) for who in TRUSTED for n in range(5)))
    site.publish(START_MS + DAY_MS)
    grown = listed(site)
    back_ms = START_MS + 2 * DAY_MS
    order = Order(reason="mistake", rollback_to=1)
    publish(site.home, site.store, site.signer, site.settings, now_ms=back_ms, order=order)
    back = listed(site)

    assert [one["videos"] for one in grown] == [20, 15]
    assert [(one["videos"], one["flagged"]) for one in back] == [(one["videos"], one["flagged"]) for one in before]
    assert [(one["score"], one["settled"]) for one in back] == [(one["score"], one["settled"]) for one in grown]
    assert verify(site.home.public).seq == 3
