"""read_form(): an HTML form -> a schema's values, with what was typed and what is wrong beside each field."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import marshmallow as ma
from flask import request
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import FileStorage, MultiDict

from haas.errors import HaasError

TOP = ""  # the key of errors that belong to no field
_NOT_DATA = {"csrf_token"}

# marshmallow speaks to programmers; these are the words for people.
_WORDS = {
    "Missing data for required field.": _l("Fill this in."),
    "Field may not be null.": _l("Fill this in."),
    "Unknown field.": _l("This field is not expected."),
    "Not a valid string.": _l("Write a text."),
    "Not a valid number.": _l("Write a number, such as 1234.50."),
    "Not a valid integer.": _l("Write a whole number."),
    "Not a valid boolean.": _l("Choose yes or no."),
    "Not a valid date.": _l("Choose a date."),
    "Not a valid datetime.": _l("Choose a date and a time."),
    "Not a valid email address.": _l("Write an e-mail address, such as ana@example.com."),
    "Not a valid URL.": _l("Write a web address that begins with https://."),
}


@dataclass(slots=True)
class Form:
    """What was typed, what it means, and what is wrong with it.

    `data` is None when something is wrong: render the page again with status 422.
    """

    values: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()  # the schema's fields: a refusal of another goes to the top

    @property
    def top_errors(self) -> list[str]:
        """What is wrong with the whole, or with a field that the form does not show."""
        return self.errors.get(TOP, [])

    def value(self, name: str) -> Any:
        """What was typed, or what the page filled in before."""
        return self.values.get(name)

    def errors_of(self, name: str) -> list[str]:
        """What is wrong with one field."""
        return self.errors.get(name, [])

    def refuse(self, refusal: HaasError) -> None:
        """Show an operation's refusal at its field, or at the top."""
        self.data = None
        for name, messages in (refusal.fields or {TOP: [refusal.message]}).items():
            self._add(name, messages)

    def _add(self, name: str, messages: Sequence[str]) -> None:
        if name in self.names:
            self.errors.setdefault(name, []).extend(messages)
        else:
            at = f"{name}: " if name and name != "_schema" else ""
            self.errors.setdefault(TOP, []).extend(f"{at}{message}" for message in messages)


def blank_form(**values: Any) -> Form:
    """A form before anything was sent, filled in with `values`.

    A decimal is shown as a person types it: 150, not 150.000.
    """
    shown = {
        name: f"{value.normalize():f}" if isinstance(value, Decimal) else value
        for name, value in values.items()
    }
    return Form(values=shown, names=frozenset(values))


def read_form(schema_class: type[ma.Schema], *, beside: Collection[str] = ()) -> Form:
    """Read this request's form.

    `beside` are hidden fields of the page that are no data: shown again as they came.

    Empty fields count as not filled in: they load as null where the schema allows it, as "" for texts, else
    as the field's default. An unticked checkbox is false. A list of forms is sent as `lines-0-price`,
    `lines-1-price`, … ; an uploaded file is in `request.files` and, by its name, in a `Raw` field. What is
    `load_only` is a secret: it is never among the values, which the page shows again.
    """
    schema = schema_class()
    sent, files = request.form, request.files
    form = Form(values=_typed(schema, sent), names=frozenset(schema.fields))
    try:
        loaded: Any = schema.load(_meant(schema, sent, files, beside=beside))
    except ma.ValidationError as wrong:
        messages = wrong.messages_dict
        for name, found in messages.items():
            form._add(name, list(_flat(found)))
        return form
    form.data = loaded
    return form


def _typed(schema: ma.Schema, sent: MultiDict[str, str]) -> dict[str, Any]:
    typed: dict[str, Any] = {name: value for name, value in sent.items() if name not in _NOT_DATA}
    for name, kind in schema.fields.items():
        if kind.load_only:
            typed.pop(name, None)
        elif isinstance(kind, ma.fields.List):
            rows = _rows(name, sent)
            typed[name] = rows if isinstance(kind.inner, ma.fields.Nested) else sent.getlist(name)
    return typed


def _meant(
    schema: ma.Schema,
    sent: MultiDict[str, str],
    files: MultiDict[str, FileStorage] | None = None,
    *,
    beside: Collection[str] = (),
) -> dict[str, Any]:
    """What the schema is to load: the form's texts with what HTML cannot say put right."""
    meant: dict[str, Any] = {}
    row_names = set()
    for name, kind in schema.fields.items():
        if files and (upload := files.get(name)) is not None and upload.filename:
            meant[name] = upload
        elif isinstance(kind, ma.fields.List) and isinstance(kind.inner, ma.fields.Nested):
            row_names.add(name)
            inner: Any = kind.inner.schema
            rows = [_meant(inner, MultiDict(row)) for row in _rows(name, sent)]
            meant[name] = [
                row for row in rows if any(value not in (None, "", False) for value in row.values())
            ]
        elif isinstance(kind, ma.fields.List):
            meant[name] = [value for value in sent.getlist(name) if value.strip()]
        elif isinstance(kind, ma.fields.Boolean):
            meant[name] = sent.get(name, "") not in ("", "0", "false", "off")
        elif name in sent:
            _set_text(meant, name, kind, sent[name])
    known = {*schema.fields, *_NOT_DATA, *beside}
    for name in sent:
        if name not in known and not any(name.startswith(f"{row}-") for row in row_names):
            meant[name] = sent[name]  # for the schema to refuse
    return meant


def _set_text(meant: dict[str, Any], name: str, kind: ma.fields.Field[Any], text: str) -> None:
    if text.strip():
        meant[name] = text if _is_secret(name) else text.strip()
    elif kind.required:
        return
    elif kind.allow_none:
        meant[name] = None
    elif isinstance(kind, ma.fields.String) and kind.load_default is ma.missing:
        meant[name] = ""


def _is_secret(name: str) -> bool:
    return "password" in name  # blanks at its ends are part of it


def _rows(name: str, sent: Mapping[str, str]) -> list[dict[str, str]]:
    """`lines-0-price=5` → [{"price": "5"}], in the order of the numbers, gaps closed."""
    pattern = re.compile(rf"{re.escape(name)}-(\d{{1,5}})-(\w+)")
    rows: dict[int, dict[str, str]] = {}
    for key, value in sent.items():
        if found := pattern.fullmatch(key):
            rows.setdefault(int(found[1]), {})[found[2]] = value
    return [rows[number] for number in sorted(rows)]


def _flat(found: Any) -> list[str]:
    """Messages of nested fields as sentences: "Line 2, price: Fill this in."."""
    if isinstance(found, str):
        return [_in_words(found)]
    if isinstance(found, Mapping):
        sentences = []
        for key, inner in found.items():
            at = gettext("Line %(number)d", number=key + 1) if isinstance(key, int) else str(key)
            sentences += [
                f"{at}, {text}" if isinstance(key, int) else f"{at}: {text}" for text in _flat(inner)
            ]
        return sentences
    return [text for inner in found for text in _flat(inner)]


def _in_words(message: str) -> str:
    return str(_WORDS.get(message, message))
