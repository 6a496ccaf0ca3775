"""The OpenAPI document as one HTML page: no script, no outside request, readable on a phone, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

import orjson

from intake.fields import BLANK_PATTERN, Schema

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2733; --dim: #5a6775; --line: #d9e0e7; --tint: #f4f7fa;
  --link: #0b5cad; --get: #0b6b4f; --post: #0b5cad; --delete: #a8321f; }
@media (prefers-color-scheme: dark) { :root { --paper: #12171d; --ink: #e3e9ef; --dim: #9aa8b6; --line: #2b3641;
  --tint: #1a222b; --link: #7db8f5; --get: #5fd0a5; --post: #7db8f5; --delete: #f39481; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main, nav, header { max-width: 54rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
nav ul { list-style: none; padding: 0; columns: 18rem; }
nav li { margin: .15rem 0; break-inside: avoid; }
article { margin: 1.25rem 0; padding: .25rem 1rem 1rem; background: var(--tint); border: 1px solid var(--line);
  border-radius: .6rem; }
article h3 { display: flex; flex-wrap: wrap; gap: .5rem; align-items: baseline; font-size: 1.05rem; }
code, pre { font: .875em/1.5 ui-monospace, Consolas, monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .75rem; background: var(--paper); border: 1px solid var(--line);
  border-radius: .4rem; }
b { font-size: .8rem; letter-spacing: .05em; }
.get { color: var(--get); } .post { color: var(--post); } .delete { color: var(--delete); }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-top: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; }
small { color: var(--dim); font-weight: 400; }
"""
HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>{title}: the HTTP interface</title><style>{style}</style></head><body>
<header><h1>{title}: the HTTP interface</h1>
"""


def page(document: Schema) -> str:
    """The page of a document."""
    described = document["info"]
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    parts = [
        HEAD.format(title=escape(described["title"]), style=STYLE),
        *(f"<p>{_text(part)}</p>" for part in described["description"].strip().split("\n\n")),
        '<p>For programs: <a href="openapi.json"><code>/openapi.json</code></a>, OpenAPI 3.1.</p></header>',
        "<nav><ul>", *(_link(method, path, operation) for method, path, operation in operations), "</ul></nav><main>",
    ]  # fmt: skip
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'])}</h2>")
        parts += [_article(*one, document) for one in operations if tag["name"] in one[2]["tags"]]
    parts.append("<h2>Shapes</h2>")
    parts += [_shape(name, schema) for name, schema in document["components"]["schemas"].items()]
    return "".join(parts) + "</main></body></html>"


def _link(method: str, path: str, operation: Schema) -> str:
    where = f'<a href="#{operation["operationId"]}"><code>{escape(path)}</code></a>'
    return f'<li><b class="{method}">{method.upper()}</b> {where}</li>'


def _article(method: str, path: str, operation: Schema, document: Schema) -> str:
    title = f'<b class="{method}">{method.upper()}</b><code>{escape(path)}</code>'
    parts = [
        f'<article id="{operation["operationId"]}"><h3>{title}<span>{escape(operation["summary"])}</span></h3>',
        f"<p>{_text(operation['description'])}</p>",
    ]
    if operation["parameters"]:
        rows = ((_parameter(one), _meaning(one["schema"])) for one in operation["parameters"])
        parts.append(_table(rows))
    if "requestBody" in operation:
        schema = _only(operation["requestBody"]["content"])
        parts.append(f"<p>Body: {_kind(schema)}</p>")
        parts += [_example(one) for one in _resolved(schema, document).get("examples", ())]
    parts.append(_table((f"<code>{status}</code>", _answer(said)) for status, said in operation["responses"].items()))
    return "".join(parts) + "</article>"


def _parameter(said: Schema) -> str:
    must = "" if said["required"] else ", optional"
    return f"<code>{escape(said['name'])}</code><br><small>{said['in']}{must}</small>"


def _answer(said: Schema) -> str:
    kinds = [_content(kind, one["schema"]) for kind, one in said.get("content", {}).items() if "schema" in one]
    return _text(said["description"]) + "".join(f" {kind}" for kind in kinds if kind)


def _content(kind: str, schema: Schema) -> str:
    if "allOf" in schema:
        codes = schema["allOf"][1]["properties"]["error"]["properties"]["code"]["enum"]
        return "<small>" + ", ".join(f"<code>{code}</code>" for code in codes) + "</small>"
    return _kind(schema) if kind == "application/json" else f"<small>or {escape(kind)}</small>"


def _shape(name: str, schema: Schema) -> str:
    rows = [(f"<code>{escape(field)}</code>", _meaning(said)) for field, said in _fields(schema)]
    return f'<article id="{name}"><h3><code>{name}</code></h3><p>{_text(schema.get("description", ""))}</p>' + (
        _table(rows) + "</article>"
    )


def _fields(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The fields of an object, those of its alternatives too, each once."""
    fields = dict(schema.get("properties", {}))
    for alternative in schema.get("anyOf", ()):
        for name in alternative.get("required", ()):
            fields.setdefault(name, alternative["properties"][name])
    yield from fields.items()


def _meaning(schema: Schema) -> str:
    """What a value is, in words."""
    text = schema.get("description", "")
    kind = "" if text and "pattern" in schema else _kind(schema)  # such a text says in words what the pattern does
    return f"{_text(text)} <small>{kind}</small>" if kind else _text(text)


def _kind(schema: Schema) -> str:
    """The type of a value, as far as it is worth saying."""
    match schema:
        case {"$ref": where}:
            name = where.rsplit("/", 1)[1]
            said = f'<a href="#{name}"><code>{name}</code></a>'
        case {"anyOf": alternatives}:
            said = ", or ".join(kind for kind in map(_kind, alternatives) if kind)
        case {"type": "array"}:
            said = f"array of {_kind(schema['items']) or 'anything'}"
        case {"enum": values}:
            said = ", ".join(f"<code>{escape(orjson.dumps(value).decode())}</code>" for value in values)
        case {"pattern": pattern}:
            said = f"<code>{escape(pattern.replace(BLANK_PATTERN, ''))}</code>"
        case {"additionalProperties": values}:
            said = f"object of {_kind(values)}"
        case {"minimum": least, "maximum": most}:
            said = f"{schema['type']} {least}–{most}"
        case _:
            said = escape(str(schema.get("type", "")))
    return said


def _example(value: object) -> str:
    return f"<pre>{escape(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())}</pre>"


def _only(content: Schema) -> Schema:
    return next(iter(content.values()))["schema"]  # type: ignore[no-any-return]


def _resolved(schema: Schema, document: Schema) -> Schema:
    return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]  # type: ignore[no-any-return]


def _table(rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th scope=row>{name}</th><td>{meaning}</td></tr>" for name, meaning in rows)
    return f"<table>{lines}</table>" if lines else ""


def _text(text: str) -> str:
    """Text with its `code` marked."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
