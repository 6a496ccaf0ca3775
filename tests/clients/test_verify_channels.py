"""`verify` holds channel scores against the verdicts, and what the HTTP interface's clients are told against both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clients.verify import verify
from tests.clients import exports as exports_module
from tests.clients.exports import Channel, Exports
from tests.clients.histories import TICKS_A_DAY, grow, time_of
from tests.clients.signing import sha256
from tests.clients.test_verify import broken
from tests.clients.tree import Tree

CHANNEL = "UC_one"
DAY = "2024-10-04"
Lie = Callable[[list[Channel]], list[Channel]]
Made = Callable[[bytes], dict[str, bytes]]


def with_(**numbers: Any) -> Lie:
    """The same channels with other numbers."""
    return lambda channels: [channel | numbers for channel in channels]


def shifted(name: str) -> Lie:
    """The same channels with one more of something."""
    return lambda channels: [channel | {name: channel[name] + 1} for channel in channels]


def test_channels_that_keep_the_format_pass(tmp_path: Path) -> None:
    """Over two days, in every file that tells of them."""
    tree = grow(Tree(tmp_path, exports=Exports(channel=CHANNEL)), TICKS_A_DAY + 3)
    assert verify(tree.directory).seq == TICKS_A_DAY + 3


LISTS: dict[str, tuple[Lie, str]] = {
    "an interval beside the score": (with_(low=80), "a score within its interval"),
    "nothing settled": (with_(settled=0), "a settled video"),
    "no videos": (with_(videos=0, flagged=0), "a settled video and a voted one"),
    "a video more": (shifted("videos"), "videos of UC_one as in the verdicts"),
    "a flagged one more": (shifted("flagged"), "flagged of UC_one as in the verdicts"),
    "another time": (shifted("changed_at"), "changed_at"),
    "beyond the scale": (with_(high=101), "high from 0 to 100"),
    "no id": (with_(channel_id="UC one"), "channel ids"),
    "a channel twice": (lambda channels: channels * 2, "each channel once"),
    "an empty cell": (with_(settled=None), "a value in each cell"),
}


@pytest.mark.parametrize("case", LISTS)
@pytest.mark.parametrize("ticks", [1, TICKS_A_DAY + 1])
def test_lists_that_break_a_promise_are_named(tmp_path: Path, case: str, ticks: int) -> None:
    """In the first epoch as in the next one."""
    lie, promised = LISTS[case]
    exports = Exports(channel=CHANNEL)
    tree = grow(Tree(tmp_path, exports=exports), ticks - 1)
    exports.in_channels = lie
    assert promised in broken(grow(tree, 1)).promised


TOLD: dict[str, Lie] = {
    "another score": shifted("score"),
    "another count": shifted("totalVideos"),
    "another action": with_(action="upsert"),
    "none": lambda _: [],
    "one more": lambda channels: [*channels, *with_(channelId="UC_two")(channels)],
    "one twice": lambda channels: channels * 2,
    "no objects": lambda _: [1],  # type: ignore[list-item]
    "no time": with_(lastUpdated="soon"),
    "no array": lambda _: "channels",  # type: ignore[dict-item,return-value]
}


@pytest.mark.parametrize("case", TOLD)
@pytest.mark.parametrize("ticks", [1, TICKS_A_DAY + 2])
def test_other_channels_than_listed_are_named(tmp_path: Path, case: str, ticks: int) -> None:
    """In a full file as in a delta."""
    exports = Exports(channel=CHANNEL)
    tree = grow(Tree(tmp_path, exports=exports), ticks - 1)
    exports.told = TOLD[case]
    assert "/compat/" in broken(grow(tree, 1)).key


def test_a_video_tells_its_channel_s_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`channelScore` is that of the list."""
    right = Exports.entry
    monkeypatch.setattr(
        Exports, "entry", lambda self, *about: right(self, *about) | {"channelScore": right(self, *about)["score"] + 1}
    )
    assert "channelScore" in broken(grow(Tree(tmp_path, exports=Exports(channel=CHANNEL)), 1)).found


def test_a_list_belongs_to_its_epoch(tmp_path: Path) -> None:
    """A tick without it, with two, or with one of another tick."""
    lists: list[Made] = [
        lambda _: {},
        lambda body: {key(1, body): body, key(1, body + b" "): body + b" "},
        lambda body: {key(7, body): body},
    ]

    def key(seq: int, body: bytes) -> str:
        return f"v1/parquet/{DAY}/channels-{seq}-{sha256(body)[:16]}.parquet"

    for number, made in enumerate(lists):
        exports = Exports()

        def export(tree: Tree, payload: Any, exports: Exports = exports, made: Made = made) -> dict[str, bytes]:
            files = exports(tree, payload)
            (body,) = (body for name, body in files.items() if "/channels-" in name)
            return {name: body for name, body in files.items() if "/channels-" not in name} | made(body)

        assert "channel" in str(broken(grow(Tree(tmp_path / str(number), exports=export), 1)))


@pytest.mark.parametrize(
    ("since_ms", "flags", "good"),
    [
        (time_of(1), 1, True),
        (time_of(1) + 1, 1, False),
        (time_of(1) - 3 * 86_400_000, 1, False),
        (time_of(1), 65, False),
    ],
)
def test_a_held_flip_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, since_ms: int, flags: int, good: bool
) -> None:
    """It began no later than its row changed, and less than three days ago; a locked video has none."""
    monkeypatch.setattr(exports_module, "FLIP_HELD_MS", since_ms)
    tree = Tree(tmp_path, exports=Exports())
    tree.tick(time_of(1), {"x": (49, flags)})
    assert (verify(tree.directory).seq == 1) if good else "flip_held_since" in broken(tree).promised
