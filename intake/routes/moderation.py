"""Decisions of moderators, who bear a token, and the lists that they work by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, request

from data.log.append import VideoRuling, VoterRuling
from data.log.decide import NO_END
from data.log.tokens import Role, Token
from data.records import Rejection
from intake import asked, wire
from intake.answers import UNKEPT, Answer, found, refused, stored
from intake.bearer import Gate
from intake.moderation import bodies, told
from intake.moderation.bench import Bench

ON_VIDEOS: dict[str, VideoRuling] = {
    "lock": "lock", "unlock": "unlock", "hide": "hide", "unhide": "unhide", "confirm-human": "confirm_human",
    "release": "release",
}  # fmt: skip
ON_VOTERS: dict[str, VoterRuling] = {"ban": "ban", "unban": "unban"}
"""The last part of the path -> the kind of the decision."""
DECIDES_ON_VIDEOS: Role = "moderator"
DECIDES_ON_VOTERS: Role = "maintainer"


def blueprint(gate: Gate, bench: Bench) -> Blueprint:
    """The routes under `/api/moderation`."""
    routes = Blueprint("moderation", __name__)

    def admitted(needed: Role, act: Callable[[Token], Answer]) -> Answer:
        token = gate.admit(request.environ.get("HTTP_AUTHORIZATION", ""), needed)
        return refused(token) if isinstance(token, Rejection) else act(token)

    def on_video(kind: VideoRuling) -> Answer:
        def act(token: Token) -> Answer:
            body = asked.body(request)
            said = body if isinstance(body, Rejection) else bodies.about_video(body, scored=kind == "lock")
            return _decided(said if isinstance(said, Rejection) else bench.rule_on_video(kind, said, token.name))

        return admitted(DECIDES_ON_VIDEOS, act)

    def on_voter(kind: VoterRuling) -> Answer:
        def act(token: Token) -> Answer:
            body = asked.body(request)
            said = body if isinstance(body, Rejection) else bodies.about_voter(body)
            return _decided(said if isinstance(said, Rejection) else bench.rule_on_voter(kind, said, token.name))

        return admitted(DECIDES_ON_VOTERS, act)

    for name, ruling in ON_VIDEOS.items():
        routes.add_url_rule(f"/api/moderation/{name}", name, partial(on_video, ruling), methods=["POST"])
    for name, verdict in ON_VOTERS.items():
        routes.add_url_rule(f"/api/moderation/{name}", name, partial(on_voter, verdict), methods=["POST"])

    @routes.get("/api/moderation/decisions")
    def decisions() -> Answer:
        def act(_: Token) -> Answer:
            count = wire.whole_number(request.args, "limit", default=told.LISTED, most=told.MOST_LISTED)
            before = wire.whole_number(request.args, "before", default=NO_END, most=NO_END)
            if isinstance(count, Rejection):
                return refused(count)
            if isinstance(before, Rejection):
                return refused(before)
            return found(request, told.decisions(bench.decisions(count, before)), UNKEPT)

        return admitted(DECIDES_ON_VIDEOS, act)

    @routes.get("/api/moderation/review")
    def review() -> Answer:
        def act(_: Token) -> Answer:
            count = wire.whole_number(request.args, "limit", default=told.LISTED, most=told.MOST_LISTED)
            if isinstance(count, Rejection):
                return refused(count)
            return found(request, told.review(*bench.review(count)), UNKEPT)

        return admitted(DECIDES_ON_VIDEOS, act)

    _appeals(routes, admitted, bench)
    return routes


def _appeals(routes: Blueprint, admitted: Callable[[Role, Callable[[Token], Answer]], Answer], bench: Bench) -> None:
    @routes.get("/api/moderation/appeals")
    def appeals() -> Answer:
        def act(_: Token) -> Answer:
            count = wire.whole_number(request.args, "limit", default=told.LISTED, most=told.MOST_LISTED)
            state = request.args.get("state", "open")
            if isinstance(count, Rejection):
                return refused(count)
            if state not in told.STATES:
                return refused(Rejection("INVALID_PARAM", f"state must be {' or '.join(told.STATES)}"))
            return found(request, told.appeals(bench.appeals(count, answered=state == "answered")), UNKEPT)

        return admitted(DECIDES_ON_VIDEOS, act)

    @routes.post("/api/moderation/appeals/<appeal_id>")
    def answer(appeal_id: str) -> Answer:
        def act(token: Token) -> Answer:
            body, known = asked.body(request), wire.given(bodies.APPEAL, appeal_id)
            said = body if isinstance(body, Rejection) else bodies.reply(body)
            for one in (known, said):
                if isinstance(one, Rejection):
                    return refused(one)
            assert isinstance(known, str) and isinstance(said, bodies.Reply)  # noqa: PT018
            done = bench.answer(known, said, token.name)
            return refused(done) if isinstance(done, Rejection) else stored(told.appeal(done))

        return admitted(DECIDES_ON_VIDEOS, act)


def _decided(changed: bool | Rejection) -> Answer:
    return refused(changed) if isinstance(changed, Rejection) else stored(told.decided(changed))
