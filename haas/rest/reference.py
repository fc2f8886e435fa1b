"""The OpenAPI document as chapters for people: what each operation takes, answers and asks for."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One value of a query, a body or an answer; `path` is `lines[].price` for one inside a list."""

    path: str
    kind: str
    required: bool
    words: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What comes back with a status."""

    status: str
    words: str
    fields: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a program can ask for."""

    name: str
    method: str
    path: str
    summary: str
    permission: str
    parameters: tuple[FieldRow, ...]
    body_type: str
    body: tuple[FieldRow, ...]
    answers: tuple[AnswerRow, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """The operations on one subject."""

    key: str
    title: str
    operations: tuple[Operation, ...]


_METHODS = ("get", "post", "put", "patch", "delete")
_DEEPEST = 3  # what lies deeper is told by its own operations


def chapters(document: dict[str, Any]) -> list[Chapter]:
    """All chapters in the order of the document; subjects of several blueprints with one title are one."""
    titles = {tag["name"]: tag.get("description") or tag["name"] for tag in document.get("tags", [])}
    found: dict[str, tuple[str, list[Operation]]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method not in item:
                continue
            tag = item[method]["tags"][0]
            title = titles.get(tag, tag)
            key = tag.removesuffix("_api").replace("_", "-")
            found.setdefault(title, (key, []))[1].append(_operation(document, path, method, item))
    return [Chapter(key, title, tuple(operations)) for title, (key, operations) in found.items()]


def _operation(document: dict[str, Any], path: str, method: str, item: dict[str, Any]) -> Operation:
    operation = item[method]
    body = operation.get("requestBody", {})
    contents: dict[str, dict[str, Any]] = body.get("content", {})
    body_type = next(iter(contents), "")
    parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        permission=operation.get("x-permission", ""),
        parameters=tuple(_parameter(document, _resolved(document, each)) for each in parameters),
        body_type=body_type,
        body=tuple(_fields(document, contents.get(body_type, {}).get("schema", {}))),
        answers=tuple(
            _answer(document, status, _resolved(document, answer))
            for status, answer in sorted(operation["responses"].items())
            if status.startswith("2")
        ),
    )


def _parameter(document: dict[str, Any], parameter: dict[str, Any]) -> FieldRow:
    schema = _resolved(document, parameter.get("schema", {}))
    items = _resolved(document, schema.get("items", {}))
    words = parameter.get("description") or _words(schema) or _words(items)
    place = "" if parameter["in"] == "query" else f" ({parameter['in']})"
    return FieldRow(parameter["name"], _kind(schema, items) + place, bool(parameter.get("required")), words)


def _answer(document: dict[str, Any], status: str, answer: dict[str, Any]) -> AnswerRow:
    contents: list[dict[str, Any]] = list(answer.get("content", {}).values())
    schema = contents[0].get("schema", {}) if contents else {}
    phrase = HTTPStatus(int(status)).phrase
    return AnswerRow(
        f"{status} {phrase}",
        answer.get("description", ""),
        tuple(_fields(document, schema)),
    )


def _fields(
    document: dict[str, Any], schema: dict[str, Any], prefix: str = "", depth: int = 0
) -> list[FieldRow]:
    schema = _resolved(document, schema)
    rows: list[FieldRow] = []
    if schema.get("type") == "array":
        return _fields(document, schema.get("items", {}), f"{prefix}[].", depth)
    needed = set(schema.get("required", ()))
    for name, each in schema.get("properties", {}).items():
        inner = _resolved(document, each)
        items = _resolved(document, inner.get("items", {}))
        path = f"{prefix}{name}"
        rows.append(FieldRow(path, _kind(inner, items), name in needed, _words(inner) or _words(items)))
        if depth < _DEEPEST and (inner.get("properties") or items.get("properties")):
            within = f"{path}[]." if items else f"{path}."
            rows += _fields(document, items or inner, within, depth + 1)
    return rows


def _resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """The value itself where it stands by reference; with `allOf` or `anyOf`, the one that says something."""
    while "$ref" in value:
        found: Any = document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = {**found, **{name: each for name, each in value.items() if name != "$ref"}}
    for several in ("allOf", "anyOf", "oneOf"):
        for each in value.get(several, ()):
            if each.get("type") != "null":
                return _resolved(document, each)
    return value


def _kind(schema: dict[str, Any], items: dict[str, Any] | None = None) -> str:
    kinds = schema.get("type", "")
    names = [str(each) for each in (kinds if isinstance(kinds, list) else [kinds]) if each]
    kind = " or ".join(names) or "any"
    if items:
        kind += f" of {_kind(items)}"
    if wanted := schema.get("format"):
        kind += f", {wanted}"
    return kind


def _words(schema: dict[str, Any]) -> str:
    told = [str(schema["description"])] if schema.get("description") else []
    if choices := [str(each) for each in schema.get("enum", ()) if each is not None]:
        told.append(f"one of {', '.join(choices)}")
    bounds = {"minimum": "at least", "maximum": "at most", "maxLength": "characters at most"}
    for name, words in bounds.items():
        if name in schema:
            told.append(f"{schema[name]} {words}" if name == "maxLength" else f"{words} {schema[name]}")
    if schema.get("default") not in (None, ""):
        told.append(f"{schema['default']} if left out")
    return "; ".join(told)
