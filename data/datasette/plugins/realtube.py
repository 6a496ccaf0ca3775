"""How cells look in Datasette, what every page knows of its tick, and how search finds ids."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from datasette import hookimpl
from datasette.utils import tilde_encode
from markupsafe import Markup

Hook = TypeVar("Hook", bound=Callable[..., Any])
hook: Callable[[Hook], Hook] = hookimpl
last_hook: Callable[[Hook], Hook] = hookimpl(trylast=True)

DATABASE = "browse"
FILES = "files"
"""Where the published tree is mounted, when it lies in a local directory."""
ABBREVIATIONS = {"ai": "AI", "id": "ID", "sha256": "SHA-256"}
TICK = "SELECT seq, published_at, published_videos FROM ticks ORDER BY seq DESC LIMIT 1"
CATEGORIES = "SELECT category, title, description, videos, leads, votes FROM categories ORDER BY rowid"
PARQUET = "SELECT key, bytes FROM files WHERE key LIKE 'v1/parquet/%/videos-%' ORDER BY key LIKE '%-delta-%', key"
WORD = re.compile(r"[A-Za-z0-9_-]+")
WATCH_LINK = re.compile(r"https?://\S*?(?:[?&]v=|youtu\.be/|/shorts/|/embed/|/live/)([A-Za-z0-9_-]{1,16})\S*")
SHORTEST_PREFIX = 3
"""Shorter words must match whole: nearly every id begins with one or two given characters."""


@hook
def prepare_jinja2_environment(env: Any) -> None:
    """Names, times and sizes as people read them, for the templates."""
    env.filters.update(words=words, moment=moment, size=size, number=number, bar=bar)
    env.globals.update(split=split)


@hook
def extra_template_vars(datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]]:
    """`site`: the tick that all pages show, what it holds and what can be downloaded."""

    async def facts() -> dict[str, Any]:
        database = datasette.get_database(DATABASE)
        described = datasette.metadata("databases")[DATABASE]
        return {
            "site": {
                **dict((await database.execute(TICK)).first()),
                "counts": await database.table_counts(1000),
                "bytes": database.size,
                "categories": [dict(row) for row in await database.execute(CATEGORIES)],
                "parquet": [dict(row) for row in await database.execute(PARQUET)],
                "files": _mount(datasette),
                "tables": described["tables"],
                "queries": described["queries"],
            }
        }

    return facts


@last_hook
def prepare_connection(conn: Any) -> None:
    """Puts our reading of a search in the place of Datasette's, whose own would match whole ids only."""
    conn.create_function("escape_fts", 1, search_query, deterministic=True)


@hook
def render_cell(value: Any, column: str, table: str | None, datasette: Any) -> Markup | None:
    """Draws one cell; None leaves it to Datasette."""
    if isinstance(value, dict):  # a foreign key that Datasette has expanded
        value = value["value"]
    if value is None or value == "":
        return Markup('<span class="none">–</span>')
    if isinstance(value, int | float):
        return _quantity(value, column)
    if not isinstance(value, str):
        return None
    if column == "key":
        mount = _mount(datasette)
        return _link(mount + value, value) if mount else None
    return _text(value, column, table, datasette)


def words(name: str) -> str:
    """A column's or category's name for people: `votes_fully_ai` reads `Votes fully AI`."""
    parts = [ABBREVIATIONS.get(part, part) for part in name.split("_")]
    return " ".join([parts[0][:1].upper() + parts[0][1:], *parts[1:]])


def moment(text: str) -> Markup:
    """A time to the minute, in UTC; the exact one in the element."""
    at = datetime.fromisoformat(text)
    return Markup('<time datetime="{0}" title="{0}">{1:%Y-%m-%d %H:%M} UTC</time>').format(text, at)


def size(count: int) -> Markup:
    """Bytes in the largest unit that leaves a whole part; the exact number in the title."""
    shown, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if shown < 1000 or unit == "GB":
            break
        shown /= 1000
    digits = 0 if unit == "B" or shown >= 100 else 1
    return Markup('<span title="{:,} bytes">{:.{}f} {}</span>').format(count, shown, digits, unit)


def number(value: float) -> str:
    """A count with separators, a fraction as it is."""
    return f"{value:,}"


def search_query(text: str) -> str:
    """What people type, as an FTS5 query: links become their video's id, words match from the start of an id."""
    found = WORD.findall(WATCH_LINK.sub(r" \1 ", text))
    return " ".join(f'"{word}"*' if len(word) >= SHORTEST_PREFIX else f'"{word}"' for word in found) or '""'


def _quantity(value: float, column: str) -> Markup:
    if column in ("published", "locked", "prior_only"):
        return Markup('<span class="yes">yes</span>') if value else Markup('<span class="none">no</span>')
    if column == "score" or column.startswith("score_") or column == "mean_score":
        return bar(value, f"{value}")
    if column.endswith("_ratio"):
        return bar(100 * value, f"{100 * value:.0f} %", "share")
    if column == "bytes" or column.endswith("_bytes"):
        return size(int(value))
    return Markup("{}").format(f"{value}" if column == "seq" else number(value))


def bar(percent: float, text: str, level: str = "") -> Markup:
    """A number above a bar of its length; the colour repeats what a score says."""
    level = level or ("high" if percent >= 50 else "some" if percent >= 20 else "low")
    return Markup('<span class="bar {}" style="--percent: {:.0f}%">{}</span>').format(level, percent, text)


def split(ai: int, not_ai: int) -> Markup:
    """Both camps' votes as numbers above a bar in two parts."""
    share = 100 * ai / max(1, ai + not_ai)
    return Markup(
        '<span class="split" style="--share: {:.0f}%"><span><b>{}</b> AI</span> <span><b>{}</b> not</span></span>'
    ).format(share, number(ai), number(not_ai))


def _text(value: str, column: str, table: str | None, datasette: Any) -> Markup | None:
    if column.endswith(("_at", "_since")):
        return moment(value)
    if column == "watch":
        return Markup('<a href="{}" rel="noreferrer">Watch</a>').format(value)
    if column == "top_category" or (column == "category" and table is None):
        return Markup('<span class="tag {}">{}</span>').format(value, words(value))
    row_of = {"video_id": "videos", "channel_id": "channels"}.get(column)
    if row_of and row_of != table:
        return _link(datasette.urls.row(DATABASE, row_of, tilde_encode(value)), value)
    if column.endswith("sha256"):
        return Markup('<code title="{0}">{1}…</code>').format(value, value[:12])
    return None


def _link(href: str, text: str) -> Markup:
    return Markup('<a class="id" href="{}">{}</a>').format(href, text)


def _mount(datasette: Any) -> str | None:
    if any(name == FILES for name, _directory in datasette.static_mounts):
        return f"{datasette.urls.path('/')}{FILES}/"
    return None
