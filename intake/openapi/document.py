"""The OpenAPI document, put together from what validates requests and from what encodes answers."""

from __future__ import annotations

from typing import Any

import msgspec

from intake import shapes, wire
from intake.fields import Schema, batch_schema, retraction_schema, vote_schema
from intake.moderation import told
from intake.openapi import moderation, paths
from intake.openapi.parts import TOKEN, Operation, ref

OPENAPI = "3.1.0"
OPERATIONS: dict[tuple[str, str], Operation] = paths.OPERATIONS | moderation.OPERATIONS
BEARER = {"type": "http", "scheme": "bearer", "description": "What `realtube token create` printed."}
DESCRIPTION = """\
An open, crowd-sourced record of which videos are AI-generated. Whoever wants all of it should follow the published
files instead: they are signed, and need no server.

Every answer may be read by any page (CORS `*`), and `OPTIONS` on any path is answered 204. Every `GET` has an `ETag`,
and `HEAD` beside it. Errors have one shape, unknown paths (404 `NOT_FOUND`) and wrong methods
(405 `METHOD_NOT_ALLOWED`, with `Allow`) included. Text is trimmed, hex digits may be capitals, unknown fields are
dropped, a body is at most 1 MiB. Large answers are compressed with gzip for those who accept it.

Moderators bear a token; all else takes none.

A voter's id is a secret of their client: whoever knows it can read and change their votes. It is never published.
"""


def document(version: str) -> Schema:
    """The whole document.

    Args:
        version: Of this RealTube.
    """
    _, answers = msgspec.json.schema_components((*shapes.ALL, *told.ALL), ref_template="#/components/schemas/{name}")
    requests = {
        "Vote": vote_schema(),
        "Retraction": retraction_schema(),
        "Batch": batch_schema(ref("Vote"), wire.MOST_VOTES),
    }
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "RealTube",
            "version": version or "0",
            "description": DESCRIPTION,
            "license": {"name": "Data: CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in OPERATIONS.values())],
        "paths": _paths(),
        "components": {"schemas": requests | moderation.REQUESTS | answers, "securitySchemes": {TOKEN: BEARER}},
    }


def _paths() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = operation.document(_name(method, path))
    return paths


def _name(method: str, path: str) -> str:
    words = [part.strip("{}").replace(".", "_") for part in path.split("/") if part]
    return "_".join([method, *words])
