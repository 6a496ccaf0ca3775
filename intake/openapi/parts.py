"""The pieces that an OpenAPI document is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from intake.answers import EVERYWHERE, STATUS
from intake.fields import Schema, TextField

JSON, NDJSON, HTML, PLAIN = "application/json", "application/x-ndjson", "text/html", "text/plain"
PARQUET = "application/vnd.apache.parquet"
TEXT: Schema = {"type": "string"}
ETAG = {"ETag": {"required": True, "schema": TEXT, "description": "Send it back as `If-None-Match`."}}
CACHE = {"Cache-Control": {"required": True, "schema": TEXT}}
RETRY = {"Retry-After": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}}
SPENT = {
    name: {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}, "description": description}
    for name, description in (
        ("X-RateLimit-Limit", "Requests of a whole quota."),
        ("X-RateLimit-Remaining", "Those that are left."),
        ("X-RateLimit-Reset", "Seconds until the quota is whole again."),
    )
}
CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": TEXT}}
TOKEN = "token"  # noqa: S105  # the name of the security scheme
LOCATION = {"Location": {"required": True, "schema": TEXT}}
ATTACHED = {"Content-Disposition": {"required": True, "schema": TEXT}}
OPEN = {name: {"required": True, "schema": {"type": "string", "const": value}} for name, value in EVERYWHERE} | {
    "X-Request-Id": {"required": True, "schema": TEXT, "description": "Names this request in the server's lines."}
}
REASONS = {
    304: "What the client holds is still true.",
    400: "The request cannot be understood.",
    401: "No token, or one that lets nobody in.",
    403: "The token's role may not.",
    404: "There is no such thing.",
    409: "Something else stands in the way.",
    413: "The body is larger than 1 MiB.",
    429: "Too often: nothing was carried out, wait `Retry-After` seconds.",
    500: "A fault of the server.",
    503: "Not now: nothing was stored, try again.",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    tag: str
    summary: str
    description: str
    answers: Mapping[str, Schema]
    """By status."""
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    barred: bool = False
    """Whether it takes a token."""

    def document(self, name: str) -> Schema:
        """The operation as OpenAPI has it.

        Args:
            name: Its `operationId`.
        """
        said: Schema = {
            "operationId": name, "tags": [self.tag], "summary": self.summary, "description": self.description,
            "parameters": list(self.parameters), "responses": dict(self.answers),
        }  # fmt: skip
        if self.barred:
            said["security"] = [{TOKEN: []}]
        return said | ({"requestBody": self.body} if self.body else {})


def in_path(name: str, field: TextField, description: str) -> Schema:
    """A part of the path."""
    return _parameter(name, "path", field.schema(description), required=True)


def in_query(name: str, schema: Schema, *, required: bool = False) -> Schema:
    """A parameter of the query."""
    return _parameter(name, "query", schema, required=required)


def in_header(name: str, schema: Schema) -> Schema:
    """A header that changes what is done."""
    return _parameter(name, "header", schema, required=False)


def body(schema: str, description: str) -> Schema:
    """A JSON body by the name of its schema."""
    return {"required": True, "description": description, "content": {JSON: {"schema": ref(schema)}}}


def answer(description: str, content: Mapping[str, Schema] | None = None, **headers: Any) -> Schema:
    """An answer: its content by type, and its headers besides those that every answer has."""
    said: Schema = {"description": description, "headers": {**OPEN, **headers}}
    return said | ({"content": {kind: {"schema": schema} for kind, schema in content.items()}} if content else {})


def found(
    description: str, schema: Schema, *, headers: Mapping[str, Any] | None = None, **more: Schema
) -> dict[str, Schema]:
    """The answers of a GET that finds something: 200 with JSON, and 304; `headers` are on both."""
    both = {**ETAG, **CACHE, **(headers or {})}
    return {"200": answer(description, {JSON: schema, **more}, **both), "304": answer(REASONS[304], None, **both)}


def errors(*codes: str) -> dict[str, Schema]:
    """The refusals with these codes, by status; a fault of ours is always among them."""
    by_status: dict[int, list[str]] = {}
    for code in (*codes, "INTERNAL_ERROR"):
        by_status.setdefault(STATUS[code], []).append(code)
    return {str(status): _refusal(status, of_status) for status, of_status in sorted(by_status.items())}


def ref(name: str) -> Schema:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def array_of(name: str) -> Schema:
    """An array of a schema of the components."""
    return {"type": "array", "items": ref(name)}


def _refusal(status: int, codes: list[str]) -> Schema:
    code = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
    headers = CACHE | (RETRY if status in {429, 503} else {}) | (SPENT if status == 429 else {})
    headers |= CHALLENGE if status == 401 else {}
    return answer(REASONS[status], {JSON: {"allOf": [ref("ErrorAnswer"), code]}}, **headers)


def _parameter(name: str, place: str, schema: Schema, *, required: bool) -> Schema:
    description = schema.get("description", "")
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}
