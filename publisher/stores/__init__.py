"""The stores that a tree can be published to, one a file; `publisher.store` says what each must do."""

from __future__ import annotations

from pathlib import Path

from data.home import Home
from publisher.settings import PublisherSettings
from publisher.store import Store
from publisher.stores.local import LocalStore


def open_store(home: Home, settings: PublisherSettings) -> Store:
    """The store that the settings name; opening it writes nothing."""
    return LocalStore(Path(settings.store) if settings.store else home.public)
