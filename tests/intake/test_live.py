"""Provisional scores are the score rule over the log, with the newest reliabilities: nothing else, and at once."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import decisions as rulings
from data import standing as standing_file
from data.log import lookup, schema
from data.log.append import Appender, Decision
from data.log.read import open_columns
from data.records import BIT_OF, Vote
from data.voters import ESTABLISHED, MODERATOR, Voters
from intake.live import Newest, scores, trust, verdicts
from publisher.scoring.rescore import rescore
from publisher.scoring.trust import full_round
from publisher.scoring.verdicts import empty
from tests.factories import DAY_MS, LOG_ID, START_MS, Site, new_site, vote, voter_id
from tests.intake.conftest import Desk

VIDEOS = [f"video{n}" for n in range(5)]
CHANNELS = ["", "UC_one", "UC_two"]
MASKS = [0, 1, 2, 3, 8, 17, BIT_OF["not_ai"]]
ABOUT_VIDEOS = ["audit", "lock", "confirm_human", "unlock", "hide", "unhide", "release"]
ABOUT_VOTERS = ["moderator_add", "moderator_remove", "ban", "unban"]
votes_of_a_crowd = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(VIDEOS), st.sampled_from(MASKS), st.sampled_from(CHANNELS)),
    max_size=40,
)
decisions_of_a_crowd = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(ABOUT_VIDEOS), st.sampled_from(VIDEOS), st.just(-1), st.integers(0, 100)),
        st.tuples(st.sampled_from(ABOUT_VOTERS), st.just(""), st.integers(0, 9), st.just(0)),
    ),
    max_size=8,
)


def learned(seed: int, voters: int) -> standing_file.Standing:
    """What a full round might have found of voters, videos and channels."""
    chance = np.random.default_rng(seed)
    return standing_file.Standing(
        LOG_ID,
        0,
        START_MS,
        prior=-1.5,
        voters=Voters(
            level=chance.integers(0, 3, voters).astype(np.uint8),
            flag_weight=chance.uniform(0, 1.7, voters),
            counter_weight=chance.uniform(0, 1.7, voters),
            proven=chance.uniform(0, 1, voters),
            cluster=chance.integers(0, 3, voters).astype(np.int32),
        ),
        channels=standing_file.Channels(
            truthful=chance.integers(0, 2, voters).astype(np.bool_),
            prior=chance.uniform(-3, 2, 2),
            video_channel=chance.integers(0, 3, 3).astype(np.int32),
            video_prior=chance.uniform(-3, 2, 3),
        ),
    )


@settings(max_examples=60, deadline=None)
@given(votes_of_a_crowd, decisions_of_a_crowd, st.integers(1, 6), st.integers(0, 99), st.sampled_from([0, 0, 24, 31]))
def test_live_scores_are_what_a_publish_would_say(
    cast: list[tuple[int, str, int, str]],
    decided: list[tuple[Any, str, int, int]],
    known_voters: int,
    seed: int,
    sudden: int,
) -> None:
    """For any votes, decisions and last round, look-ups show of every video exactly what the next tick says of it."""
    with tempfile.TemporaryDirectory() as directory:
        site = new_site(Path(directory))
        for n, (who, what, mask, channel_id) in enumerate(cast):
            site.cast(Vote(START_MS + n, voter_id(who), what, mask, channel_id=channel_id))
        site.cast(*(vote(20 + n, VIDEOS[0], "fully_ai", at_ms=START_MS + n) for n in range(sudden)))
        for kind, video_id, who, score in decided:
            about = voter_id(who) if who >= 0 else ""
            site.decide(Decision(START_MS, kind, "tests", "tests", video_id, about, label=score % 2, score=score))
        found = learned(seed, known_voters)
        standing_file.write(site.home.standing, found)

        assert live_of(site) == published_of(site, found)


def live_of(site: Site) -> dict[str, tuple[object, ...]]:
    """What look-ups show of each video that a vote counts on."""
    with closing(schema.open_for_reading(site.home.votes_log)) as log:
        newest = Newest(site.home.standing, LOG_ID, lambda: START_MS)
        known = {key: name for name in VIDEOS for key, name in lookup.video_by_id(log, name).items()}
        return {
            one.video_id: (one.score, one.votes, one.category_scores, one.voters, one.locked, one.channel_id)
            for one in verdicts(log, newest, dict(sorted(known.items())))
            if one.voters
        }


def published_of(site: Site, found: standing_file.Standing) -> dict[str, tuple[object, ...]]:
    """What the publisher's next tick says of each video that has votes and is not hidden."""
    with open_columns(site.home.votes_log) as log:
        votes, decided = log.votes(log.last_position()), log.decisions(log.last_position())
        ids, channel_ids = log.video_ids().to_pylist(), log.channel_ids().to_pylist()
    table = rescore(
        empty(len(ids)), votes, np.unique(votes.video), decided, found, after=0, now_ms=START_MS, minimum=20
    ).table  # fmt: skip
    shown = [key for key in np.flatnonzero(table.voters).tolist() if key not in rulings.hidden(decided)]
    return {
        ids[key]: (
            int(table.score[key]), tuple(table.votes[key].tolist()), tuple(table.category_score[key].tolist()),
            int(table.voters[key]), bool(table.locked[key]), channel_ids[int(table.channel[key])],
        )
        for key in shown
    }  # fmt: skip


