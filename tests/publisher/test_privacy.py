"""No published byte names a voter or where they come from."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from tests.factories import DAY_MS, HOUR_MS, START_MS, Site, new_site, vote, voter_id

NETWORK = "n3tw0rk-t0ken-that-must-stay"
SECRETIVE = [voter_id(0x1234_5678_9ABC_DEF0_1234 + n * 7919) for n in range(20)]


def published_texts(site: Site) -> list[tuple[Path, bytes]]:
    """Every published file as a stranger reads it: inflated, Parquet as its values and metadata."""
    texts = []
    for path in site.home.public.rglob("*"):
        if not path.is_file():
            continue
        body = path.read_bytes()
        texts.append((path, body))
        if path.suffix == ".gz":
            texts.append((path, gzip.decompress(body)))
        if path.suffix == ".parquet":
            file = pq.ParquetFile(io.BytesIO(body))
            texts.append((path, repr((file.read().to_pylist(), file.metadata.metadata)).encode()))
    return texts


def test_published_bytes_name_no_voter(tmp_path: Path) -> None:
    """Neither a voter id, nor a tell-tale part of one, nor a network token stands in any published file."""
    site = new_site(tmp_path)
    for tick in range(4):
        at_ms = START_MS + tick * 11 * HOUR_MS
        votes = (replace(vote(0, f"video{n % 7}", "fully_ai", at_ms=at_ms + n), network=NETWORK) for n in range(20))
        site.cast(*(replace(one, voter_id=SECRETIVE[n]) for n, one in enumerate(votes)))
        site.publish(at_ms + HOUR_MS)
    site.publish(START_MS + 3 * DAY_MS)
    texts = published_texts(site)

    assert len({path.suffix for path, _ in texts}) >= 4
    for path, text in texts:
        for secret in (*SECRETIVE, *(one[-20:] for one in SECRETIVE), NETWORK):
            assert secret.encode() not in text, path
        for one in SECRETIVE:
            assert bytes.fromhex(one) not in text, path
