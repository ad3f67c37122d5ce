"""The page at /docs: the OpenAPI description as plain HTML, with nothing from outside."""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: auto; padding: 1rem }}
pre, code {{ font-family: ui-monospace, monospace; background: #f3f3f3; color: #222 }}
pre {{ padding: .75rem; overflow-x: auto }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .25rem; border-bottom: 1px solid }}
h2 {{ margin-top: 2.5rem }}
</style></head><body>
<h1>{title}</h1>
<p>{description}</p>
<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>
{sections}
</body></html>
"""


def render(openapi: dict[str, Any]) -> str:
    """The page of an OpenAPI description.

    Args:
        openapi: What /openapi.json holds.
    """
    info = openapi["info"]
    sections = [
        _operation(path, method, operation)
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    ]
    sections += [_schema(name, s) for name, s in openapi["components"]["schemas"].items()]
    return PAGE.format(
        title=escape(f"{info['title']} {info['version']}"),
        description=escape(info.get("description", "")),
        sections="\n".join(sections),
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parts = [f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2>"]
    parts.append(f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>")
    body = operation.get("requestBody")
    if body:
        content = body["content"]["application/json"]
        example = json.dumps(content["example"])
        command = (
            f"curl -H 'Content-Type: application/json' -d '{example}' http://127.0.0.1:8000{path}"
        )
        parts.append(f"<p>{escape(body['description'])}</p>{_pre(command)}")
        parts.append(_pre(json.dumps(content["schema"], indent=2)))
    rows = [
        (status, escape(response["description"]), _content(response))
        for status, response in operation["responses"].items()
    ]
    parts.append(_table(("status", "when", "body"), rows))
    return "\n".join(parts)


def _content(response: dict[str, Any]) -> str:
    schemas = [content.get("schema", {}) for content in response.get("content", {}).values()]
    return ", ".join(_type(schema) for schema in schemas)


def _schema(name: str, schema: dict[str, Any]) -> str:
    rows = [
        (f"<code>{escape(field)}</code>", _type(facts), escape(facts.get("description", "")))
        for field, facts in schema.get("properties", {}).items()
    ]
    heading = f'<h2 id="{escape(name)}">{escape(name)}</h2>'
    description = f"<p>{escape(schema.get('description', ''))}</p>"
    return heading + description + _table(("field", "type", "meaning"), rows)


def _type(schema: dict[str, Any]) -> str:
    """A schema's type in a few words, with a link where it has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return escape(schema.get("type", ""))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    header = "".join(f"<th>{cell}</th>" for cell in head)
    return f"<table><tr>{header}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _pre(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"