def test_a_banned_voter_hears_what_it_would_have_been(desk: Desk) -> None:
    """A ban takes the voter's votes out of every score at once; the voter alone is told a score with them."""
    before = desk.vote(1, "a", "fully_ai")["newScore"]
    desk.vote(2, "a", "fully_ai")
    desk.site.decide(Decision(START_MS, "ban", "tests", "tests", voter_id=voter_id(2)))

    assert desk.look_up("a")["score"] == before
    assert desk.look_up("a")["totalVotes"] == 1
    assert desk.vote(2, "a", "ai_visuals")["newScore"] > before
    assert desk.vote(1, "a", "fully_ai")["newScore"] == before
    assert desk.vote(2, "only-theirs", "fully_ai") == {"success": True, "newScore": 18, "userTrust": 0.61}


def test_a_ban_does_not_show_in_what_is_listed(desk: Desk) -> None:
    """A video that only a banned voter has voted on is there for everybody, with no votes and its prior."""
    desk.site.decide(Decision(START_MS, "ban", "tests", "tests", voter_id=voter_id(2)))
    desk.vote(2, "only-theirs", "fully_ai")
    shown = desk.look_up("only-theirs")

    assert (shown["score"], shown["categories"], shown["totalVotes"]) == (12, {}, 0)
    desk.retract(2, "only-theirs")
    assert desk.look_up("only-theirs") is None


def test_a_locked_video_takes_votes_and_keeps_its_score(desk: Desk) -> None:
    """A vote on a locked video is 200 and stored; the score stays the lock's."""
    desk.vote(1, "a", "fully_ai")
    desk.site.decide(Decision(START_MS, "lock", "tests", "tests", video_id="a", score=77))

    assert desk.vote(2, "a", "not_ai")["newScore"] == 77
    shown = desk.look_up("a")
    assert (shown["score"], shown["locked"], shown["totalVotes"]) == (77, True, 2)


def test_a_hidden_video_is_not_shown(desk: Desk) -> None:
    """A hidden video takes votes like any other, and no look-up lists it."""
    desk.vote(1, "a", "fully_ai")
    desk.site.decide(Decision(START_MS, "hide", "tests", "tests", video_id="a"))

    assert desk.vote(2, "a", "fully_ai")["success"] is True
    assert desk.look_up("a") is None


def test_provisional_equals_the_next_publish_with_the_same_weights(desk: Desk) -> None:
    """After a publish, new votes score live as the next tick of that day publishes them."""
    site = desk.site
    site.appoint(1)
    site.cast(
        *(vote(voter, f"old{n}", "fully_ai", at_ms=START_MS - 30 * DAY_MS) for voter in range(9) for n in range(6))
    )
    for n in range(6):
        site.audit(f"old{n}", 1)
    site.publish(START_MS)
    for voter in range(1, 6):
        desk.vote(voter, "new", "ai_visuals", channelId="UC_one")
    desk.vote(7, "new", "not_ai")
    site.audit("old3", 0)
    live = {video_id: desk.look_up(video_id) for video_id in ("new", "old3", "old1")}
    site.publish(START_MS + 1)
    published = {one["videoId"]: one for one in (desk.client.get("/api/sync/full").json or {})["videos"]}

    assert live["old3"]["score"] == 1
    for video_id in ("new", "old1"):
        for name in ("score", "categories", "totalVotes", "channelId", "channelScore", "locked"):
            assert live[video_id][name] == published[video_id][name], name


def test_a_new_standing_file_holds_at_once(desk: Desk) -> None:
    """Intake reads the reliabilities again when the file was replaced."""
    before = desk.vote(1, "a", "fully_ai")
    strong = Voters(np.array([0, ESTABLISHED], np.uint8), np.array([0.0, 1.7]), np.array([0.0, 1.7]))
    standing_file.write(desk.site.home.standing, standing_file.Standing(LOG_ID, 1, START_MS, -1.0, strong))
    after = desk.vote(1, "a", "fully_ai")

    assert (before["newScore"], before["userTrust"]) == (18, 0.61)
    assert (after["newScore"], after["userTrust"]) == (49, 0.846)
    assert desk.look_up("a")["score"] == 49


