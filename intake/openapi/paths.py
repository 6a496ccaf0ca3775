"""Every method of every path, described."""

from __future__ import annotations

from data.records import STANCES
from intake.fields import CHANNEL_ID, HASH_PREFIX, VIDEO_ID, VOTER_ID, list_of
from intake.moments import SCHEMA as MOMENT
from intake.openapi.parts import (
    ATTACHED,
    CACHE,
    ETAG,
    HTML,
    JSON,
    LOCATION,
    NDJSON,
    PARQUET,
    PLAIN,
    SPENT,
    Operation,
    answer,
    array_of,
    body,
    errors,
    found,
    in_header,
    in_path,
    in_query,
    ref,
)  # fmt: skip

VOTES, VIDEOS, CHANNELS, USERS = "Votes", "Videos", "Channels", "Voters"
SYNC, RESEARCH, SERVER = "Synchronisation", "Research", "Server"
BODY_ERRORS = ("INVALID_BODY", "MISSING_FIELDS", "INVALID_FIELD", "TOO_LARGE", "RATE_LIMITED", "UNAVAILABLE")
KEY = in_header("Idempotency-Key", {
    "type": "string", "examples": ["5f0c6d52"],
    "description": "A name of this request that the client chose. The same request sent again with it within 24 "
    "hours is answered as the first was, and carried out once.",
})  # fmt: skip
CATEGORIES = in_query("categories", list_of(STANCES) | {
    "description": "Only videos that somebody named one of these for, with commas between them.",
})  # fmt: skip
MIN_SCORE = in_query("minScore", {
    "type": "number", "minimum": 0, "maximum": 100, "description": "Only videos with at least this score.",
})  # fmt: skip
INCLUDE = in_query("include", {
    "type": "string", "examples": ["not_ai"],
    "description": "With `not_ai`, counter-votes show among the categories; other names mean nothing.",
})  # fmt: skip
STORED = "Stored: the vote is on disk."

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("post", "/api/votes"): Operation(
        VOTES, "Cast a vote",
        "The voter's new vote on a video replaces the earlier one; the very same vote again changes nothing.",
        {"200": answer(STORED, {JSON: ref("Accepted")}, **CACHE), **errors(*BODY_ERRORS, "INVALID_CATEGORY")},
        (KEY,), body("Vote", "The vote."),
    ),
    ("delete", "/api/votes"): Operation(
        VOTES, "Take a vote back",
        "Some proxies drop the bodies of DELETE: both fields may stand in the query instead, without a body.",
        {"200": answer("Taken back.", {JSON: ref("Done")}, **CACHE), **errors(*BODY_ERRORS, "NOT_FOUND")},
        (
            KEY, in_query("videoId", VIDEO_ID.schema("In place of the body's.", optional=True)),
            in_query("userId", VOTER_ID.schema("In place of the body's.", optional=True)),
        ),
        body("Retraction", "Which vote."),
    ),
    ("post", "/api/votes/batch"): Operation(
        VOTES, "Cast up to a hundred votes",
        "Each vote is judged and stored as if it had come alone, and has a result of its own.",
        {"200": answer("A result for each vote, in their order.", {JSON: ref("BatchAnswer")}, **CACHE),
         **errors("INVALID_BODY", "MISSING_FIELDS", "INVALID_FIELD", "TOO_LARGE", "RATE_LIMITED")},
        (KEY,), body("Batch", "The votes."),
    ),
    ("get", "/api/votes"): Operation(
        VOTES, "My votes",
        "All standing votes of the voter who knows this id. With `format=ndjson` they come as a file that "
        "`realtube import-votes` of another installation takes.",
        found("The votes, by time.", ref("OwnVotes"), **{NDJSON: {"type": "string"}})
        | errors("INVALID_FIELD", "INVALID_PARAM", "UNAVAILABLE", "RATE_LIMITED"),
        (
            in_query("userId", VOTER_ID.schema("Whose votes."), required=True),
            in_query("format", {"type": "string", "enum": ["json", "ndjson"], "default": "json"}),
        ),
    ),
    ("get", "/api/videos/{prefix}"): Operation(
        VIDEOS, "All videos of a hash prefix",
        "Every video that anybody's vote stands on and whose SHA-256 in hex starts with this prefix: the server "
        "does not learn which one is meant. A 404 may be kept like a list.",
        found("The videos.", array_of("VideoResult"))
        | errors("INVALID_PREFIX", "INVALID_CATEGORY", "INVALID_PARAM", "NOT_FOUND", "UNAVAILABLE", "RATE_LIMITED"),
        (in_path("prefix", HASH_PREFIX, "Start of the hash."), CATEGORIES, MIN_SCORE, INCLUDE),
    ),
    ("get", "/api/videos"): Operation(
        VIDEOS, "One video", "The newest score of a video, votes of this moment included.",
        found("The video.", ref("VideoResult"))
        | errors("INVALID_FIELD", "INVALID_CATEGORY", "INVALID_PARAM", "NOT_FOUND", "UNAVAILABLE", "RATE_LIMITED"),
        (in_query("videoId", VIDEO_ID.schema("The platform's id."), required=True), INCLUDE),
    ),
    ("get", "/api/channels/{channelId}"): Operation(
        CHANNELS, "One channel", "A channel as the last tick published it.",
        found("The channel.", ref("Channel")) | errors("INVALID_FIELD", "NOT_FOUND", "RATE_LIMITED"),
        (in_path("channelId", CHANNEL_ID, "The platform's id."),),
    ),
    ("get", "/api/users/{userId}"): Operation(
        USERS, "One voter", "An unknown voter is answered with what newcomers have; nothing is stored.",
        found("The voter.", ref("User")) | errors("INVALID_FIELD", "UNAVAILABLE", "RATE_LIMITED"),
        (in_path("userId", VOTER_ID, "Who asks about themselves."),),
    ),
    ("delete", "/api/users/{userId}"): Operation(
        USERS, "Take everything back",
        "Retracts every standing vote of the voter who knows this id. The log is append-only: it keeps "
        "the votes and their retractions, and publishes neither the id nor anything that leads to it.",
        {"200": answer("Taken back.", {JSON: ref("Erased")}, **CACHE),
         **errors("INVALID_FIELD", "INVALID_BODY", "TOO_LARGE", "UNAVAILABLE", "RATE_LIMITED")},
        (in_path("userId", VOTER_ID, "Who takes everything back."),),
    ),
    ("get", "/api/stats"): Operation(
        SERVER, "How much the server has seen", "Counts of this moment.",
        found("The counts.", ref("Stats"), headers=SPENT) | errors("UNAVAILABLE", "RATE_LIMITED"),
    ),
    ("get", "/api/sync/full"): Operation(
        SYNC, "Everything published",
        "The whole set of the last tick. It may be answered by a redirect to the day's full file.",
        found("Everything.", ref("FullSync"))
        | {"302": answer("It stands there.", None, **LOCATION, **CACHE)} | errors("RATE_LIMITED"),
    ),
    ("get", "/api/sync/delta"): Operation(
        SYNC, "What changed since",
        "Every change after `since`, removals included, however long ago. Ask with the `generatedAt` or "
        "`syncTimestamp` of the answer before.",
        found("The changes.", ref("DeltaSync")) | errors("MISSING_PARAM", "INVALID_PARAM", "RATE_LIMITED"),
        (in_query("since", MOMENT | {
            "description": "An RFC 3339 time, at most a minute ahead; 1970-01-01T00:00:00.000Z for everything.",
        }, required=True),),
    ),
    ("get", "/api/database/export"): Operation(
        RESEARCH, "The newest research export",
        "The Parquet snapshot of the running day: a file, or a redirect to it.",
        {
            "200": answer("The file.", {PARQUET: {}}, **ETAG, **CACHE, **ATTACHED),
            "302": answer("It stands there.", None, **LOCATION, **CACHE),
            "304": answer("The client has it.", None, **ETAG, **CACHE),
            **errors("NOT_FOUND", "RATE_LIMITED"),
        },
    ),
    ("get", "/health/live"): Operation(
        SERVER, "Whether the server lives", "It does when it answers.", found("It lives.", ref("Alive")) | errors(),
    ),
    ("get", "/health/ready"): Operation(
        SERVER, "Whether the server can do its work", "Every check and how long it took.",
        found("It can.", ref("Ready"))
        | {"503": answer("It cannot.", {JSON: ref("Ready")}, **CACHE)} | errors(),
    ),
    ("get", "/openapi.json"): Operation(
        SERVER, "This document", "What the HTTP interface is, for programs.",
        found("The document.", {"type": "object"}) | errors("RATE_LIMITED"),
    ),
    ("get", "/docs"): Operation(
        SERVER, "This document for people", "One page, without scripts.",
        {
            "200": answer("The page.", {HTML: {"type": "string"}}, **ETAG, **CACHE),
            "304": answer("The client has it.", None, **ETAG, **CACHE),
            **errors("RATE_LIMITED"),
        },
    ),
    ("get", "/metrics"): Operation(
        SERVER, "Numbers for monitoring", "Prometheus' text format, version 0.0.4.",
        {
            "200": answer("The metrics.", {PLAIN: {"type": "string"}}, **ETAG, **CACHE),
            "304": answer("The client has them.", None, **ETAG, **CACHE),
            **errors(),
        },
    ),
    ("get", "/.well-known/security.txt"): Operation(
        SERVER, "Where to report a security fault", "RFC 9116; 404 where the site has set no contact.",
        {
            "200": answer("The contact.", {PLAIN: {"type": "string"}}, **ETAG, **CACHE),
            "304": answer("The client has it.", None, **ETAG, **CACHE),
            **errors("NOT_FOUND"),
        },
    ),
}  # fmt: skip
"""By method and path."""
