"""The OpenAPI document, finished: problems as they are sent, permissions, idempotency, operations' names."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import Flask
from werkzeug.routing import Rule

from haas.rest.idempotency import KEY_LENGTH_MAX

PROBLEM_TYPE = "application/problem+json"
CHANGING = ("post", "put", "patch", "delete")

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX},
    "description": (
        "Any text that is new for each thing you want done. The answer to the first request with it is the"
        " answer to every repeat, for 30 days; another request with the same key is refused."
    ),
}
_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class Problem(ma.Schema):
    """What went wrong (RFC 9457)."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True, metadata={"description": "in words, for people"})
    status = ma.fields.Integer(required=True)
    code = ma.fields.String(required=True, metadata={"description": "for programs; it does not change"})
    errors = ma.fields.Dict(
        keys=ma.fields.String(), metadata={"description": "each wrong field, and what would be right"}
    )
    instance = ma.fields.String(metadata={"description": "names this answer in our logs"})


def decimal_as_text(
    _converter: Any, field: ma.fields.Field[Any], ret: dict[str, Any], **_: Any
) -> dict[str, Any]:
    """A Decimal that is sent as text is documented as text: its bounds go to the words."""
    if not isinstance(field, ma.fields.Decimal) or not field.as_string:
        return {}
    bounds = [
        f"{words} {ret.pop(name)}"
        for name, words in (("minimum", "at least"), ("maximum", "at most"))
        if name in ret
    ]
    kinds = ret.get("type")
    text: Any = ["string", "null"] if isinstance(kinds, list) else "string"
    told = [str(ret.get("description", "")), "a decimal number as text", *bounds]
    return {"type": text, "format": "decimal", "description": "; ".join(filter(None, told))}


def finish(app: Flask, document: dict[str, Any]) -> dict[str, Any]:
    """The document with what the framework does not know of our routes."""
    rules = {
        (_ARGUMENT.sub(r"{\1}", rule.rule), method.lower()): rule
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                _finish_operation(app, operation, method=method, rule=rules[path, method])
                _say_whether_body_is_needed(operation, document["components"].get("schemas", {}))
    finished: dict[str, Any] = _as_numbers(document)
    return finished


def _finish_operation(app: Flask, operation: dict[str, Any], *, method: str, rule: Rule) -> None:
    operation["operationId"] = rule.endpoint.replace("_api.", ".")
    permission = getattr(app.view_functions[rule.endpoint], "haas_permission", None)
    if permission is not None:
        operation["x-permission"] = permission
        told = operation.get("description", "")
        operation["description"] = f"{told}\n\nPermission: `{permission}`".strip()
    if method in CHANGING:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def _say_whether_body_is_needed(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A body of which every field may be left out may be left out itself."""
    body = operation.get("requestBody")
    content = (body or {}).get("content", {}).get("application/json")
    if body is None or content is None:
        return
    schema = content.get("schema", {})
    schema = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    body["required"] = bool(schema.get("required"))


def _as_numbers(value: Any) -> Any:
    """Bounds are Decimals in the schemas; JSON would quote them."""
    if isinstance(value, dict):
        return {key: _as_numbers(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_numbers(each) for each in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