@pytest.mark.parametrize("what", ["nothing", "nonsense", "another log's"])
def test_an_unusable_standing_file_makes_everybody_a_newcomer(desk: Desk, what: str) -> None:
    """The file is a cache: without it, or with one that is not ours, votes go on at newcomers' weights."""
    path = desk.site.home.standing
    strong = Voters(np.array([0, ESTABLISHED], np.uint8), np.array([0.0, 1.7]), np.array([0.0, 1.7]))
    standing_file.write(
        path, standing_file.Standing("cd" * 16 if what == "another log's" else LOG_ID, 1, 1, -1.0, strong)
    )
    if what == "nonsense":
        path.write_bytes(path.read_bytes()[:-9])
    if what == "nothing":
        path.unlink()

    assert desk.vote(1, "a", "fully_ai")["newScore"] == 18


def test_a_removed_moderator_stops_counting_at_once(desk: Desk) -> None:
    """Appointments are undone live, even if the last round knew the voter as a moderator."""
    site = desk.site
    site.appoint(1)
    site.cast(vote(1, "a", "fully_ai"))
    with open_columns(site.home.votes_log) as log:
        last = log.last_position()
        standing_file.write(
            site.home.standing,
            full_round(log.votes(last), log.decisions(last), log_id=LOG_ID, position=last, now_ms=START_MS),
        )
    assert desk.look_up("a")["score"] == 88
    site.decide(Decision(START_MS, "moderator_remove", "tests", "tests", voter_id=voter_id(1)))

    assert desk.look_up("a")["score"] == 18


def test_the_scores_of_a_batch_are_those_of_single_look_ups(site: Site) -> None:
    """Scoring many videos at once gives each the score that it has alone."""
    chance = np.random.default_rng(5)
    for n in range(300):
        category = ("fully_ai", "not_ai")[n % 2]
        site.cast(vote(int(chance.integers(60)), f"v{chance.integers(20)}", category, at_ms=START_MS + n))
    newest = Newest(site.home.standing, LOG_ID, lambda: START_MS)
    with closing(schema.open_for_reading(site.home.votes_log)) as log:
        together = scores(log, newest, [(1 + n % 20, 1 + n % 60) for n in range(60)])
        alone = {key: scores(log, newest, [(key, 1)]).of_video[key] for key in range(1, 21)}

    assert together.of_video == alone
    assert set(together.of_voter.values()) == {0.61}


def test_trust_is_the_chance_that_a_flag_is_right_at_even_odds() -> None:
    """0.5 for a voter who counts for nothing, towards 1 for one who counts for much."""
    voters = Voters(np.array([0, 1, MODERATOR], np.uint8), np.array([0.0, 1.7, 4.0]), np.zeros(3))

    assert trust(voters).tolist() == [0.5, 0.846, 0.982]


def test_a_video_without_standing_votes_is_not_shown(site: Site) -> None:
    """Audited but never voted on, or retracted: there is nothing to show."""
    site.audit("audited", 1)
    site.cast(vote(1, "retracted", "fully_ai"), vote(1, "retracted", at_ms=START_MS + 1))
    with closing(schema.open_for_reading(site.home.votes_log)) as log:
        known = lookup.video_by_id(log, "audited") | lookup.video_by_id(log, "retracted")
        assert len(known) == 2
        assert verdicts(log, Newest(site.home.standing, LOG_ID, lambda: START_MS), known) == []


def test_a_look_up_reads_only_its_own_votes(site: Site) -> None:
    """The plan of a look-up is a search of the index by video: its cost does not grow with the log."""
    with closing(schema.open_for_reading(site.home.votes_log)) as log:
        plan = " ".join(row[3] for row in log.execute(f"EXPLAIN QUERY PLAN {lookup.VOTES_OF_VIDEOS}", ("[1]",)))
    assert "SEARCH votes USING INDEX votes_by_video (video=?)" in plan
    assert "SCAN votes" not in plan


def test_decisions_are_read_once(site: Site) -> None:
    """Each decision is read when it is new and never again; the reliabilities stay the same object meanwhile."""
    newest = Newest(site.home.standing, LOG_ID, lambda: START_MS)
    with closing(schema.open_for_append(site.home.votes_log)) as log:
        first = newest.of(log)
        assert newest.of(log) is first
        appender = Appender(log)
        with appender.transaction():
            appender.decide(Decision(START_MS, "audit", "tests", "tests", video_id="a", label=1))
            within = newest.of(log)
        assert within is not first
        assert newest.of(log) is within
    assert rulings.labels_of(np.array([1, 2], np.int32), within.audited, within.labels).tolist() == [1, -1]
