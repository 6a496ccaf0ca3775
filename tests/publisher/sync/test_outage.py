"""After an outage the next tick is whole, however long it lasted."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.verify import verify
from data.formats import epochs
from data.formats.head import parse
from data.formats.tree import epochs_key
from tests.factories import DAY_MS, START_MS, new_site


@pytest.mark.parametrize(("days", "rolls"), [(30, 1), (31, 0)])
def test_bases_of_more_than_a_month_ago_have_no_roll(tmp_path: Path, days: int, rolls: int) -> None:
    """Not even the newest of them."""
    site = new_site(tmp_path)
    site.publish(START_MS)
    site.publish(START_MS + days * DAY_MS)
    head = parse(site.head())[0]
    text = site.store.read(epochs_key(head.epochs.sha256))

    assert text
    assert len(epochs.parse(text).rolls) == rolls
    assert verify(site.home.public).seq == 2
