"""The operations of moderators and of creators who object, described."""

from __future__ import annotations

from intake.fields import Schema
from intake.moderation import told
from intake.moderation.bodies import (
    APPEAL,
    REASON_MOST,
    objection_schema,
    reply_schema,
    video_schema,
    voter_schema,
)
from intake.openapi.parts import (
    CACHE,
    JSON,
    Operation,
    answer,
    body,
    errors,
    found,
    in_path,
    in_query,
    ref,
)  # fmt: skip

MODERATION, APPEALS = "Moderation", "Appeals"
REQUESTS: dict[str, Schema] = {
    "Lock": video_schema(scored=True),
    "VideoDecision": video_schema(scored=False),
    "VoterDecision": voter_schema(),
    "Appeal": objection_schema(),
    "AppealAnswer": reply_schema(),
}
BODY_ERRORS = ("INVALID_BODY", "MISSING_FIELDS", "INVALID_FIELD", "TOO_LARGE", "UNAVAILABLE")
BARRED = ("UNAUTHORIZED", "FORBIDDEN")
LIMIT = in_query("limit", {
    "type": "integer", "minimum": 1, "maximum": told.MOST_LISTED, "default": told.LISTED,
    "description": "How many at most.",
})  # fmt: skip
BEFORE = in_query("before", {
    "type": "integer", "minimum": 1, "maximum": 2**62, "description": "Only decisions before this position.",
})  # fmt: skip
STATE = in_query("state", {
    "type": "string", "enum": list(told.STATES), "default": told.STATES[0],
    "description": "Those that wait, the oldest first, or those that have their answer, the newest answer first.",
})  # fmt: skip


def _decides(summary: str, text: str, schema: str, *more: str) -> Operation:
    answers = {"200": answer("It stands in the log.", {JSON: ref("Decided")}, **CACHE)}
    said = f"{text} The reason, at most {REASON_MOST} characters, is kept, the token's name as its actor."
    errors_of = errors(*BODY_ERRORS, *BARRED, *more)
    return Operation(MODERATION, summary, said, answers | errors_of, (), body(schema, "What, and why."), barred=True)


def _lists(summary: str, text: str, shape: str, *parameters: Schema) -> Operation:
    answers = found("The list.", ref(shape)) | errors("INVALID_PARAM", "UNAVAILABLE", *BARRED)
    return Operation(MODERATION, summary, text, answers, parameters, barred=True)


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("post", "/api/moderation/lock"): _decides(
        "Fix a score", "Whatever votes say, the video is shown with this score, until unlock.", "Lock",
    ),
    ("post", "/api/moderation/unlock"): _decides(
        "Let votes decide again", "Takes a lock or a confirmation back.", "VideoDecision",
    ),
    ("post", "/api/moderation/confirm-human"): _decides(
        "Confirm that people made a video", "Its score is 0, whatever votes say, until unlock.", "VideoDecision",
    ),
    ("post", "/api/moderation/hide"): _decides(
        "Hide a video", "It is not published, until unhide.", "VideoDecision",
    ),
    ("post", "/api/moderation/unhide"): _decides(
        "Show a video again", "Takes a hide back.", "VideoDecision",
    ),
    ("post", "/api/moderation/release"): _decides(
        "Let held votes count", "What is held of the video's votes so far counts from now on.", "VideoDecision",
        "NOT_FOUND",
    ),
    ("post", "/api/moderation/ban"): _decides(
        "Ban a voter", "All their votes, past and future, count for nothing, until unban. Takes a maintainer's token.",
        "VoterDecision", "NOT_FOUND", "CONFLICT",
    ),
    ("post", "/api/moderation/unban"): _decides(
        "Let a voter's votes count again", "Takes a ban back. Takes a maintainer's token.", "VoterDecision",
        "NOT_FOUND", "CONFLICT",
    ),
    ("get", "/api/moderation/decisions"): _lists(
        "What was decided", "All decisions, the newest first, with who and why; voters under pseudonyms.",
        "DecisionList", LIMIT, BEFORE,
    ),
    ("get", "/api/moderation/review"): _lists(
        "What needs eyes", "Held votes, clusters and disputes as the last publish saw them, without what was decided "
        "since, and the appeals that are open now; by reach times uncertainty.", "CaseList", LIMIT,
    ),
    ("get", "/api/moderation/appeals"): _lists(
        "Appeals", "What creators wrote, and how they can be reached.", "AppealList", LIMIT, STATE,
    ),
    ("post", "/api/moderation/appeals/{appealId}"): Operation(
        MODERATION, "Answer an appeal",
        "Once and for good. It changes nothing about the video: what follows from it is decided beside it. How the "
        "creator can be reached is removed.",
        {"200": answer("Answered.", {JSON: ref("AppealState")}, **CACHE),
         **errors(*BODY_ERRORS, *BARRED, "NOT_FOUND", "CONFLICT")},
        (in_path("appealId", APPEAL, "Which appeal."),), body("AppealAnswer", "The answer."), barred=True,
    ),
    ("post", "/api/appeals"): Operation(
        APPEALS, "Object to a verdict",
        "For creators. The answer has an id by which the appeal's state can be asked for; a network has five a day. "
        "What is written is for moderators only.",
        {"200": answer("It is open.", {JSON: ref("AppealState")}, **CACHE), **errors(*BODY_ERRORS, "RATE_LIMITED")},
        (), body("Appeal", "The objection."),
    ),
    ("get", "/api/appeals/{appealId}"): Operation(
        APPEALS, "What became of an appeal", "Its state, and the answer when it has one.",
        found("The appeal.", ref("AppealState")) | errors("INVALID_FIELD", "NOT_FOUND", "UNAVAILABLE"),
        (in_path("appealId", APPEAL, "As the answer to the objection named it."),),
    ),
}  # fmt: skip
"""By method and path."""
