"""What a head says only at times: the kill list, the sunset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data.formats import files
from data.formats.files import FileList
from data.formats.head import Head, Sunset, parse
from data.formats.tree import HEAD, commit_key, files_key, kill_key
from data.settings import SettingsError
from publisher.settings import PublisherSettings
from publisher.stores.memory import MemoryStore
from publisher.sync.bases import file_of
from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote

KILL_LIST = b'{"ids":["video"],"v":1}'


def listing_of(site: Site, head: Head) -> FileList:
    """A tick's list of files."""
    return files.parse(site.store.read(files_key(head.seq, head.files.sha256)) or b"")


def with_kill_list(site: Site) -> None:
    """Gives the newest tick a kill list, as if it had been published with it."""
    assert isinstance(site.store, MemoryStore)
    head, kill = parse(site.head())[0], file_of(KILL_LIST)
    listing = listing_of(site, head)
    body = replace(listing, files={**listing.files, kill_key(kill.sha256): kill}).encode()
    told = replace(head, kill=kill, files=file_of(body))
    text = site.signer.sign(told.payload(), [])
    site.store.objects |= {
        kill_key(kill.sha256): KILL_LIST, files_key(head.seq, told.files.sha256): body,
        commit_key(head.seq): text, HEAD: text,
    }  # fmt: skip


@pytest.mark.parametrize("hours", [1, 24], ids=["same epoch", "next epoch"])
def test_kill_list_is_carried_over(tmp_path: Path, hours: int) -> None:
    """A tick names and lists the kill list of the tick before it, also when an epoch begins."""
    site = new_site(tmp_path, MemoryStore())
    site.cast(*(vote(n, "video", "fully_ai") for n in range(4)))
    site.publish(START_MS)
    with_kill_list(site)
    site.publish(START_MS + hours * HOUR_MS)
    head, _ = parse(site.head())

    assert head.seq == 2
    assert head.kill == file_of(KILL_LIST)
    assert listing_of(site, head).files[kill_key(head.kill.sha256)] == head.kill


def test_sunset_is_told(tmp_path: Path) -> None:
    """The settings' day and address stand in the head, and leave it when they are taken back."""
    site = new_site(tmp_path, MemoryStore())
    site.settings = PublisherSettings(sunset="2027-01-02", sunset_see="https://next.example/v2/")
    site.publish(START_MS)
    told = parse(site.head())[0].sunset
    site.settings = PublisherSettings()
    site.publish(START_MS + DAY_MS)

    assert told == Sunset(1_798_848_000_000, "https://next.example/v2/")
    assert parse(site.head())[0].sunset is None


@pytest.mark.parametrize(
    ("sunset", "see", "reason"),
    [
        ("2027-01-02", "", "go together"),
        ("", "https://next.example/", "go together"),
        ("2027-02-30", "https://next.example/", "must be a day"),
        ("soon", "https://next.example/", "must be a day"),
    ],
)
def test_no_sunset_is_refused(sunset: str, see: str, reason: str) -> None:
    """A day that is none, or half a notice, is refused when settings are read."""
    with pytest.raises(SettingsError, match=reason):
        PublisherSettings(sunset=sunset, sunset_see=see)
